"""What a user asks of FashionFlow, checked: one photo, no motion, a length that the network can make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lookreel.errors import InputError
from lookreel.fashionflow.config import WORDS, FashionFlowConfig
from lookreel.fashionflow.sampling import Sampling
from lookreel.ranges import whole_number

if TYPE_CHECKING:
    from lookreel.fashionflow.system import FashionFlowSystem


@dataclass(frozen=True)
class Lengths:
    """asked: frames of the film; made: frames that the network makes for it; notices: what the user should know."""

    asked: int
    made: int
    notices: tuple[str, ...] = ()


def check(
    system: FashionFlowSystem,
    motion: Any,
    sampling: Sampling,
    guidance: float | None,
    frames: int | None,
    preset: str,
    interpolate: int,
) -> None:
    """InputError for the first argument that FashionFlow cannot follow."""
    if motion is not None:
        raise InputError("motion: given; FashionFlow makes up its own motion, by the seed; expected none")
    if guidance is not None:
        raise InputError(f"guidance: found {guidance}; FashionFlow is trained without guidance; expected none")
    if preset != "exact":
        raise InputError(f"preset: found {preset}; FashionFlow has only exact")
    whole_number("seed", sampling.seed, 0, needed=True)
    whole_number("steps", sampling.steps, 1, 1000)
    whole_number("frames", frames, 2, system.config.max_frames)
    whole_number("interpolate", interpolate, 1, 2, needed=True)
    if interpolate == 2 and not system.interpolates:
        raise InputError(f"interpolate: {system.name} has no interpolation network; expected 1, or another model")
    if sampling.sampler not in WORDS["sampler"]:
        raise InputError(f"sampler: found {sampling.sampler}; expected one of {', '.join(WORDS['sampler'])}")


def lengths(config: FashionFlowConfig, frames: int | None) -> Lengths:
    """The lengths for `frames` asked. A network that halves the frames makes an even number; the surplus is cut off."""
    asked = config.frames if frames is None else frames
    multiple = config.net.frame_multiple
    made = -(-asked // multiple) * multiple
    notices = []
    if made != asked:
        notices.append(
            f"frames: {asked} asked for; the network makes multiples of {multiple}: {made} made, the rest cut"
        )
    if asked > config.frames:
        notices.append(
            f"frames: {asked} asked for; the network was trained on {config.frames}, and a longer film drifts"
        )
    return Lengths(asked, made, tuple(notices))
