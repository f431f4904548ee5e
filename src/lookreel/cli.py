"""The command line: options in, exit code out. The work itself is imported by the command that needs it."""

from __future__ import annotations

import errno
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from typer.main import get_command

from lookreel import __version__
from lookreel.commands import animate_options as options
from lookreel.commands.convert_options import app as convert_app
from lookreel.commands.evaluate_options import evaluate
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
from lookreel.commands.poses_options import poses
from lookreel.commands.prepare_options import prepare
from lookreel.commands.tune_options import tune
from lookreel.errors import InputError

app = typer.Typer(
    name="lookreel",
    help="A fashion film from a few photographs of an outfit.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# What a path that a user named can run into, wherever it is first touched.
_UNREACHABLE = (errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ELOOP)
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Device = Annotated[str | None, typer.Option(help="cpu, cuda, cuda:N or mps; by default the best there is.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lookreel {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    pass


@app.command()
def animate(
    out: Annotated[Path, typer.Option(help="The film: .mp4, .webp or .gif; beside it .png and .json of that name.")],
    photo: Annotated[list[Path] | None, typer.Option(help="A photo of the outfit; once for each photo.")] = None,
    photo_pose: options.PhotoPose = None,
    photo_mask: options.PhotoMask = None,
    photos_from: options.PhotosFrom = None,
    crop: options.Crop = "none",
    background: options.Background = None,
    model: Annotated[str, typer.Option(help="A bundled model, a folder, or a hub id; see `lookreel models`.")] = "mini",
    motion: options.Motion = None,
    align: AlignOption = None,
    shift: ShiftOption = None,
    scale: ScaleOption = 1.0,
    strict: StrictOption = False,
    detector: DetectorOption = None,
    weights: WeightsOption = None,
    person: PersonOption = None,
    seed: Annotated[int, typer.Option(help="The same seed makes the same film.")] = 0,
    steps: Annotated[int | None, typer.Option(help="Denoising steps, 1 to 1000; the default is the model's.")] = None,
    guidance: options.Guidance = None,
    image_scale: options.ImageScale = None,
    pose_scale: options.PoseScale = None,
    sampler: options.Sampler = None,
    frames: Annotated[int | None, typer.Option(help="Only the first N frames of the motion.")] = None,
    interpolate: options.Interpolate = None,
    variations: options.Variations = None,
    first: Annotated[bool, typer.Option("--first", help="Of several photos use the first only.")] = False,
    references: options.References = None,
    mirror: options.Mirror = None,
    preset: options.Preset = "exact",
    memory: options.Memory = None,
    precision: options.Precision = None,
    compile: options.Compile = False,
    device: Device = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the film, its sheet and its sidecar.")] = False,
    json: Json = False,
) -> None:
    """Make a film, its contact sheet (.png) and its sidecar (.json) from photos and a motion."""
    from lookreel.commands.animate import Look, Request, animate
    from lookreel.commands.running import Running

    request = Request(
        photos=tuple(photo or ()), poses=tuple(photo_pose or ()), model=model, motion=motion, out=out,
        seed=seed, steps=steps, guidance=guidance, image_scale=image_scale, pose_scale=pose_scale, sampler=sampler,
        frames=frames, interpolate=interpolate, variations=variations, first=first, references=references,
        mirror=mirror, device=device, force=force,
        look=Look(crop, background, tuple(photo_mask or ()), photos_from),
        fit=Fit(align, shift, scale, strict),
        finding=Finding(detector, weights, person),
        running=Running(preset, memory, precision, compile),
    )  # fmt: skip
    animate(request, json)


app.command()(poses)
app.command()(prepare)


@app.command()
def motions(json: Json = False) -> None:
    """List the bundled motions with their frames and their frame rate."""
    from lookreel.commands.listing import motions

    motions(json)


@app.command()
def models(json: Json = False) -> None:
    """List the bundled models with their size and licence."""
    from lookreel.commands.listing import models

    models(json)


@app.command()
def train(
    preset: Annotated[str, typer.Argument(help="The recipe; an unknown name lists those there are.")],
    data: Annotated[str, typer.Option(help="A dataset folder, or `mannequin` for the procedural world.")],
    out: Annotated[Path, typer.Option(help="The folder of the run; the same command again resumes it.")],
    steps: Annotated[int | None, typer.Option(help="Stop after that many steps; the default is the recipe's.")] = None,
    init: Annotated[
        Path | None, typer.Option(help="Start from this model, or folder with vae, image_encoder and SD1.5's unet.")
    ] = None,
    stage: Annotated[int | None, typer.Option(help="Only this stage of the recipe, 1 or 2.")] = None,
) -> None:
    """Train a model by a recipe; the same command resumes an interrupted run."""
    from lookreel.commands.train import train

    train(preset, data, out, steps, init, stage)


app.command()(tune)


app.add_typer(convert_app, name="convert", help="Make a folder for lookreel from published checkpoints.")
# --rate and --ratings take several folders or files: those after the first are extra arguments.
app.command(context_settings={"allow_extra_args": True})(evaluate)


@app.command()
def ablate(
    recipe: Annotated[str, typer.Argument(help="The ablation; an unknown name lists those there are.")],
    out: Annotated[Path, typer.Option(help="The folder of its models and figures; the same command again resumes.")],
    only: Annotated[list[str] | None, typer.Option(help="Only this row and what it needs; once for each row.")] = None,
    seeds: Annotated[int | None, typer.Option(help="Garments to measure; the default is the recipe's.")] = None,
    docs: Annotated[Path | None, typer.Option(help="Where the report goes; the default is OUT/report.")] = None,
    json: Json = False,
) -> None:
    """Train and measure the variants of a paper side by side, with intervals, and write the report."""
    from lookreel.commands.ablate import ablate

    ablate(recipe, out, only, seeds, docs, json)


@app.command()
def doctor(json: Json = False) -> None:
    """Show versions, device, memory, codecs, and what each extra would add."""
    from lookreel.commands.listing import doctor

    doctor(json)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 1 a fault of ours, 2 wrong input, 130 interrupted."""
    try:
        code = get_command(app).main(arguments, prog_name="lookreel", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except (KeyboardInterrupt, typer.Abort):
        return _failed("interrupted", 130)
    except InputError as error:
        return _failed(str(error), 2)
    except Exception as error:
        if isinstance(error, OSError) and error.filename is not None and error.errno in _UNREACHABLE:
            return _failed(f"{error.filename}: {error.strerror}; expected a path that can be used", 2)
        # Usage errors have no public name of their own in typer; they are those that can word themselves.
        if hasattr(error, "format_message"):
            return _usage(error)
        traceback.print_exc()
        return 1


def _usage(error: Exception) -> int:
    """Exit code for a usage error: `lookreel` alone shows its help, everything else is one line."""
    message = error.format_message()
    if type(error).__name__ == "NoArgsIsHelpError":
        print(message)
        return 0
    return _failed(f"{message.rstrip('.')}; see lookreel --help", 2)


def _failed(message: str, code: int) -> int:
    print(f"lookreel: {' '.join(message.split())}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
