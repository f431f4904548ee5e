"""The test garments of an ablation: their photos, their true films and how they fit, rendered once for all rows."""

from __future__ import annotations

from functools import cache

import numpy as np

from lookreel.data import mannequin
from lookreel.data.mannequin import Clip
from lookreel.data.mannequin.wardrobe import Outfit
from lookreel.profashion.ablation_recipe import BY_VIEW, Row

ANOTHER = 500_000  # seeds between a garment and the figure whose motion it may borrow


class Garments:
    """Test garments at one size, each with a film of one turn."""

    def __init__(self, size: tuple[int, int], frames: int) -> None:
        self.size, self.frames = size, frames
        self.truth = cache(self._truth)
        self.photographed = cache(self._photographed)

    @staticmethod
    def seeds(count: int) -> list[int]:
        """The first `count` test seeds."""
        return list(range(mannequin.TEST.start, mannequin.TEST.start + count))

    def _truth(self, seed: int) -> Clip:
        return mannequin.clip(seed, "turn", self.frames, self.size)

    def _photographed(self, seed: int, yaws: tuple[float, ...]) -> Clip:
        return mannequin.frames_at(seed, yaws, self.size)

    def by_view(self, seed: int) -> Clip:
        """The photos of front, back and side."""
        return self.photographed(seed, BY_VIEW)

    def photos(self, seed: int, row: Row) -> Clip:
        """The photos that the row's films are made from."""
        return self.photographed(seed, yaws_of(seed, row))

    def motion(self, seed: int, row: Row) -> Clip:
        """The clip whose poses drive the row's film."""
        return self.truth(seed + ANOTHER if row.another_motion else seed)


def yaws_of(seed: int, row: Row) -> tuple[float, ...]:
    """The yaws of the row's photos of this garment."""
    if row.yaws is not None:
        return row.yaws
    return tuple(np.random.default_rng([seed, 3]).uniform(-np.pi, np.pi, len(BY_VIEW)).tolist())


def loose(seed: int) -> bool:
    """Whether cloth hangs free of the body: it falls straight from the chest, or flares to a wide hem."""
    outfit = Outfit.of(seed)
    return outfit.straight >= 0.5 or (outfit.kind != "shirt+trousers" and outfit.flare >= 0.06)
