"""The options of `lookreel evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    context: typer.Context,
    generated: Annotated[
        Path | None, typer.Option(help="The folder of generated clips: videos, or PNG folders.")
    ] = None,
    truth: Annotated[Path | None, typer.Option(help="The folder of true clips of the same names.")] = None,
    protocol: Annotated[str, typer.Option(help="ubc256, native, bdmm or disco; see docs/metrics.md.")] = "ubc256",
    out: Annotated[Path | None, typer.Option(help="The folder of the report; with --rate, of the rating page.")] = None,
    weights: Annotated[Path | None, typer.Option(help="The folder of the metrics' weight files.")] = None,
    as_published: Annotated[
        bool, typer.Option("--as-published", help="With the metrics whose faults some tables carry.")
    ] = False,
    detector: Annotated[
        str | None, typer.Option(help="Finds the poses of generated clips that bring none: mini, dwpose or a folder.")
    ] = None,
    jobs: Annotated[int | None, typer.Option(help="Clips at a time; the default is one a core.")] = None,
    rate: Annotated[
        list[Path] | None, typer.Option(help="Make a blind rating page of these folders: --rate A B ...")
    ] = None,
    ratings: Annotated[
        list[Path] | None,
        typer.Option(help="Turn the raters' files into a table: --ratings R1.json R2.json ... --key K"),
    ] = None,
    key: Annotated[Path | None, typer.Option(help="The key.json that --rate wrote, for --ratings.")] = None,
    seed: Annotated[int, typer.Option(help="With --rate: another seed, another order of the films.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Write over what is there.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:
    """Measure generated clips against true ones; or let people rate them blindly (--rate, then --ratings)."""
    from lookreel.commands.evaluate import Options, evaluate

    options = Options(generated, truth, protocol, out, weights, as_published, jobs, seed, key, force, detector)
    evaluate(options, rate or [], ratings or [], [Path(extra) for extra in context.args], json)
