"""The training objective: random timesteps, offset noise and the mean squared error of v or eps.

B comes first everywhere and channels third from last: pictures (B, C, h, w), clips (B, F, C, h, w).
"""

import torch
from torch import Tensor

from lookreel.diffusion.schedule import Schedule


def sample_timesteps(generator: torch.Generator, batch: int, train_steps: int = 1000, power: float = 1.0) -> Tensor:
    """Timesteps in [0, train_steps) with density proportional to t^(power - 1): int64 (B,), on the generator's device.

    power 1 is uniform; 2 draws mostly noisy ones, where a film is decided by its conditions.
    """
    u = torch.rand(batch, generator=generator, device=generator.device, dtype=torch.float64)
    return (train_steps * u ** (1 / power)).long().clamp(max=train_steps - 1)


def offset_noise(noise: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """noise + strength N(0, 1), one draw per sample and channel, shared over frames and cells.

    Lets a network without zero-SNR training reach dark and bright pictures; the open Animate Anyone uses 0.05.
    """
    if not strength:
        return noise
    batch, channels = noise.shape[0], noise.shape[-3]
    shape = (batch, *(1,) * (noise.ndim - 4), channels, 1, 1)
    offset = torch.randn(shape, generator=generator, device=generator.device)
    return noise + strength * offset.to(noise)


def v_loss(
    pred: Tensor,
    target: Tensor,
    t: Tensor,
    schedule: Schedule,
    min_snr: float | None = None,
    weights: Tensor | None = None,
) -> Tensor:
    """Mean squared error of v: a float32 scalar (ProFashion's L_d).

    pred, target: (B, ...); t: (B,). min_snr: gamma of the weight min(SNR + 1, gamma) / (SNR + 1) (Hang et al. 2023,
    in the form that is 1 at zero SNR). weights: (B,), a factor per sample on top.
    """
    snr = schedule.snr(t)
    factor = None if min_snr is None else (snr + 1).clamp(max=min_snr) / (snr + 1)
    return _weighted_mse(pred, target, factor, weights)


def eps_loss(
    pred: Tensor,
    target: Tensor,
    t: Tensor,
    schedule: Schedule,
    min_snr: float | None = None,
    weights: Tensor | None = None,
) -> Tensor:
    """Mean squared error of eps, with min-SNR weight min(SNR, gamma) / SNR; arguments as in `v_loss`.

    Needs a schedule without zero SNR: there eps says nothing about the last timestep.
    """
    snr = schedule.snr(t)
    factor = None if min_snr is None else snr.clamp(max=min_snr) / snr
    return _weighted_mse(pred, target, factor, weights)


def _weighted_mse(pred: Tensor, target: Tensor, *factors: Tensor | None) -> Tensor:
    error = (pred.float() - target.float()).square().flatten(1).mean(1)  # (B,)
    for factor in factors:
        if factor is not None:
            error = error * factor.to(error)
    return error.mean()
