"""Column: a stack round the spine, from an outline; what trunk, shirts, skirts, head and hair are made of."""

import numpy as np

from lookreel.data.mannequin.pose import Pose
from lookreel.data.mannequin.stack import Keep, Stack

KNOTS = 64


def heights(low: float, high: float) -> np.ndarray:
    """The heights (KNOTS,) of a column's cross-sections."""
    return np.linspace(low, high, KNOTS)


def smooth(at: np.ndarray, knots: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values at `at` on a curve without corners through the knots (cubic Hermite, finite-difference slopes)."""
    slopes = np.gradient(values, knots)
    place = np.clip(at, knots[0], knots[-1])
    i = np.clip(np.searchsorted(knots, place) - 1, 0, len(knots) - 2)
    step = knots[i + 1] - knots[i]
    t = (place - knots[i]) / step
    rise = (1 - t) ** 2 * ((1 + 2 * t) * values[i] + t * step * slopes[i])
    return rise + t**2 * ((3 - 2 * t) * values[i + 1] + (t - 1) * step * slopes[i + 1])


def column(
    pose: Pose,
    at: np.ndarray,
    width: np.ndarray,
    depth: np.ndarray,
    forward: np.ndarray | float = 0.0,
    *,
    hang: np.ndarray | float = 0.0,
    keep: Keep | None = None,
    inner: bool = False,
) -> Stack:
    """A stack at heights `at` (K,) with half-widths and half-depths (K,) or (F, K); `forward` moves its centres ahead.

    hang: (K,) 0 where the cloth is held by the body, 1 where it lags behind it fully.
    """
    hang = np.broadcast_to(hang, at.shape)
    shift = pose.shift(at) + hang[:, None] * pose.hem[:, None]
    side, ahead = shift[..., 0], shift[..., 1] + forward
    cos, sin = np.cos(pose.yaw)[:, None], np.sin(pose.yaw)[:, None]
    turn = pose.yaw[:, None] + hang * pose.twist[:, None]
    rings = np.broadcast_arrays(side * cos + ahead * sin, ahead * cos - side * sin, width, depth, turn)
    at, tables, lift = (array.astype(np.float32) for array in (at, np.stack(rings, 2), pose.lift))
    return Stack(at, tables, lift, keep, inner)
