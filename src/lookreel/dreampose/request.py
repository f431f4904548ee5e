"""What a user asks of DreamPose, checked: one photo, a motion, two scales."""

from __future__ import annotations

import os
from dataclasses import dataclass

from lookreel.diffusion.pace import Pace, pace
from lookreel.diffusion.pndm import LEAST
from lookreel.dreampose.config import WORDS, DreamPoseConfig
from lookreel.errors import InputError
from lookreel.poses.motions import Motion, load_motion
from lookreel.poses.track import Track
from lookreel.ranges import real_number, whole_number

MOST = 30.0  # of either scale; the published code tries up to 9


@dataclass(frozen=True)
class Request:
    """One film, as it will be sampled."""

    seed: int
    steps: int
    sampler: str
    image_scale: float
    pose_scale: float
    pace: Pace


def request(
    config: DreamPoseConfig,
    seed: int,
    steps: int | None,
    guidance: float | None,
    frames: int | None,
    preset: str,
    scales: tuple[float | None, float | None],
    sampler: str | None,
) -> Request:
    """What is not given is the preset's or the model's. InputError for the first argument that cannot be followed."""
    if guidance is not None:
        raise InputError(
            f"guidance: found {guidance}; DreamPose has two scales instead: image_scale and pose_scale "
            "(--image-scale, --pose-scale)"
        )
    wanted = pace(preset)
    sampler = sampler or wanted.sampler or config.sampler
    steps = wanted.steps_of(config.steps) if steps is None else steps
    if sampler not in WORDS["sampler"]:
        raise InputError(f"sampler: found {sampler}; expected one of {', '.join(WORDS['sampler'])}")
    whole_number("seed", seed, 0)
    whole_number("steps", steps, LEAST if sampler == "pndm" else 1, 1000)
    whole_number("frames", frames, 1)
    for name, scale in zip(("image_scale", "pose_scale"), scales, strict=True):
        real_number(name, scale, 0, MOST)
    own = (config.image_scale, config.pose_scale)
    given = [default if scale is None else float(scale) for scale, default in zip(scales, own, strict=True)]
    return Request(seed, steps, sampler, *given, wanted)


def driving(motion: str | os.PathLike | Track | Motion | None, frames: int | None) -> Motion:
    """The motion, cut to its first `frames` frames; one frame is a pose for a single picture."""
    if motion is None:
        raise InputError("motion: none given; expected a bundled name (see `lookreel motions`), a file or a Track")
    return load_motion(motion).first(frames)
