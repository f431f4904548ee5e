"""The options of `lookreel convert`; the work is imported by the command that needs it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Half = Annotated[bool, typer.Option("--half", help="Store in half precision: half the disk, the same films on a GPU.")]
Replace = Annotated[bool, typer.Option("--force", help="Replace an earlier conversion.")]
Vae = Annotated[Path | None, typer.Option(help="The autoencoder, such as sd-vae-ft-mse; by default the base's.")]
ImageEncoder = Annotated[
    Path | None, typer.Option(help="CLIP's image encoder of sd-image-variations; by default the base's.")
]


@app.command("animate-anyone")
def convert_animate_anyone(
    checkpoint: Annotated[
        Path, typer.Argument(help="The folder with denoising_unet, motion_module, reference_unet and pose_guider .pth.")
    ],
    out: Annotated[Path, typer.Option(help="The model folder to write.")],
    base: Annotated[
        Path | None, typer.Option(help="Stable Diffusion 1.5's folder; by default the one in the checkpoint's folder.")
    ] = None,
    vae: Vae = None,
    image_encoder: ImageEncoder = None,
    size: Annotated[str, typer.Option(help="Height x width of the films.")] = "768x512",
    schedule: Annotated[str, typer.Option(help="linear, as published, or scaled_linear, as trained.")] = "linear",
    references: Annotated[
        str, typer.Option(help="How several photos are read: select, mean, concat or first.")
    ] = "select",
    half: Half = False,
    force: Replace = False,
    json: Json = False,
) -> None:
    """Convert the open Animate Anyone's weights to a model."""
    from lookreel.commands.convert import Target, animate_anyone

    animate_anyone(checkpoint, Target(out, half, force, json), base, vae, image_encoder, size, schedule, references)


Clip = Annotated[
    Path | None, typer.Option("--image-encoder", help="CLIP ViT-B/32's folder; by default image_encoder of the base.")
]
FilmSize = Annotated[str, typer.Option("--size", help="Height x width of the films, of as many cells as 640x512.")]
Sd14 = Annotated[Path, typer.Option("--base", help="Stable Diffusion 1.4's or 1.5's folder.")]


@app.command("dreampose")
def convert_dreampose(
    checkpoint: Annotated[
        Path, typer.Argument(help="The folder with unet_epoch_N.pth, adapter_N.pth and, of a subject, vae_N.pth.")
    ],
    base: Sd14,
    out: Annotated[Path, typer.Option(help="The model folder to write.")],
    image_encoder: Clip = None,
    size: FilmSize = "640x512",
    epoch: Annotated[int | None, typer.Option(help="The epoch N; by default the last.")] = None,
    half: Half = False,
    force: Replace = False,
    json: Json = False,
) -> None:
    """Convert DreamPose's published weights to a model."""
    from lookreel.commands.convert import Target, dreampose

    dreampose(checkpoint, base, Target(out, half, force, json), image_encoder, size, epoch)


@app.command("dreampose-start")
def convert_dreampose_start(
    base: Sd14,
    out: Annotated[Path, typer.Option(help="The folder to write, for `lookreel train dreampose-sd15 --init`.")],
    image_encoder: Clip = None,
    size: FilmSize = "640x512",
    half: Half = False,
    force: Replace = False,
    json: Json = False,
) -> None:
    """Make what DreamPose's training starts from of Stable Diffusion and CLIP."""
    from lookreel.commands.convert import Target, dreampose_start

    dreampose_start(base, Target(out, half, force, json), image_encoder, size)


@app.command("fashionflow")
def convert_fashionflow(
    checkpoint: Annotated[Path, typer.Argument(help="The authors' FashionFlow_checkpoint.pth.")],
    encoders: Annotated[
        Path, typer.Option(help="A folder with vae (Stable Diffusion 1.4's) and image_encoder (CLIP ViT-B/32).")
    ],
    out: Annotated[Path, typer.Option(help="The model folder to write.")],
    half: Half = False,
    force: Replace = False,
    json: Json = False,
) -> None:
    """Convert FashionFlow's published weights to a model."""
    from lookreel.commands.convert import Target, fashionflow

    fashionflow(checkpoint, encoders, Target(out, half, force, json))


@app.command("profashion-start")
def convert_profashion_start(
    base: Annotated[Path, typer.Option(help="Stable Diffusion 1.5's folder.")],
    out: Annotated[Path, typer.Option(help="The folder to write, for `lookreel train profashion-sd15 --init`.")],
    vae: Vae = None,
    image_encoder: ImageEncoder = None,
    motion: Annotated[Path | None, typer.Option(help="AnimateDiff's mm_sd_v15_v2.ckpt.")] = None,
    controlnet: Annotated[Path | None, typer.Option(help="The ControlNet for OpenPose, a file or a folder.")] = None,
    half: Half = False,
    force: Replace = False,
    json: Json = False,
) -> None:
    """Gather the public parts that ProFashion's training starts from."""
    from lookreel.commands.convert import Target, profashion_start

    profashion_start(base, Target(out, half, force, json), vae, image_encoder, motion, controlnet)
