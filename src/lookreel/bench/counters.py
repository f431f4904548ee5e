"""Costs at Stable Diffusion 1.5's size, counted on meta tensors: the same on every machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from lookreel.bench import plain
from lookreel.diffusion.windows import windows
from lookreel.reference.footprint import memory, step_inputs
from lookreel.running.meter import Meter, size

Build = Callable[..., Any]
LENGTHS = (16, 17, 25, 28, 100, 300)


@dataclass(frozen=True)
class Cost:
    """A guided step of one window. gigabytes: what its kernels read and write at two bytes a number."""

    teraflop: float
    gigabytes: float
    kernels: int


@torch.no_grad()
def step(build: Build, photos: int = 3, frames: int = 16, **changes: Any) -> Cost:
    """A guided step as it is computed; what is done once for each film is done already."""
    with torch.device("meta"):
        model = build(**changes)
        halves = [step_inputs(model, frames, photos, told) for told in (True, False)]
        with Meter() as meter:
            for given in halves:
                model.denoiser.step(*given)
    return _cost(meter)


@torch.no_grad()
def plain_step(build: Build, photos: int = 3, frames: int = 16, **changes: Any) -> Cost:
    """The same step by `plain.guided_step`."""
    with torch.device("meta"):
        model = build(**changes)
        z, t, _, _, pose, _ = step_inputs(model, frames, photos, told=False)
        features = {name: z[..., : z.shape[-1] // 2] for name, z in memory(model, photos).items()}
        m = torch.empty(1, frames, photos, *model.config.selection_grid)
        x_R = model.semantic(torch.empty(1, photos, model.config.unet.cross_attention_dim), m)
        with Meter() as meter:
            plain.guided_step(model, features, x_R, m, (z, t, pose))
    return _cost(meter)


@torch.no_grad()
def shallow_step(build: Build, frames: int = 16, shallow: int = 1) -> Cost:
    """A guided step that uses deep features again."""
    with torch.device("meta"):
        model = build()
        halves = [step_inputs(model, frames, 3, told) for told in (True, False)]
        deep = model.denoiser.step(*halves[1], None, shallow)[1]
        with Meter() as meter:
            for given in halves:
                model.denoiser.step(*given, deep, shallow)
    return _cost(meter)


def frame_evaluations(config: Any) -> dict[int, int]:
    """Frames that the network sees in each half of a step, by the film's length."""
    return {length: sum(map(len, windows(length, config.window, config.overlap))) for length in LENGTHS}


def remembered(build: Build, photos: int = 3) -> float:
    """Gigabytes of the photos' keys and values at two bytes a number, whatever the film's length."""
    with torch.device("meta"):
        return sum(size(tokens) for tokens in memory(build(), photos).values()) / 2 / 1e9


def _cost(meter: Meter) -> Cost:
    return Cost(meter.flops / 1e12, meter.bytes / 2 / 1e9, sum(meter.kernels.values()))


def counters(build: Build) -> dict[str, Any]:
    """All of them; build(**changes) makes ProFashion at full size with changes to its config."""
    with torch.device("meta"):
        config = build().config
    return {
        "size": list(config.size),
        "frames": config.window,
        "step": vars(step(build)),
        "step, one photo": vars(step(build, photos=1)),
        "step, photos side by side": vars(step(build, aggregator="concat")),
        "step, plain": vars(plain_step(build)),
        "step, without flow attention": vars(step(build, flow_sites=())),
        "step, deep features again": vars(shallow_step(build)),
        "frame evaluations": {str(length): count for length, count in frame_evaluations(config).items()},
        "photos remembered, GB": remembered(build),
    }
