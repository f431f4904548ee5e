"""Frames to what networks read: layout, size and scale."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F


def to_tensor(frames: np.ndarray, device: str = "cpu") -> Tensor:
    """uint8 (F, H, W, 3) -> float32 (F, 3, H, W), 0 to 255."""
    return torch.from_numpy(np.ascontiguousarray(frames.transpose(0, 3, 1, 2))).to(device).float()


def squash(x: Tensor, size: int, antialias: bool = False) -> Tensor:
    """(F, 3, H, W) -> (F, 3, size, size), bilinear; the shape of the picture is not kept."""
    return F.interpolate(x, size=(size, size), mode="bilinear", align_corners=False, antialias=antialias)


def squash_bicubic(frames: np.ndarray, size: int) -> np.ndarray:
    """uint8 (F, H, W, 3) -> float32 (F, size, size, 3) as clean-fid resizes: PIL's bicubic on floats, 0-255."""
    squashed = np.empty((len(frames), size, size, 3), np.float32)
    for i, frame in enumerate(frames):
        for c in range(3):
            channel = Image.fromarray(frame[..., c].astype(np.float32))
            squashed[i, ..., c] = np.asarray(channel.resize((size, size), Image.Resampling.BICUBIC)).clip(0, 255)
    return squashed


def batches(count: int, size: int) -> Iterator[slice]:
    """Slices of up to `size` that cover `count`."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))
