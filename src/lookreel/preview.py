"""A cheap look at latents: a linear map to colours, fitted to the film's own photos."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F


class LatentColors:
    """The least-squares map from a latent cell (and a constant) to the mean colour of its pixels.

    latents: (R, C, h, w). pixels: (R, 3, H, W) in [-1, 1]. Fits any VAE without stored numbers.
    """

    def __init__(self, latents: Tensor, pixels: Tensor) -> None:
        cells = F.adaptive_avg_pool2d(pixels.float(), latents.shape[2:])
        inputs, colors = (t.movedim(1, 3).flatten(0, 2).double().cpu() for t in (_with_one(latents.float()), cells))
        self.map = torch.linalg.lstsq(inputs, colors, driver="gelsd").solution.float()  # (C + 1, 3)

    def __call__(self, latents: Tensor) -> Tensor:
        """(F, C, h, w) -> uint8 (F, 3, h, w) on the CPU."""
        colors = torch.einsum("fchw,cd->fdhw", _with_one(latents.float().cpu()), self.map)
        return ((colors.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)

    def callback(self, on_step: Callable | None) -> Callable[[int, int, Tensor, Tensor], None] | None:
        """The sampler's callback that tells the user's on_step(done, total, preview)."""
        if on_step is None:
            return None
        return lambda done, total, z, x0: on_step(done, total, lambda: self(x0))


def _with_one(latents: Tensor) -> Tensor:
    return torch.cat([latents, torch.ones_like(latents[:, :1])], dim=1)
