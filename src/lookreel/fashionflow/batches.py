"""Training batches for FashionFlow, drawn from (seed, step, sample) alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from lookreel.diffusion.objective import sample_timesteps
from lookreel.fashionflow.cache import ClipCache
from lookreel.fashionflow.conditions import between_frames, from_photo
from lookreel.fashionflow.config import FashionFlowConfig
from lookreel.fashionflow.model import Batch
from lookreel.training.task import draws

Window = Callable[[int, np.random.Generator], slice]


def clips(cache: ClipCache, config: FashionFlowConfig, seed: int, step: int, samples: Iterable[int]) -> Batch:
    """For the film network: a cached clip from its first frame, the photo; every `config.stride`-th frame."""
    window = slice(0, config.stride * config.frames, config.stride)
    drawn = [_draw(cache, lambda length, choices: window, seed, step, sample) for sample in samples]
    tokens, photo, latents, _, noise, t = (torch.stack(parts) for parts in zip(*drawn, strict=True))
    conditions = from_photo(tokens, photo, latents.shape[1], config.local, config.photo_in_every_frame)
    return Batch(latents, noise, t, conditions)


def doublings(cache: ClipCache, config: FashionFlowConfig, seed: int, step: int, samples: Iterable[int]) -> Batch:
    """For the interpolation network: a window of neighbouring frames of a cached clip, the odd ones masked."""

    def window(length: int, choices: np.random.Generator) -> slice:
        first = int(choices.integers(length - config.frames + 1))
        return slice(first, first + config.frames)

    drawn = [_draw(cache, window, seed, step, sample) for sample in samples]
    tokens, photo, latents, colors, noise, t = (torch.stack(parts) for parts in zip(*drawn, strict=True))
    return Batch(latents, noise, t, between_frames(tokens, photo, colors))


def _draw(cache: ClipCache, window: Window, seed: int, step: int, sample: int) -> tuple[Tensor, ...]:
    """One sample: tokens and latent of the photo, latents and colours of the window's frames, noise, timestep."""
    choices, generator = draws(seed, step, sample)
    clip = cache[int(choices.integers(len(cache)))]
    frames = window(len(clip.latents), choices)
    latents = clip.latents[frames].float()
    noise = torch.randn(latents.shape, generator=generator)
    t = sample_timesteps(generator, 1)[0]
    return clip.tokens.float(), clip.latents[0].float(), latents, clip.colors[frames].float(), noise, t


def to(batch: Batch, device: torch.device) -> Batch:
    """The batch on another device."""
    return replace(
        batch,
        latents=batch.latents.to(device),
        noise=batch.noise.to(device),
        t=batch.t.to(device),
        conditions=batch.conditions.to(device),
    )
