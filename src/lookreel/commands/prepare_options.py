"""The options of `lookreel prepare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookreel.commands.fitting import WeightsOption


def prepare(
    videos: Annotated[
        Path | None, typer.Argument(help="A folder of videos, one video, or a JSON list of the open Animate Anyone.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The folder of the dataset; the same command again resumes.")] = None,
    ubc: Annotated[
        tuple[Path, Path] | None,
        typer.Option(metavar="TRAIN TEST", help="Fetch UBC Fashion's two lists of addresses into VIDEOS first."),
    ] = None,
    check: Annotated[Path | None, typer.Option(help="Only check this dataset.")] = None,
    moore: Annotated[
        Path | None, typer.Option(help="Only write this dataset as the open Animate Anyone's JSON, to --out.")
    ] = None,
    detector: Annotated[str, typer.Option(help="mini, dwpose or a folder of two .onnx files.")] = "mini",
    weights: WeightsOption = None,
    shortest: Annotated[float, typer.Option(help="Seconds that a clip has at least.")] = 2.0,
    longest: Annotated[float, typer.Option(help="Seconds above which it is cut into equal parts.")] = 30.0,
    test_share: Annotated[
        float, typer.Option(help="Share of the videos for the split test, where no folder train or test says it.")
    ] = 0.1,
    licence: Annotated[str | None, typer.Option(help="Licence of all videos that licences.csv does not name.")] = None,
    delay: Annotated[float, typer.Option(help="With --ubc: seconds between two requests.")] = 1.0,
    fetch_only: Annotated[bool, typer.Option("--fetch-only", help="With --ubc: fetch, and stop.")] = False,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "--workers", help="Videos at a time; the default is one a core.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write into a folder that holds something else.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:
    """Make a dataset of videos: find clips, poses, views and flow. Or check one, or write it for others."""
    from lookreel.commands.prepare import Options, prepare

    options = Options(
        videos=videos,
        out=out,
        ubc=ubc,
        check=check,
        moore=moore,
        detector=detector,
        weights=weights,
        shortest=shortest,
        longest=longest,
        test_share=test_share,
        licence=licence,
        delay=delay,
        fetch_only=fetch_only,
        jobs=jobs,
        force=force,
    )
    prepare(options, json)
