"""Surface: what camera rays met, one entry per sample of the picture."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Surface:
    """frame: (N,) which frame; theta: (N,) angle round the solid, 0 at the front, positive towards the person's left;
    along: (N,) height on a stack, share of the length on a limb; normal: (3, N), x, up, towards the camera."""

    frame: np.ndarray
    theta: np.ndarray
    along: np.ndarray
    normal: np.ndarray


@dataclass(frozen=True)
class Hits:
    """index: (N,) flat index of (frames, rows, columns) of samples; depth: (N,) world z there, nearer is larger;
    surface: the surface at chosen entries (worked out late, as most entries end up behind something else)."""

    index: np.ndarray
    depth: np.ndarray
    surface: Callable[[np.ndarray], Surface]
