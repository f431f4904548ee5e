"""Stack: a solid made of horizontal ellipses, one above the other; trunks, skirts, heads and hair.

Seen level and without perspective each picture row meets one ellipse, so that the hit, its normal, the angle round the
body and the place of the same point one frame earlier are all closed forms.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lookreel.data.mannequin.camera import Camera
from lookreel.data.mannequin.surface import Hits, Surface

Keep = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Stack:
    """heights: (K,) evenly spaced, rising. rings: (F, K, 5), each ellipse's world x and z, half-width, half-depth and
    yaw. lift: (F,) how far the body has risen. keep: of (theta, height), where the solid has a surface. inner: show the
    inside of the far wall instead of the outside of the near one."""

    heights: np.ndarray
    rings: np.ndarray
    lift: np.ndarray
    keep: Keep | None = None
    inner: bool = False

    def hits(self, camera: Camera, frames: slice) -> Hits:
        """What the camera meets within these frames."""
        lift, (low, high) = self.lift[frames], (self.heights[0], self.heights[-1])
        rows = camera.rows_between(low + lift.min(), high + lift.max())
        if not len(rows):  # outside the picture
            return Hits(np.zeros(0, np.int64), np.zeros(0, np.float32), _nothing)
        height = camera.heights[rows] - lift[:, None]  # (F, R)
        x, z, a, b, turn = np.moveaxis(self._at(np.arange(len(self.lift))[frames][:, None], height), 2, 0)
        cos, sin = np.cos(turn), np.sin(turn)
        reach = np.sqrt(a * a * cos * cos + b * b * sin * sin)
        reach = np.where((height >= low) & (height <= high), reach, np.float32(1e-9))
        first, count = camera.columns_each((x - reach).min(axis=1), (x + reach).max(axis=1))
        columns = first[:, None] + np.arange(count)  # (F, C)
        d = (camera.xs[columns][:, None] - x[..., None]) * (1 / reach)[..., None]
        e = 1 - d * d
        flat = np.flatnonzero(e > 0)
        line, f = flat // count, flat // (count * len(rows))
        d, q = d.ravel()[flat], np.sqrt(e.ravel()[flat]) * np.float32(-1 if self.inner else 1)
        # The ray's depth is linear in d and q; so are the two parts of the ellipse's angle.
        across, away = reach * cos / a, reach * sin / b
        tilt, thick = cos * sin * (b * b - a * a) / reach, a * b / reach
        tables = (across - tilt * sin / a, -thick * sin / a, away + tilt * cos / b, thick * cos / b, tilt, thick, z)
        s1, s2, w1, w2, tilt, thick, z = (table.ravel()[line] for table in tables)
        side, ahead = s1 * d + s2 * q, w1 * d + w2 * q
        theta, along = np.arctan2(side, ahead), height.ravel()[line]
        depth = z + tilt * d + thick * q
        index = (f * camera.shape[0] + rows[line - f * len(rows)]) * camera.shape[1] + first[f] + flat - line * count
        kept = np.flatnonzero(self.keep(theta, along)) if self.keep else np.arange(len(flat))
        slope = _slope(a, height)

        def surface(chosen: np.ndarray) -> Surface:
            i = kept[chosen]
            bend = (table.ravel()[line[i]] for table in (1 / a, 1 / b, cos, sin, slope))
            return Surface(f[i] + frames.start, theta[i], along[i], _normal(side[i], ahead[i], *bend))

        return Hits(index[kept], depth[kept], surface)

    @property
    def span(self) -> tuple[float, float]:
        """Least and greatest world x, over all frames."""
        x, half = self.rings[..., 0], self.rings[..., 2:4].max(axis=2)
        return float((x - half).min()), float((x + half).max())

    def place(self, frame: np.ndarray, surface: Surface) -> tuple[np.ndarray, np.ndarray]:
        """World x and height, (N,) each, of these material points in other frames (N,)."""
        x, _, a, b, turn = self._at(frame, surface.along).T
        side, ahead = a * np.sin(surface.theta), b * np.cos(surface.theta)
        return x + side * np.cos(turn) + ahead * np.sin(turn), surface.along + self.lift[frame]

    def _at(self, frame: np.ndarray, height: np.ndarray) -> np.ndarray:
        """Rings (..., 5) at the given frames and heights, linear between the knots."""
        last = len(self.heights) - 1
        place = np.clip((height - self.heights[0]) * np.float32(last / (self.heights[-1] - self.heights[0])), 0, last)
        knot = np.minimum(place.astype(np.int64), last - 1)
        share = (place - knot.astype(np.float32))[..., None]
        rings, at = self.rings.reshape(-1, 5), frame * (last + 1) + knot
        low = rings[at]
        return low + (rings[at + 1] - low) * share


def _nothing(chosen: np.ndarray) -> Surface:
    empty = np.zeros(0, np.float32)
    return Surface(np.zeros(0, np.int64), empty, empty, np.zeros((3, 0), np.float32))


def _slope(a: np.ndarray, height: np.ndarray) -> np.ndarray:
    """How fast the half-width grows with height, (F, R)."""
    if a.shape[1] < 2:
        return np.zeros_like(a)
    return np.clip(np.gradient(a, axis=1) / np.gradient(height, axis=1), -2, 2).astype(np.float32)


def _normal(
    side: np.ndarray,
    ahead: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    cos: np.ndarray,
    sin: np.ndarray,
    slope: np.ndarray,
) -> np.ndarray:
    """Unit normals (3, N): the ellipse's gradient, turned, and tilted by the slope of the wall; a, b inverse halves."""
    side, ahead = side * a, ahead * b
    up = 1 / np.sqrt(1 + slope * slope)
    size = up / np.sqrt(side * side + ahead * ahead)
    return np.stack(((side * cos + ahead * sin) * size, -slope * up, (ahead * cos - side * sin) * size))
