"""Sampling a film: window by window, guided, at a pace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor

from lookreel.diffusion.guidance import single
from lookreel.diffusion.pace import Pace
from lookreel.diffusion.sampler import SAMPLERS, OnStep
from lookreel.diffusion.schedule import Schedule
from lookreel.diffusion.windows import combine


class Half(Protocol):
    """One half of a guided step for one window: told of the conditions, or not.

    z: (F, C, h, w) latents of the window's frames at timestep t. deep: what an earlier call for this window and half
    returned, or None to compute everything. Returns v of z's shape, and the deep features.
    """

    def __call__(self, z: Tensor, t: int, window: range, told: bool, deep: Tensor | None) -> tuple[Tensor, Tensor]: ...


def denoise(
    half: Half,
    noise: Tensor,
    schedule: Schedule,
    *,
    sampler: str,
    steps: int,
    guidance: float,
    spans: Sequence[range],
    pace: Pace,
    on_step: OnStep | None = None,
) -> Tensor:
    """Latents (F, C, h, w) from noise of that shape, over windows `spans`, with guidance of scale `guidance`.

    At scale 1 and where the pace leaves guidance out, only the told half is asked. Deep features are kept for each
    window and half, and only where the pace uses them again.
    """
    step_of = {t: step for step, t in enumerate(schedule.trailing_timesteps(steps))}
    kept: dict[tuple[int, bool], Tensor] = {}

    def ask(z: Tensor, t: int, window: range, told: bool) -> Tensor:
        place = window.start, told
        v, deep = half(z, t, window, told, kept.get(place) if step_of[t] % pace.reuse else None)
        if pace.reuse > 1:
            kept[place] = deep
        return v

    def predict_window(z: Tensor, t: int, window: range) -> Tensor:
        told = ask(z, t, window, True)
        if guidance == 1 or not pace.asks_both(t, schedule.train_steps):
            return told
        return single(ask(z, t, window, False), told, guidance)

    def predict(z: Tensor, t: int) -> Tensor:
        return combine(predict_window, z, t, spans)

    return SAMPLERS[sampler](predict, noise, schedule, steps, on_step)
