"""Motifs: the shapes printed on a chest or a back, as functions of the place on the cloth."""

import numpy as np

from lookreel.data.mannequin.letters import LETTERS, segments

SHAPES = ("disc", "ring", "cross", "saltire", "square", "diamond", "triangle", "bars", "target", "heart", "star")
STROKE = 0.24  # half-width of a letter's stroke, in motif radii


def inside(name: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """True where the motif has ink.

    name: one of SHAPES or a capital letter. x (towards the right of who looks at the print) and y (up): (N,) in
    motif radii, the motif lies within [-1, 1].
    """
    if name in LETTERS:
        return _letter(name, x, y)
    ax, ay = np.abs(x), np.abs(y)
    radius = np.hypot(x, y)
    if name == "disc":
        return radius < 0.95
    if name == "ring":
        return (radius < 1.0) & (radius > 0.5)
    if name == "target":
        return (radius < 0.36) | ((radius < 1.0) & (radius > 0.68))
    if name == "cross":
        return (np.minimum(ax, ay) < 0.3) & (np.maximum(ax, ay) < 0.95)
    if name == "saltire":
        return (np.abs(ax - ay) < 0.36) & (np.maximum(ax, ay) < 0.9)
    if name == "square":
        return np.maximum(ax, ay) < 0.8
    if name == "diamond":
        return ax * 1.2 + ay < 1.0
    if name == "triangle":
        return (y > -0.75) & (ax * 1.75 + y < 0.95)
    if name == "bars":
        return (np.maximum(ax, ay) < 0.95) & ((ay < 0.22) | (ay > 0.55))
    if name == "heart":
        return x**2 + (y * 1.05 + 0.05 - 0.62 * np.sqrt(ax)) ** 2 < 0.72
    return radius < 0.62 + 0.36 * np.cos(5 * np.arctan2(x, y))


def _letter(name: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    px, py = x / 0.68, y / 0.76  # strokes keep clear of the motif's border, letters are taller than wide
    ink = np.zeros(x.shape, bool)
    for (sx, sy), (ex, ey) in segments(name):
        dx, dy = ex - sx, ey - sy
        along = np.clip(((px - sx) * dx + (py - sy) * dy) / (dx * dx + dy * dy), 0, 1)
        ink |= ((px - sx - along * dx) * 0.68) ** 2 + ((py - sy - along * dy) * 0.76) ** 2 < STROKE**2
    return ink
