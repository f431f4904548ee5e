"""Decoding a picture in overlapping tiles, blended over their overlap: less memory, not quite the same picture.

A decoder's group norms take their statistics over the whole picture; a tile takes its own. docs/bench.md has the error.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

SHARED = 4  # tiles overlap by at least one part in so many


def tiled(decode: Callable[[Tensor], Tensor], latents: Tensor, tile: int, factor: int) -> Tensor:
    """decode(latents) computed in tiles: latents (N, C, h, w) -> (N, 3, h * factor, w * factor).

    decode: enlarges both axes by `factor`. tile: cells of a tile each way; where h and w are no more, this is decode
    itself.
    """
    h, w = latents.shape[2:]
    total = weight = None
    for top in starts(h, tile):
        for left in starts(w, tile):
            part = decode(latents[:, :, top : top + tile, left : left + tile])
            if total is None or weight is None:
                total = part.new_zeros(*part.shape[:2], h * factor, w * factor)
                weight = part.new_zeros(h * factor, w * factor)
            rows = slice(top * factor, top * factor + part.shape[2])
            columns = slice(left * factor, left * factor + part.shape[3])
            share = _ramp(part.shape[2], part)[:, None] * _ramp(part.shape[3], part)
            total[:, :, rows, columns] += part * share
            weight[rows, columns] += share
    assert total is not None and weight is not None
    return total / weight


def starts(length: int, tile: int) -> list[int]:
    """Where tiles begin so that they cover `length` evenly and share at least a part of SHARED."""
    if length <= tile:
        return [0]
    count = 1 + -(-(length - tile) // max(1, tile - tile // SHARED))
    return [round(i * (length - tile) / (count - 1)) for i in range(count)]


def _ramp(length: int, like: Tensor) -> Tensor:
    """Weights (length,) that rise from each end to 1 over the shared part."""
    rise = max(1, length // SHARED)
    place = torch.arange(length, device=like.device, dtype=like.dtype) + 0.5
    return (torch.minimum(place, length - place) / rise).clamp(max=1)
