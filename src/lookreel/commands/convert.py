"""`lookreel convert`: published checkpoints to a folder of ours."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lookreel.errors import InputError


@dataclass(frozen=True)
class Target:
    """Where the folder goes and how. half: store in half precision."""

    out: Path
    half: bool = False
    force: bool = False
    as_json: bool = False


def animate_anyone(
    checkpoint: Path,
    target: Target,
    base: Path | None = None,
    vae: Path | None = None,
    image_encoder: Path | None = None,
    size: str = "768x512",
    schedule: str = "linear",
    references: str = "select",
) -> None:
    """Convert the open Animate Anyone's checkpoint; raises InputError where anything is missing or amiss."""
    from lookreel.animate_anyone.config import WORDS
    from lookreel.animate_anyone.convert import convert
    from lookreel.animate_anyone.sources import find

    height_width = parse_size(size)
    for option, name, given in (("--schedule", "beta_schedule", schedule), ("--references", "references", references)):
        if given not in WORDS[name]:
            raise InputError(f"{option}: found {given!r}; expected one of {', '.join(WORDS[name])}")
    sources = find(checkpoint, base, vae, image_encoder)
    settings = {"size": height_width, "beta_schedule": schedule, "references": references}
    _run(lambda **how: convert(sources, target.out, **how, **settings), target, "for `lookreel animate --model`")


def fashionflow(checkpoint: Path, encoders: Path, target: Target) -> None:
    """Convert FashionFlow's checkpoint; raises InputError where anything is missing or amiss."""
    from lookreel.fashionflow.convert import convert

    _run(lambda **how: convert(checkpoint, encoders, target.out, **how), target, "for `lookreel animate --model`")


def dreampose(
    checkpoint: Path,
    base: Path,
    target: Target,
    image_encoder: Path | None = None,
    size: str = "640x512",
    epoch: int | None = None,
) -> None:
    """Convert DreamPose's checkpoints; raises InputError where anything is missing or amiss."""
    from lookreel.dreampose.convert import convert, find

    height_width = parse_size(size)
    sources = find(checkpoint, base, image_encoder, epoch)
    _run(lambda **how: convert(sources, target.out, size=height_width, **how), target, "for `lookreel animate --model`")


def dreampose_start(base: Path, target: Target, image_encoder: Path | None = None, size: str = "640x512") -> None:
    """Make what DreamPose's training starts from; raises InputError where anything is missing or amiss."""
    from lookreel.dreampose.convert import Sources, convert

    height_width = parse_size(size)
    sources = Sources(base, image_encoder or base / "image_encoder")
    use = "for `lookreel train dreampose-sd15 --init`"
    _run(lambda **how: convert(sources, target.out, size=height_width, **how), target, use)


def profashion_start(
    base: Path,
    target: Target,
    vae: Path | None = None,
    image_encoder: Path | None = None,
    motion: Path | None = None,
    controlnet: Path | None = None,
) -> None:
    """Gather what ProFashion's training starts from; raises InputError where anything is missing or amiss."""
    from lookreel.profashion.start_folder import gather

    parts = dict(vae=vae, image_encoder=image_encoder, motion=motion, controlnet=controlnet)
    _run(lambda **how: gather(base, target.out, **how, **parts), target, "for `lookreel train profashion-sd15 --init`")


def parse_size(text: str) -> tuple[int, int]:
    """(H, W) of "HxW"."""
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if not match or not all(16 <= int(side) <= 4096 and int(side) % 8 == 0 for side in match.groups()):
        raise InputError(f"--size: found {text!r}; expected height x width such as 768x512, multiples of 8 up to 4096")
    return int(match[1]), int(match[2])


def _run(convert: Callable[..., dict[str, Any]], target: Target, use: str) -> None:
    """Convert with progress on stderr, and say what was done."""
    import torch

    from lookreel.progress import Progress

    dtype = torch.float16 if target.half else None
    with Progress("components") as progress:
        record = convert(dtype=dtype, force=target.force, on_part=lambda done, all, name: progress(done, name, all))
    if target.as_json:
        print(json.dumps({"out": str(target.out), "components": record}))
        return
    for name, part in record.items():
        left = f", {len(part['ignored'])} of the file not needed" if part["ignored"] else ""
        made = f", {len(part['made'])} as training starts" if part["made"] else ""
        print(f"{name}  {len(part['used'])} tensors from {part['file']}{left}{made}")
    print(f"{target.out}  {use}")
