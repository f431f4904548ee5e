"""`lookreel animate`: check everything, make the film, write film, sheet and sidecar together."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookreel.commands.abilities import check_able, option_name, scales
from lookreel.commands.fitting import Finding, Fit, told_in
from lookreel.commands.options import usable_device
from lookreel.commands.running import Running
from lookreel.errors import InputError
from lookreel.outputs import check_output, whole
from lookreel.ranges import real_number, whole_number

if TYPE_CHECKING:
    from lookreel.film import Film
    from lookreel.inputs import Inputs
    from lookreel.photos import Photo
    from lookreel.poses.finder import Finder
    from lookreel.system import System

OWN = ("image_scale", "pose_scale", "sampler")  # options that are handed on only where they are given


@dataclass(frozen=True)
class Look:
    """How the photos are shown to the model. masks: one for each photo, or none. source: a film to take photos from."""

    crop: str = "none"
    background: str | None = None
    masks: tuple[Path, ...] = ()
    source: Path | None = None


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
    image_scale: float | None = None
    pose_scale: float | None = None
    sampler: str | None = None
    frames: int | None = None
    interpolate: int | None = None
    variations: int | None = None
    first: bool = False
    references: str | None = None
    mirror: bool | None = None
    device: str | None = None
    force: bool = False
    look: Look = field(default_factory=Look)
    fit: Fit = field(default_factory=Fit)
    finding: Finding = field(default_factory=Finding)
    running: Running = field(default_factory=Running)


@dataclass(frozen=True)
class Outputs:
    """The three files of one film."""

    film: Path
    sheet: Path
    sidecar: Path


def animate(request: Request, as_json: bool = False) -> None:
    """Make the film and say where it lies. Raises InputError before any work where the request cannot be met."""
    if request.variations is not None:
        from lookreel.commands.variations import animate_all

        return animate_all(request, as_json)
    outputs = check(request)
    model = load(request)
    film = make(request, model, prepare(request, model))
    record = {**film.report, **{name: str(path) for name, path in vars(outputs).items()}}
    write(film, outputs, record)
    print(json.dumps(record, default=str) if as_json else summary(film, outputs))


def check(request: Request) -> Outputs:
    """The files that will be written, or InputError for the first thing that is wrong; no picture is opened."""
    from lookreel.film import SUFFIXES
    from lookreel.picture_file import check_file

    whole_number("--seed", request.seed, 0, 2**63 - 1)
    whole_number("--steps", request.steps, 1, 1000)
    whole_number("--frames", request.frames, 1)
    _check_references(request)
    whole_number("--interpolate", request.interpolate, 1, 2)
    for name, scale in scales(request).items():
        real_number(option_name(name), scale, 0, 30)
    film = check_output(request.out, SUFFIXES, request.force)
    sheet = check_output(film.with_suffix(".png"), (".png",), request.force)
    sidecar = check_output(film.with_suffix(".json"), (".json",), request.force)
    _check_count(request)
    for photo in (*request.photos, *request.look.masks):
        check_file(photo)
    request.fit.arguments()
    request.finding.finder()
    request.running.check()
    outputs = Outputs(film, sheet, sidecar)
    _check_apart(request, outputs)
    usable_device(request.device)
    return outputs


def _check_references(request: Request) -> None:
    """A known way of reading photos; whether the model has it is seen once it is loaded."""
    from lookreel.animate_anyone.config import REFERENCES

    if request.references not in (None, *REFERENCES):
        raise InputError(f"--references: found {request.references}; expected one of {', '.join(REFERENCES)}")


def _check_count(request: Request) -> None:
    """At least one photo, and as many poses and masks as photos where they are given."""
    photos, look = len(request.photos), request.look
    if photos == 0 and look.source is None:
        raise InputError("--photo: none given; expected at least one photo of the outfit")
    for option, given in (("--photo-pose", len(request.poses)), ("--photo-mask", len(look.masks))):
        if given not in (0, photos):
            raise InputError(f"{option}: {given} given for {photos} photos; expected one for each, in their order")
    if look.masks and look.background is None:
        raise InputError("--photo-mask: nothing to do without --background; expected a colour or a picture for it")
    if look.crop not in ("none", "person"):
        raise InputError(f"--crop: found {look.crop}; expected none or person")


def _check_apart(request: Request, outputs: Outputs) -> None:
    """No output lies where an input is read: `--force` is for old films, not for photos."""
    named = (request.motion, request.look.source, request.look.background)
    inputs = [*request.photos, *request.poses, *request.look.masks, *(Path(name) for name in named if name)]
    for path in vars(outputs).values():
        if path.resolve() in [given.resolve() for given in inputs]:
            raise InputError(f"--out: {path} would be written over an input of the same name; name the film otherwise")


def load(request: Request) -> System:
    """The model that the request names. Raises InputError where it cannot do what is asked."""
    from lookreel import api

    model = api.load(request.model, device=request.running.loads_on(request.device))
    request.running.arguments(model)
    check_able(request, model)
    model = model if request.references is None else model.with_references(request.references)
    return model if request.mirror is None else model.with_mirror_sides(request.mirror)


def prepare(request: Request, model: System) -> Inputs:
    """Photos with their poses, and the motion fitted to them; says on stderr what a user should know before a film.

    Raises InputError where an input is wrong, with --strict also for what is a warning otherwise.
    """
    from lookreel.inputs import Inputs, gather

    finder = request.finding.finder()
    photos, notices = _photos(request, finder)
    if model.takes_motion:
        with ExitStack() as stack:
            inputs = gather(
                photos,
                request.motion,
                model.size,
                finder=finder,
                frames=request.frames,
                strict=request.fit.strict,
                progress=told_in(stack),
                **request.fit.arguments(),
            )
    else:
        _check_no_fit(request)
        inputs = Inputs(photos, None)
    told = [inputs.coverage.told()] if inputs.coverage else []
    for line in (*notices, *inputs.notices, *told, *(f"warning: {warning}" for warning in inputs.warnings)):
        print(f"lookreel: {line}", file=sys.stderr)
    inputs.notices[:0] = notices
    request.running.apply(model, request.device, inputs, request.frames)
    return inputs


def _check_no_fit(request: Request) -> None:
    """InputError where a motion is to be fitted, and the model makes up its own."""
    fit = request.fit
    given = {"--align": fit.align is not None, "--shift": fit.shift is not None, "--scale": fit.scale != 1}
    for option, there in given.items():
        if there:
            raise InputError(f"{option}: nothing to fit; {request.model} makes up its own motion")


def _photos(request: Request, finder: Finder) -> tuple[list[Photo], list[str]]:
    """The photos as asked for, and notices about those that were taken from a film."""
    from lookreel.photos import Photo

    count, look = len(request.photos), request.look
    poses, masks = request.poses or (None,) * count, look.masks or (None,) * count
    photos = [Photo(path, pose, mask=mask) for path, pose, mask in zip(request.photos, poses, masks, strict=True)]
    notices: list[str] = []
    if look.source is not None:
        from lookreel.photos_from import photos_from

        taken, notices = photos_from(look.source, finder)
        photos += taken
    photos = photos[:1] if request.first else photos
    return [replace(photo, crop=look.crop, background=look.background) for photo in photos], notices


def make(request: Request, model: System, inputs: Inputs) -> Film:
    """Animate, with the progress on stderr; the film's report tells of its inputs, too."""
    from lookreel.progress import Progress

    more = {name: getattr(request, name) for name in OWN if getattr(request, name) is not None}
    more |= {"interpolate": request.interpolate} if request.interpolate == 2 else {}
    with Progress("steps") as progress:
        film = model.animate(
            inputs.photos,
            inputs.motion if model.takes_motion else request.motion,
            seed=request.seed,
            steps=request.steps,
            guidance=request.guidance,
            frames=request.frames,
            **more,
            **request.running.arguments(model),
            on_step=lambda done, total, preview: progress(done, total=total),
        )
    own = [warning for warning in film.report.get("warnings", ()) if warning not in inputs.warnings]
    told = film.report.get("notices", [])
    for line in (*told, *(f"warning: {warning}" for warning in own)):
        print(f"lookreel: {line}", file=sys.stderr)
    film.report |= inputs.record() | {"notices": [*inputs.notices, *told], "warnings": [*inputs.warnings, *own]}
    return film


def write(film: Film, outputs: Outputs, record: dict[str, Any]) -> None:
    """Write the three files; they appear together, or none does."""
    with whole(outputs.film, outputs.sheet, outputs.sidecar) as (film_path, sheet_path, sidecar_path):
        film.save(film_path)
        film.sheet(sheet_path)
        sidecar_path.write_text(json.dumps(record, indent=2, default=str) + "\n", encoding="utf-8")


def summary(film: Film, outputs: Outputs) -> str:
    """What was made, for a reader."""
    height, width = film.frames.shape[2:]
    first = f"{outputs.film}  {len(film)} frames, {film.fps:g} fps, {width}x{height}"
    return "\n".join([first, f"{outputs.sheet}  contact sheet", f"{outputs.sidecar}  how it was made"])
