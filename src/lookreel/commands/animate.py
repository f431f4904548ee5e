"""`lookreel animate`: check everything, make the film, write film, sheet and sidecar together."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookreel.commands.options import usable_device
from lookreel.errors import InputError
from lookreel.outputs import check_output, whole
from lookreel.ranges import real_number, whole_number

if TYPE_CHECKING:
    from lookreel.film import Film


@dataclass(frozen=True)
class Request:
    """One film as asked for on the command line; None leaves the choice to the model."""

    photos: tuple[Path, ...]
    out: Path
    poses: tuple[Path, ...] = ()
    model: str = "mini"
    motion: str | None = None
    seed: int = 0
    steps: int | None = None
    guidance: float | None = None
    frames: int | None = None
    device: str | None = None
    force: bool = False


@dataclass(frozen=True)
class Outputs:
    """The three files of one film."""

    film: Path
    sheet: Path
    sidecar: Path


def animate(request: Request, as_json: bool = False) -> None:
    """Make the film and say where it lies. Raises InputError before any work where the request cannot be met."""
    outputs = check(request)
    film = make(request)
    record = {**film.report, **{name: str(path) for name, path in vars(outputs).items()}}
    write(film, outputs, record)
    for warning in film.report.get("warnings", ()):
        print(f"lookreel: warning: {warning}", file=sys.stderr)
    print(json.dumps(record, default=str) if as_json else _summary(film, outputs))


def check(request: Request) -> Outputs:
    """The files that will be written, or InputError for the first thing that is wrong; no picture is opened."""
    from lookreel.film import SUFFIXES
    from lookreel.picture_file import check_file

    whole_number("--seed", request.seed, 0, 2**63 - 1)
    whole_number("--steps", request.steps, 1, 1000)
    whole_number("--frames", request.frames, 1)
    real_number("--guidance", request.guidance, 0, 30)
    film = check_output(request.out, SUFFIXES, request.force)
    sheet = check_output(film.with_suffix(".png"), (".png",), request.force)
    sidecar = check_output(film.with_suffix(".json"), (".json",), request.force)
    _check_count(request)
    for photo in request.photos:
        check_file(photo)
    outputs = Outputs(film, sheet, sidecar)
    _check_apart(request, outputs)
    usable_device(request.device)
    return outputs


def _check_count(request: Request) -> None:
    """At least one photo, and as many poses as photos where poses are given."""
    photos, poses = len(request.photos), len(request.poses)
    if photos == 0:
        raise InputError("--photo: none given; expected at least one photo of the outfit")
    if poses not in (0, photos):
        raise InputError(f"--photo-pose: {poses} given for {photos} photos; expected one for each, in their order")


def _check_apart(request: Request, outputs: Outputs) -> None:
    """No output lies where an input is read: `--force` is for old films, not for photos."""
    inputs = [*request.photos, *request.poses, *([Path(request.motion)] if request.motion else [])]
    for path in vars(outputs).values():
        if path.resolve() in [given.resolve() for given in inputs]:
            raise InputError(f"--out: {path} would be written over an input of the same name; name the film otherwise")


def make(request: Request) -> Film:
    """Load the model and animate, with the progress on stderr."""
    from lookreel import api
    from lookreel.photos import Photo
    from lookreel.progress import Progress

    poses = request.poses or (None,) * len(request.photos)
    photos = [Photo(path, pose) for path, pose in zip(request.photos, poses, strict=True)]
    model = api.load(request.model, device=request.device)
    with Progress("steps") as progress:
        return model.animate(
            photos,
            request.motion,
            seed=request.seed,
            steps=request.steps,
            guidance=request.guidance,
            frames=request.frames,
            on_step=lambda done, total, preview: progress(done, total=total),
        )


def write(film: Film, outputs: Outputs, record: dict[str, Any]) -> None:
    """Write the three files; they appear together, or none does."""
    with whole(outputs.film, outputs.sheet, outputs.sidecar) as (film_path, sheet_path, sidecar_path):
        film.save(film_path)
        film.sheet(sheet_path)
        sidecar_path.write_text(json.dumps(record, indent=2, default=str) + "\n", encoding="utf-8")


def _summary(film: Film, outputs: Outputs) -> str:
    """What was made, for a reader."""
    height, width = film.frames.shape[2:]
    first = f"{outputs.film}  {len(film)} frames, {film.fps:g} fps, {width}x{height}"
    return "\n".join([first, f"{outputs.sheet}  contact sheet", f"{outputs.sidecar}  how it was made"])
