"""From noise to latents: DDIM (Song et al. 2021), DPM-Solver++ 2M (Lu et al. 2022), DDPM (Ho et al. 2020).

A sampler sees the network only as `predict(x, t) -> v`, with t an int and v of x's shape; conditions, guidance and
windows are closed over before. All step from each timestep to exactly the next one and end at alpha_bar = 1.
The arithmetic runs in x's dtype, so keep x in float32 and cast to half precision inside `predict`.
Nothing here switches gradients off: call under torch.inference_mode() unless they are wanted.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from lookreel.diffusion.schedule import Schedule

Predict = Callable[[Tensor, int], Tensor]
OnStep = Callable[[int, int, Tensor, Tensor], None]
Hold = Callable[[Tensor], Tensor]


def initial_noise(shape: Sequence[int], seed: int, scale: float = 1.0) -> Tensor:
    """Normal float32 (F, C, h, w) on the CPU, where frame f depends only on (seed, f).

    A longer film therefore begins with the noise of a shorter one, on every device. seed: any integer >= 0.
    scale: its deviation; with less than 1 a sample keeps nearer to the mean of what the conditions leave open.
    """
    frames, *cell = shape
    return scale * torch.stack([_normal(cell, seed, frame) for frame in range(frames)])


def _normal(cell: Sequence[int], seed: int, frame: int) -> Tensor:
    """Standard normal values that depend on (seed, frame) alone."""
    state = int(np.random.SeedSequence((seed, frame)).generate_state(1, np.uint32)[0])
    return torch.randn(tuple(cell), generator=torch.Generator().manual_seed(state))


def ddim(
    predict: Predict,
    x: Tensor,
    schedule: Schedule,
    steps: int,
    on_step: OnStep | None = None,
    *,
    integer_step: bool = False,
    hold: Hold | None = None,
) -> Tensor:
    """Deterministic DDIM (eq. 12 with eta 0): x' = alpha' x0 + sigma' eps.

    x: noise of any shape. `on_step(i, steps, x, x0)` follows each step, i from 1, with the new x and the x0 it used.
    integer_step: step to t - T // steps instead of the next timestep, as diffusers and the open Animate Anyone do;
    the two differ where steps does not divide T, and then the last step may stop at timestep 0.
    hold: puts known parts back into x, before the first step and after every one.
    """
    x = x if hold is None else hold(x)
    times = schedule.trailing_timesteps(steps)
    stride = schedule.train_steps // steps
    following = [max(t - stride, -1) for t in times] if integer_step else times[1:] + [-1]
    for i, (t, after) in enumerate(zip(times, following, strict=True), start=1):
        v = predict(x, t).to(x.dtype)
        x0, eps = schedule.x0_from_v(x, v, t), schedule.eps_from_v(x, v, t)
        alpha, sigma = schedule.roots(after)
        x = alpha * x0 + sigma * eps
        x = x if hold is None else hold(x)
        if on_step:
            on_step(i, steps, x, x0)
    return x


def multistep(
    predict: Predict,
    x: Tensor,
    schedule: Schedule,
    steps: int,
    on_step: OnStep | None = None,
    *,
    hold: Hold | None = None,
) -> Tensor:
    """DPM-Solver++ 2M (algorithm 2), data prediction: second order at one network call a step.

    The first and the last step are of first order: before the first no x0 is known, and the last returns x0 itself.
    Arguments as in `ddim`.
    """
    x = x if hold is None else hold(x)
    times = [*schedule.trailing_timesteps(steps), -1]
    before: Tensor | None = None
    for i in range(steps):
        earlier, t, after = times[i - 1], times[i], times[i + 1]
        x0 = schedule.x0_from_v(x, predict(x, t).to(x.dtype), t)
        data = x0 if before is None else x0 + _slope(schedule, earlier, t, after) * (x0 - before)
        (alpha, sigma), (alpha_next, sigma_next) = schedule.roots(t), schedule.roots(after)
        # alpha' (1 - e^-h) written without lambda = log(alpha / sigma), which is infinite at both ends
        x = sigma_next / sigma * x + (alpha_next - sigma_next * alpha / sigma) * data
        x = x if hold is None else hold(x)
        before = x0
        if on_step:
            on_step(i + 1, steps, x, x0)
    return x


SAMPLERS = {"ddim": ddim, "ddim_integer": partial(ddim, integer_step=True), "multistep": multistep}


def ddpm(
    predict: Predict,
    x: Tensor,
    schedule: Schedule,
    steps: int,
    on_step: OnStep | None = None,
    *,
    hold: Hold | None = None,
    seed: int = 0,
) -> Tensor:
    """Ancestral sampling (Ho et al. 2020, algorithm 2) with the posterior's variance; nothing is clipped.

    With fewer steps than T it is the same chain on the timesteps that are kept, with the betas between them.
    seed: of the noise added after every step but the last, drawn on the CPU. Other arguments as in `ddim`.
    """
    generator = torch.Generator().manual_seed(seed)
    times = schedule.trailing_timesteps(steps)
    x = x if hold is None else hold(x)
    for i, (t, after) in enumerate(zip(times, times[1:] + [-1], strict=True), start=1):
        x0 = schedule.x0_from_v(x, predict(x, t).to(x.dtype), t)
        here, there = schedule.alpha_bar(t), schedule.alpha_bar(after)
        kept = here / there  # 1 - beta of this step
        x = (there**0.5 * (1 - kept) * x0 + kept**0.5 * (1 - there) * x) / (1 - here)  # the posterior's mean, eq. 7
        if after >= 0:
            noise = torch.randn(x.shape, generator=generator).to(x)
            x = x + ((1 - there) / (1 - here) * (1 - kept)) ** 0.5 * noise
        x = x if hold is None else hold(x)
        if on_step:
            on_step(i, steps, x, x0)
    return x


def _slope(schedule: Schedule, earlier: int, t: int, after: int) -> float:
    """1 / (2 r), how far x0 is extrapolated: r = (lambda_t - lambda_earlier) / (lambda_after - lambda_t).

    Where `earlier` held no signal its lambda is -inf, and the slope is taken over e^lambda = alpha / sigma instead: the
    step is an integral over that ratio as well, and r = inf would cost the second step its second order.
    """
    if after < 0:
        return 0.0
    ratios = [alpha / sigma for alpha, sigma in map(schedule.roots, (earlier, t, after))]
    first, here, there = map(math.log, ratios) if ratios[0] > 0 else ratios
    return (there - here) / (2 * (here - first))
