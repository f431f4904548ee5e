"""The ways to read several photos with weights that were trained on one.

A way says how much each photo counts (`weights`), and whether the photos' tokens are mixed by these weights or stand
side by side. It is chosen by name (`REFERENCES` of config.py); `first` is the published single reference.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lookreel.animate_anyone.config import AnimateAnyoneConfig, SelectConfig
from lookreel.animate_anyone.select import select
from lookreel.nets.prototypes import Mixed, SideBySide


class References(Mixed, ABC):
    """Photos mixed by weights (ProFashion Eq. 8-9)."""

    needs_poses = False

    @abstractmethod
    def weights(self, frames: np.ndarray, photos: np.ndarray, size: tuple[int, int], grid: tuple[int, int]) -> Tensor:
        """m (1, F, R, h, w) from keypoints (F, 18, 3) and (R, 18, 3) in pixels of `size`; sums to 1 over the photos."""


class Mean(References):
    """Every photo weighs the same ("AA + average of references" in ProFashion's Table 1)."""

    def weights(self, frames: np.ndarray, photos: np.ndarray, size: tuple[int, int], grid: tuple[int, int]) -> Tensor:
        return torch.full((1, len(frames), len(photos), 1, 1), 1 / len(photos))


class First(References):
    """Only the first photo counts."""

    def weights(self, frames: np.ndarray, photos: np.ndarray, size: tuple[int, int], grid: tuple[int, int]) -> Tensor:
        m = torch.zeros(1, len(frames), len(photos), 1, 1)
        m[:, :, 0] = 1
        return m


class Concat(SideBySide, Mean):
    """All tokens of all photos side by side: R times the cost ("AA + concatenated references")."""


@dataclass(frozen=True)
class Select(References):
    """Weights from the poses (`select.py`)."""

    config: SelectConfig
    needs_poses = True

    def weights(self, frames: np.ndarray, photos: np.ndarray, size: tuple[int, int], grid: tuple[int, int]) -> Tensor:
        return torch.from_numpy(select(frames, photos, size, grid, self.config))[None]


def references(config: AnimateAnyoneConfig) -> References:
    """The way that the config names."""
    ways = {"mean": Mean, "concat": Concat, "first": First}
    return Select(config.select) if config.references == "select" else ways[config.references]()
