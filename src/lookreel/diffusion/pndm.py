"""PNDM without its Runge-Kutta warm-up, also known as PLMS (Liu et al. 2022): Stable Diffusion's first sampler.

The noise that a step removes is extrapolated from the last four predictions (Adams and Bashforth), so that a step costs
one call of the network; only the first one is asked for twice.
"""

from __future__ import annotations

from torch import Tensor

from lookreel.diffusion.sampler import OnStep, Predict
from lookreel.diffusion.schedule import Schedule
from lookreel.errors import InputError

BASHFORTH = {1: (1.0,), 2: (1.5, -0.5), 3: (23 / 12, -16 / 12, 5 / 12), 4: (55 / 24, -59 / 24, 37 / 24, -9 / 24)}
LEAST = 2  # steps; a single one would begin next to no noise


def pndm(predict: Predict, x: Tensor, schedule: Schedule, steps: int, on_step: OnStep | None = None) -> Tensor:
    """PLMS on the leading timesteps, as diffusers' PNDMScheduler with skip_prk_steps and steps_offset 1.

    predict(x, t) -> v, as for all samplers; called steps + 1 times. Ends at the first timestep's alpha_bar, as there.
    `on_step(i, steps, x, x0)` follows each step. Raises InputError unless 2 <= steps <= T, and where the first timestep
    holds no signal, of which a prediction of eps says nothing: at 500 steps and more of a schedule with zero SNR.
    """
    if steps < LEAST:
        raise InputError(f"steps: found {steps}; PNDM takes at least {LEAST}")
    times, stride = schedule.leading_timesteps(steps), schedule.train_steps // steps
    if schedule.alpha_bar(times[0]) == 0:
        raise InputError(f"steps: found {steps}; PNDM would begin at timestep {times[0]}, which holds no signal")
    known: list[Tensor] = []  # predictions of eps, the latest first

    def eps_at(x: Tensor, t: int) -> Tensor:
        return schedule.eps_from_v(x, predict(x, t).to(x.dtype), t)

    for i, t in enumerate(times, start=1):
        after = max(t - stride, 0)
        eps = eps_at(x, t)
        known = [eps, *known[:3]]
        if i == 1:  # the mean of the slopes at both ends of the step
            eps = (eps + eps_at(_moved(x, eps, schedule, t, after), after)) / 2
        else:
            eps = sum(w * e for w, e in zip(BASHFORTH[len(known)], known, strict=True))
        alpha, sigma = schedule.roots(t)
        x0, x = (x - sigma * eps) / alpha, _moved(x, eps, schedule, t, after)
        if on_step:
            on_step(i, steps, x, x0)
    return x


def _moved(x: Tensor, eps: Tensor, schedule: Schedule, t: int, after: int) -> Tensor:
    """x at timestep t, moved to `after` along eps: DDIM's step (eq. 11 of the paper)."""
    (alpha, sigma), (alpha_next, sigma_next) = schedule.roots(t), schedule.roots(after)
    return alpha_next / alpha * x + (sigma_next - alpha_next * sigma / alpha) * eps
