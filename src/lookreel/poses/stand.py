"""How a body stands in the picture: its proportions, its height and its place on the ground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lookreel.poses.bones import MID_HIP, UPRIGHT, lengths, with_middle
from lookreel.poses.draw import visible
from lookreel.poses.skeleton import L_ANKLE, NECK, R_ANKLE
from lookreel.poses.view import BORDER, orientation

_NEAR_FRONT = 0.97  # cos of 14 degrees: frames within that of the front-most one are as good
_OUTLIERS = 5  # percent: the front-most frame is sought beyond them


@dataclass(frozen=True)
class Stand:
    """A body as it stands in a picture.

    lengths: pixels of each part (`bones.PARTS`) that is visible, in the frames where the body faces the camera most.
    turned: True where those frames show it from the side, so that its widths tell nothing.
    lowest: y of the ankles, the hips and the neck, of each that is visible. middle: x of the hips, or of the neck.
    """

    lengths: dict[str, float]
    turned: bool
    lowest: dict[str, float]
    middle: float

    @property
    def height(self) -> float:
        """Pixels from neck to ankle of the body stretched, as far as it is visible."""
        return sum(self.lengths.get(part, 0.0) for part in UPRIGHT)


def stand(keypoints: np.ndarray) -> Stand | None:
    """How the body of keypoints (F, 18, 3) stands; None where no frame shows both shoulders and a hip."""
    chosen = keypoints[front_most(keypoints)]
    if not len(chosen):
        return None
    there = with_middle(np.asarray(chosen, np.float64))
    lowest = {name: _median(there[:, joints], 1) for name, joints in _ANCHORS.items()}
    middle = [_median(there[:, [joint]], 0) for joint in (MID_HIP, NECK)]
    known = [x for x in middle if np.isfinite(x)]
    r = np.abs(orientation(chosen))
    found = lengths(chosen)
    if not known or not any(part in found for part in UPRIGHT):
        return None
    lowest = {name: y for name, y in lowest.items() if np.isfinite(y)}
    return Stand(found, bool(np.median(r) < BORDER), lowest, known[0])


_ANCHORS = {"ankles": [R_ANKLE, L_ANKLE], "hips": [MID_HIP], "neck": [NECK]}


def front_most(keypoints: np.ndarray) -> np.ndarray:
    """bool (F,): the frames in which the body faces the camera most, within 14 degrees; where it never faces it, those
    in which it shows its back most, else those in which its shoulders are widest."""
    r = orientation(keypoints)
    known = np.isfinite(r)
    if not known.any():
        return known
    low, high = np.percentile(r[known], [_OUTLIERS, 100 - _OUTLIERS])
    if low <= -BORDER:
        return known & (r <= low * _NEAR_FRONT)
    if high >= BORDER:
        return known & (r >= high * _NEAR_FRONT)
    return known & (np.abs(r) >= max(-low, high) * _NEAR_FRONT)


def lowest(keypoints: np.ndarray, name: str) -> np.ndarray:
    """y (F,) of the lowest visible of "ankles", "hips" or "neck" in frames (F, 18, 3); NaN where none is."""
    points = with_middle(np.asarray(keypoints, np.float64))[:, _ANCHORS[name]]
    y = np.where(visible(points), points[..., 1], -np.inf).max(1)
    return np.where(np.isfinite(y), y, np.nan)


def middle(keypoints: np.ndarray) -> np.ndarray:
    """x (F,) of the middle of the hips in frames (F, 18, 3), or of the neck; NaN where neither is visible."""
    points = with_middle(np.asarray(keypoints, np.float64))
    there = visible(points)
    neck = np.where(there[:, NECK], points[:, NECK, 0], np.nan)
    return np.where(there[:, MID_HIP], points[:, MID_HIP, 0], neck)


def _median(points: np.ndarray, axis: int) -> float:
    """Median over frames of the greatest visible x (0) or y (1) of points (F, N, 3); NaN where none is visible."""
    values = np.where(visible(points), points[..., axis], -np.inf).max(1)
    values = values[np.isfinite(values)]
    return float(np.median(values)) if len(values) else float("nan")
