"""The longer options of `lookreel animate`, each with its help; `lookreel.cli` says which the command takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

PhotoPose = Annotated[
    list[Path] | None, typer.Option(help="The pose of a photo (.npz); once for each --photo, in their order.")
]
PhotoMask = Annotated[
    list[Path] | None,
    typer.Option(help="Where the person is (white), for --background; once for each --photo, in their order."),
]
PhotosFrom = Annotated[
    Path | None, typer.Option(help="A film of the garment: its best front, back and side frames are photos.")
]
Crop = Annotated[str, typer.Option(help="person: crop the photos to the person, with a margin; or none.")]
Background = Annotated[
    str | None,
    typer.Option(help="Behind the person: a colour or a picture; takes a mask, or photos with transparent parts."),
]
Motion = Annotated[
    str | None, typer.Option(help="A bundled motion, a track .npz, OpenPose JSON, or a video, plain or of skeletons.")
]
Guidance = Annotated[
    float | None, typer.Option(help="How strictly to follow the photos, 0 to 30; the default is the model's.")
]
ImageScale = Annotated[
    float | None, typer.Option(help="DreamPose: how strictly to follow the photo, 0 to 30; the default is the model's.")
]
PoseScale = Annotated[
    float | None, typer.Option(help="DreamPose: how strictly to follow the poses, 0 to 30; the default is the model's.")
]
Sampler = Annotated[
    str | None, typer.Option(help="DreamPose: pndm, ddim, multistep; FashionFlow: ddpm, ddim, multistep.")
]
References = Annotated[
    str | None, typer.Option(help="How a model of a single photo reads several: select, mean, concat or first.")
]
Mirror = Annotated[
    bool | None,
    typer.Option(
        "--mirror/--no-mirror",
        help="Let a side photo's mirror image stand for the other side, where no photo shows it (ProFashion).",
    ),
]
Interpolate = Annotated[
    int | None, typer.Option(help="2 doubles frames and frame rate, where the model can (mini-fashionflow).")
]
Variations = Annotated[
    int | None, typer.Option(help="Make so many films, OUT-1.mp4 and on, with seeds SEED, SEED+1 and on.")
]
Preset = Annotated[
    str, typer.Option(help="fast asks the network a third as often, for a similar film; an unknown name lists all.")
]
Memory = Annotated[
    str | None, typer.Option(help="Plan the film for so much memory on its device, such as 8GB, and say how.")
]
Precision = Annotated[str | None, typer.Option(help="float32, bfloat16 or float16 for the large networks.")]
Compile = Annotated[
    bool, typer.Option("--compile", help="Compile the networks' layers: a slow first step, then faster ones.")
]
