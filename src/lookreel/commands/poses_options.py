"""The options of `lookreel poses`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookreel.commands.fitting import (
    AlignOption,
    DetectorOption,
    Finding,
    Fit,
    PersonOption,
    ScaleOption,
    ShiftOption,
    StrictOption,
    WeightsOption,
)


def poses(
    source: Annotated[
        str, typer.Argument(help="A picture, a video, a folder of frames, drawn skeletons, a track .npz or JSON.")
    ],
    out: Annotated[Path | None, typer.Option(help="track.npz, poses.json, or a folder for OpenPose's files.")] = None,
    overlay: Annotated[Path | None, typer.Option(help="The skeletons over their pictures: .mp4 or .png.")] = None,
    detector: DetectorOption = None,
    weights: WeightsOption = None,
    person: PersonOption = None,
    align_to: Annotated[Path | None, typer.Option(help="A photo: fit the motion to the person in it.")] = None,
    photo_pose: Annotated[Path | None, typer.Option(help="The pose (.npz) of the photo of --align-to.")] = None,
    align: AlignOption = None,
    shift: ShiftOption = None,
    scale: ScaleOption = 1.0,
    strict: StrictOption = False,
    smooth: Annotated[
        bool | None,
        typer.Option(
            "--smooth/--no-smooth", help="Fill short gaps and take out jitter; by default where a detector was used."
        ),
    ] = None,
    fps: Annotated[float | None, typer.Option(help="Frames a second of the result.")] = None,
    start: Annotated[float, typer.Option(help="Seconds to leave out at the start.")] = 0.0,
    end: Annotated[float | None, typer.Option(help="Second at which to stop.")] = None,
    loop: Annotated[int, typer.Option(help="Play it so many times, without a jump.")] = 1,
    size: Annotated[str | None, typer.Option(help="HxW of the picture, for JSON that does not tell it.")] = None,
    densepose: Annotated[
        Path | None, typer.Option(help="DensePose as a TorchScript file: its U,V maps go into the track.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:
    """Find, read, mend, fit or convert poses: from pictures, videos, skeletons, tracks and JSON."""
    from lookreel.commands.poses import Request, poses

    request = Request(
        source=source,
        out=out,
        overlay=overlay,
        finding=Finding(detector, weights, person),
        fit=Fit(align, shift, scale, strict),
        align_to=align_to,
        photo_pose=photo_pose,
        smooth=smooth,
        fps=fps,
        start=start,
        end=end,
        loop=loop,
        size=size,
        densepose=densepose,
        force=force,
    )
    poses(request, json)
