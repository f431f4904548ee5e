"""Inception-2015 on single frames: 2048 features for FID, class probabilities for the Inception Score.

The network is NVIDIA's TorchScript of the original graph. It resizes to 299x299 and computes (x - 128) / 128 inside;
pictures that come at 299x299 pass its resizing unchanged, so the resizer is chosen here.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from lookreel.metrics.pixels import batches, squash, to_tensor

SIDE = 299
BATCH = 16


@torch.inference_mode()
def features(
    frames: np.ndarray, network: Callable[[Tensor], Tensor], prepare: Callable[[Tensor], Tensor], device: str
) -> np.ndarray:
    """float64 (F, D) of frames uint8 (F, H, W, 3)."""
    rows = [network(prepare(to_tensor(frames[part], device))) for part in batches(len(frames), BATCH)]
    return torch.cat(rows).double().cpu().numpy()


def pool3(network: torch.jit.ScriptModule) -> Callable[[Tensor], Tensor]:
    """(B, 3, 299, 299) -> (B, 2048), the last pooling."""
    return lambda x: network(x, return_features=True)


def probabilities(network: torch.jit.ScriptModule) -> Callable[[Tensor], Tensor]:
    """(B, 3, 299, 299) -> (B, 1008), the softmax without the last layer's bias, as Salimans et al. had it."""
    return lambda x: network(x, no_output_bias=True)


def antialiased(x: Tensor) -> Tensor:
    """0-255 -> 299x299, bilinear with antialiasing: torchmetrics' default."""
    return squash(x, SIDE, antialias=True)


def aliased(x: Tensor) -> Tensor:
    """0-255 -> 299x299 as pytorch-fid: bilinear without antialiasing, and 2 x / 255 - 1 instead of (x - 128) / 128."""
    return squash(x, SIDE) * (256 / 255)
