"""From noise to a film's latents, with its known frames held clean (section 3.1, Eq. 2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from lookreel.diffusion.sampler import ddim, ddpm, initial_noise, multistep
from lookreel.diffusion.windows import combine
from lookreel.fashionflow.conditions import Conditions, hold
from lookreel.fashionflow.model import FashionFlow


@dataclass(frozen=True)
class Sampling:
    """seed, steps: of the sampler. sampler: "ddpm", "ddim" or "multistep". noise_scale: deviation of the first noise.
    on_step(done, x0): after each step."""

    seed: int
    steps: int
    sampler: str
    noise_scale: float = 1.0
    on_step: Callable[[int, Tensor], None] | None = None


def sample(
    network: FashionFlow, conditions: Conditions, known: Tensor, spans: Sequence[range], sampling: Sampling
) -> Tensor:
    """Latents (F, 4, h, w) of one film.

    known: (F, 4, h, w), read where `conditions.known` says so: these frames hold exactly this before and after every
    step. spans: the windows of frames that the network sees at once; their predictions are averaged.
    """
    context = network.context(conditions)

    def predict(x: Tensor, t: int) -> Tensor:
        made = combine(partial(_window, network, context, conditions), x, t, spans)
        return made if network.config.prediction == "v" else network.schedule.v_from_eps(x, made, t)

    def held(x: Tensor) -> Tensor:
        return hold(x[None], known[None], conditions.known)[0]

    def told(done: int, total: int, x: Tensor, x0: Tensor) -> None:
        if sampling.on_step is not None:
            sampling.on_step(done, held(x0))

    samplers = {"ddpm": partial(ddpm, seed=sampling.seed), "ddim": ddim, "multistep": multistep}
    noise = initial_noise(known.shape, sampling.seed, sampling.noise_scale).to(known.device)
    return samplers[sampling.sampler](predict, noise, network.schedule, sampling.steps, told, hold=held)


def _window(network: FashionFlow, context: Tensor, conditions: Conditions, x: Tensor, t: int, window: range) -> Tensor:
    """The network's prediction (F, 4, h, w) for one window x of the film."""
    time = torch.tensor([t], device=x.device)
    return network(x[None], time, context, conditions.part(window))[0].to(x.dtype)
