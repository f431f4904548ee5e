"""Piece: one solid of the figure with its colour and its label."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lookreel.data.mannequin.labels import limb_label, stack_label
from lookreel.data.mannequin.limb import Limb
from lookreel.data.mannequin.stack import Stack
from lookreel.data.mannequin.surface import Surface

Paint = Callable[[Surface], np.ndarray]


@dataclass(frozen=True)
class Piece:
    """solid: where it is. paint: RGB (N, 3) of a surface, before light. parts: of a limb, front and back. garment:
    belongs to the outfit (shoes do not). shade: light that folds take or give, (N,)."""

    solid: Stack | Limb
    paint: Paint
    parts: tuple[int, int] = (0, 0)
    garment: bool = False
    shade: Callable[[Surface], np.ndarray] | None = None

    def label(self, surface: Surface) -> np.ndarray:
        """uint8 (N, 3): part, U, V."""
        if isinstance(self.solid, Stack):
            return stack_label(surface.theta, surface.along)
        return limb_label(self.parts, surface.theta, surface.along)


def plain(color: np.ndarray) -> Paint:
    """The same colour everywhere."""
    return lambda surface: np.repeat(color[None].astype(np.float32), len(surface.theta), axis=0)
