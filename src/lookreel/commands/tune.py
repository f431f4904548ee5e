"""`lookreel tune`: check the options, find the photos' poses, then hand over to the trainer."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookreel.commands.fitting import Finding
from lookreel.commands.options import usable_device
from lookreel.errors import InputError
from lookreel.ranges import whole_number

if TYPE_CHECKING:
    from lookreel.photos import Photo


@dataclass(frozen=True)
class Request:
    """One tuning as asked for on the command line; None leaves the choice to the model."""

    photos: tuple[Path, ...]
    out: Path
    poses: tuple[Path, ...] = ()
    model: str = "mini-dreampose"
    steps: int | None = None
    decoder_steps: int | None = None
    rank: str = "full"
    seed: int = 0
    finding: Finding = field(default_factory=Finding)
    densepose: Path | None = None
    device: str | None = None
    force: bool = False


def tune(request: Request, as_json: bool = False) -> None:
    """Tune and say where the subject lies. Raises InputError where the request cannot be met; nothing is written then,
    but an interrupted tuning keeps its work for the next call."""
    rank = check(request)
    from lookreel import api

    model, record = api.tune(
        request.model,
        _photos(request),
        request.out,
        steps=request.steps,
        decoder_steps=request.decoder_steps,
        rank=rank,
        seed=request.seed,
        finder=request.finding.finder(),
        densepose=request.densepose,
        device=request.device,
        on_notice=lambda line: print(f"lookreel: {line}", file=sys.stderr),
    )
    print(json.dumps(_facts(request, record)) if as_json else _summary(request, record))


def check(request: Request) -> int | None:
    """The rank, None for whole weights; or InputError for the first option that is wrong. No picture is opened."""
    from lookreel.picture_file import check_file

    whole_number("--steps", request.steps, 0)
    whole_number("--decoder-steps", request.decoder_steps, 0)
    whole_number("--seed", request.seed, 0, 2**63 - 1)
    if not request.photos:
        raise InputError("--photo: none given; expected at least one photo of the subject")
    if len(request.poses) not in (0, len(request.photos)):
        found = f"{len(request.poses)} given for {len(request.photos)} photos"
        raise InputError(f"--photo-pose: {found}; expected one for each, in their order")
    _check_out(request)
    for photo in request.photos:
        check_file(photo)
    request.finding.finder()
    usable_device(request.device)
    absent = [name for name in ("accelerate", "tensorboard") if find_spec(name) is None]
    if absent:
        raise InputError(
            f"lookreel tune: {absent[0]} is not installed; expected the extra: pip install 'lookreel[train]'"
        )
    return _rank(request.rank)


def _check_out(request: Request) -> None:
    out = request.out
    if out.is_file():
        raise InputError(f"--out: {out} is a file; expected the folder of the subject")
    if not out.resolve().parent.is_dir():
        raise InputError(f"--out: the folder {out.parent} does not exist; make it first")
    if out.is_dir() and any(out.iterdir()):
        if not (out / "subject.json").is_file():
            raise InputError(f"--out: {out} is there and is no subject; expected a new folder")
        if not request.force:
            raise InputError(f"--out: {out} is a subject already; --force replaces it")


def _rank(text: str) -> int | None:
    if text == "full":
        return None
    if not text.isdigit() or not 1 <= int(text) <= 1024:
        raise InputError(f"--rank: found {text}; expected full or a whole number from 1 to 1024")
    return int(text)


def _photos(request: Request) -> list[Photo]:
    from lookreel.photos import Photo

    poses = request.poses or (None,) * len(request.photos)
    return [Photo(path, pose) for path, pose in zip(request.photos, poses, strict=True)]


def _facts(request: Request, record: dict[str, Any]) -> dict[str, Any]:
    return {"out": str(request.out), "bytes": _size(request.out)} | record


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _summary(request: Request, record: dict[str, Any]) -> str:
    """What was made, for a reader."""
    photos, size = len(record["photos"]), _size(request.out) / 2**20
    told = (
        f"{photos} photo{'s' if photos > 1 else ''} of the subject, {size:.1f} MiB on top of {record['base']['name']}"
    )
    return f"{request.out}  {told}"
