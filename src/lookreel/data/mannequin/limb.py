"""Limb: a cone with round ends (the hull of two balls); arms, legs, sleeves, shoes."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lookreel.data.mannequin.camera import Camera
from lookreel.data.mannequin.surface import Hits, Surface

ROUND = 2.0  # beyond any share of the length


@dataclass(frozen=True)
class Limb:
    """start, end: (F, 3) world x, height, z of the balls' centres. radii: of the two balls. ahead: (F, 3) the direction
    whose side of the limb has theta 0. until: the surface ends at this share of the length (a cuff); at ROUND the
    round end stays. ceiling: (F,) nothing above this height (it is under a skirt)."""

    start: np.ndarray
    end: np.ndarray
    radii: tuple[float, float]
    ahead: np.ndarray
    until: float = ROUND
    ceiling: np.ndarray | None = None

    def hits(self, camera: Camera, frames: slice) -> Hits:
        """What the camera meets within these frames."""
        a, line = self.start[frames], (self.end - self.start)[frames]
        ra, rb = self.radii
        big = max(ra, rb)
        low, high = np.minimum(0, line) - big, np.maximum(0, line) + big
        top = a[:, 1] + high[:, 1] if self.ceiling is None else np.minimum(a[:, 1] + high[:, 1], self.ceiling[frames])
        row, rows = camera.rows_each(np.minimum(a[:, 1] + low[:, 1], top), top)
        column, columns = camera.columns_each(a[:, 0] + low[:, 0], a[:, 0] + high[:, 0])
        qx = camera.xs[column[:, None] + np.arange(columns)][:, None] - a[:, 0, None, None]  # (F, 1, C)
        heights = camera.heights[row[:, None] + np.arange(rows)]
        qy = (heights - a[:, 1, None])[..., None]  # (F, R, 1)
        inside = _inside(qx, qy, line, big)
        if self.ceiling is not None:
            inside &= (heights < self.ceiling[frames][:, None])[..., None]
        f, r, c = np.nonzero(inside)
        qx, qy = qx[f, 0, c], qy[f, r, 0]
        depth, along = _meet(qx, qy, line, f, ra, rb)
        good = np.flatnonzero((depth > -np.inf) & (along <= self.until))
        f, r, c, qx, qy, depth, along = (v[good] for v in (f, r, c, qx, qy, depth, along))

        def surface(chosen: np.ndarray) -> Surface:
            frame, share = f[chosen], along[chosen]
            inverse = 1 / (ra + (rb - ra) * share)
            parts = (qx[chosen], qy[chosen], depth[chosen])
            normal = np.stack([(q - line[:, i][frame] * share) * inverse for i, q in enumerate(parts)])
            frame = frame + frames.start
            theta = np.arctan2(self._part(normal, 2, frame), self._part(normal, 1, frame))
            return Surface(frame, theta, share, normal)

        index = ((f * camera.shape[0] + row[f] + r) * camera.shape[1]) + column[f] + c
        return Hits(index, a[:, 2][f] + depth, surface)

    @property
    def span(self) -> tuple[float, float]:
        """Least and greatest world x, over all frames."""
        ends, big = np.stack((self.start[:, 0], self.end[:, 0])), max(self.radii)
        return float(ends.min() - big), float(ends.max() + big)

    def place(self, frame: np.ndarray, surface: Surface) -> tuple[np.ndarray, np.ndarray]:
        """World x and height, (N,) each, of these material points in other frames (N,): the limb moves rigidly."""
        share, (ra, rb) = surface.along, self.radii
        radius = ra + (rb - ra) * share
        parts = [self._part(surface.normal, axis, surface.frame) * radius for axis in range(3)]
        x, height = (
            self.start[:, i][frame] * (1 - share)
            + self.end[:, i][frame] * share
            + sum(part * self.axes[axis, :, i][frame] for axis, part in enumerate(parts))
            for i in range(2)
        )
        return x, height

    def _part(self, normal: np.ndarray, axis: int, frame: np.ndarray) -> np.ndarray:
        """How much (N,) of each normal lies along one of the limb's axes."""
        x, y, z = self.axes[axis].T
        return normal[0] * x[frame] + normal[1] * y[frame] + normal[2] * z[frame]

    @property
    def length(self) -> float:
        return float(np.linalg.norm(self.end[0] - self.start[0]))

    @cached_property
    def axes(self) -> np.ndarray:
        """Unit vectors (3, F, 3): along the limb, ahead, and towards the person's left."""
        line = self.end - self.start
        line = line / np.linalg.norm(line, axis=1, keepdims=True)
        ahead = self.ahead - (self.ahead * line).sum(1, keepdims=True) * line
        ahead = ahead / np.linalg.norm(ahead, axis=1, keepdims=True)
        return np.stack((line, ahead, np.cross(ahead, line))).astype(np.float32)


def _inside(qx: np.ndarray, qy: np.ndarray, line: np.ndarray, big: float) -> np.ndarray:
    """Which samples lie within `big` of the limb's axis as the camera sees it."""
    dx, dy = line[:, 0, None, None], line[:, 1, None, None]
    inverse = 1 / np.maximum(dx * dx + dy * dy, np.float32(1e-9))
    along = np.clip(qx * (dx * inverse) + qy * (dy * inverse), 0, 1)
    return (qx - along * dx) ** 2 + (qy - along * dy) ** 2 < np.float32(big * big)


def _meet(
    qx: np.ndarray, qy: np.ndarray, line: np.ndarray, frame: np.ndarray, ra: float, rb: float
) -> tuple[np.ndarray, np.ndarray]:
    """Depth over the start and share of the length of the nearest point on each ray; -inf where the ray misses.

    The hull is the envelope of balls with centre t*line and radius ra + t*(rb - ra): F(t) = 0 and dF/dt = 0 give a
    quadratic in the depth; outside 0 <= t <= 1 the ball at that end counts.
    """
    small, dr = np.float32(1e-9), rb - ra
    k = 1 / np.maximum((line * line).sum(1) - dr * dr, small)  # (F,)
    square = 1 - k * line[:, 2] ** 2
    dx, dy, dz, square, k = (v[frame] for v in (*line.T, np.maximum(square, np.float32(1e-6)), k))
    m = qx * dx + qy * dy + ra * dr
    gap = qx * qx + qy * qy
    half = k * m * dz
    inside = half * half - square * (gap - ra * ra - k * m * m)
    cone = (half + np.sqrt(np.maximum(inside, 0))) / square
    t = k * (m + cone * dz)
    good = (inside > 0) & (t >= 0) & (t <= 1)
    depth, along = np.where(good, cone, np.float32(-np.inf)), np.where(good, t, np.float32(0))
    far = rb * rb - (qx - dx) ** 2 - (qy - dy) ** 2
    for left, centre, share in ((ra * ra - gap, np.float32(0), 0), (far, dz, 1)):
        ball = np.where(left > 0, centre + np.sqrt(np.maximum(left, 0)), np.float32(-np.inf))
        nearer = ball > depth
        depth, along = np.where(nearer, ball, depth), np.where(nearer, np.float32(share), along)
    return depth, along
