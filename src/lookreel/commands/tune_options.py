"""The options of `lookreel tune`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookreel.commands.fitting import DetectorOption, Finding, PersonOption, WeightsOption


def tune(
    out: Annotated[Path, typer.Option(help="The folder of the subject; the same command again resumes.")],
    photo: Annotated[list[Path] | None, typer.Option(help="A photo of the subject; once for each photo.")] = None,
    photo_pose: Annotated[
        list[Path] | None,
        typer.Option(help="The pose of each photo, .npz or a U,V map .npy; by default the file beside it."),
    ] = None,
    model: Annotated[
        str, typer.Option(help="A model of DreamPose: bundled, a folder, or a hub id.")
    ] = "mini-dreampose",
    steps: Annotated[
        int | None, typer.Option(help="Steps of U-Net and adapter; the default is the model's, 0 leaves them.")
    ] = None,
    decoder_steps: Annotated[
        int | None, typer.Option(help="Steps of the VAE's decoder; the default is the model's, 0 leaves it.")
    ] = None,
    rank: Annotated[
        str, typer.Option(help="full: whole weights; a number: changes of that rank, much smaller.")
    ] = "full",
    seed: Annotated[int, typer.Option(help="The same seed gives the same subject.")] = 0,
    detector: DetectorOption = None,
    weights: WeightsOption = None,
    person: PersonOption = None,
    densepose: Annotated[
        Path | None, typer.Option(help="DensePose as a TorchScript file, for the photos' U,V maps.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:N or mps; by default the best there is.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the subject that is there.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:
    """Tune a model of DreamPose to one person and garment; the folder is then a model for `lookreel animate`."""
    from lookreel.commands.tune import Request, tune

    request = Request(
        photos=tuple(photo or ()),
        out=out,
        poses=tuple(photo_pose or ()),
        model=model,
        steps=steps,
        decoder_steps=decoder_steps,
        rank=rank,
        seed=seed,
        finding=Finding(detector, weights, person),
        densepose=densepose,
        device=device,
        force=force,
    )
    tune(request, json)
