"""Fabric: the colour of cloth at a place (u, v), for a front and a back panel that meet at the side seams."""

from dataclasses import dataclass, replace

import numpy as np

from lookreel.data.mannequin.motifs import inside

PATTERNS = ("stripes", "uprights", "checks", "dots", "slant", "blocks")
SEAM = 0.035  # radians of dark seam on either side of the border


@dataclass(frozen=True)
class Panel:
    """One side of a garment. Lengths in figure heights; colours float32 (3,) in [0, 1].

    pattern: one of PATTERNS or "" for plain; `ink` is its colour and `period` its repeat.
    motif: a shape or letter or ""; drawn in `motif_color` with `radius` at height `centre` and offset `aside`.
    """

    base: np.ndarray
    pattern: str = ""
    ink: np.ndarray | None = None
    period: float = 0.06
    motif: str = ""
    motif_color: np.ndarray | None = None
    radius: float = 0.07
    centre: float = 0.72
    aside: float = 0.0

    def plain(self) -> "Panel":
        """The same cloth without its motif, for sleeves and skirts."""
        return replace(self, motif="")

    def color(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """RGB (N, 3) at u (N,) to the right of who looks at the panel and v (N,) height."""
        rgb = np.empty((len(u), 3), np.float32)
        rgb[:] = self.base
        if self.pattern:
            rgb[_inked(self.pattern, u / self.period, v / self.period)] = self.ink
        if self.motif:
            x, y = (u - self.aside) / self.radius, (v - self.centre) / self.radius
            near = np.flatnonzero((np.abs(x) < 1) & (np.abs(y) < 1))
            rgb[near[inside(self.motif, x[near], y[near])]] = self.motif_color
        return rgb


def _inked(pattern: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Where an all-over pattern has ink; x and y in repeats."""
    if pattern == "stripes":
        return y % 1 < 0.5
    if pattern == "uprights":
        return (x + 0.25) % 1 < 0.5
    if pattern == "checks":
        return ((x + 0.25) % 1 < 0.5) ^ (y % 1 < 0.5)
    if pattern == "slant":
        return (x + y) * 0.8 % 1 < 0.5
    if pattern == "blocks":
        return y % 3 < 1.2
    shifted = x + 0.5 * (np.floor(y) % 2)
    return (shifted % 1 - 0.5) ** 2 + (y % 1 - 0.5) ** 2 < 0.1


@dataclass(frozen=True)
class Cloth:
    """Front and back panel of one piece; the angle round the body says which one shows."""

    front: Panel
    back: Panel

    def plain(self) -> "Cloth":
        return Cloth(self.front.plain(), self.back.plain())

    def color(self, theta: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """RGB (N, 3). theta: 0 at the front, +-pi at the back; u: length along theta; v: height."""
        rgb = np.empty((len(u), 3), np.float32)
        turn = np.abs(theta)
        ahead, behind = np.flatnonzero(turn < np.pi / 2), np.flatnonzero(turn >= np.pi / 2)
        rgb[ahead] = self.front.color(u[ahead], v[ahead])
        # On the back, right and left change for who looks: measure from the spine, the other way round.
        scale = u[behind] / np.where(theta[behind] == 0, 1, theta[behind])
        rgb[behind] = self.back.color((theta[behind] - np.sign(theta[behind]) * np.float32(np.pi)) * scale, v[behind])
        rgb[np.flatnonzero(np.abs(turn - np.pi / 2) < SEAM)] *= 0.72
        return rgb
