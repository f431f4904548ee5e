"""Which side of a body the camera sees, from shoulders and torso alone.

ProFashion (appendix A) picks front, back and side photos by the relative positions of left and right keypoints; this
rule is ours:

    r = (x_RShoulder - x_LShoulder) / (y_hip - y_neck)

Facing the camera r is about -0.6, from the back +0.6, and r = -0.6 cos(yaw) between (yaw 0 faces the camera).
"""

from typing import Literal

import numpy as np

from lookreel.poses.draw import visible
from lookreel.poses.skeleton import L_HIP, L_SHOULDER, NECK, R_HIP, R_SHOULDER

View = Literal["front", "side", "back"]

WIDTH = 0.6  # |r| of a usual body seen straight from the front
BORDER = 0.42  # |r| at 45 degrees for that body


def orientation(keypoints: np.ndarray) -> np.ndarray:
    """r (...) of keypoints (..., 18, 2 or 3); NaN where a shoulder or both hips are absent, or the torso has no height.

    An absent neck is taken midway between the shoulders.
    """
    keypoints = np.asarray(keypoints, np.float64)
    there = visible(keypoints)
    x, y = (np.where(there, keypoints[..., axis], np.nan) for axis in (0, 1))
    neck = np.where(there[..., NECK], y[..., NECK], (y[..., R_SHOULDER] + y[..., L_SHOULDER]) / 2)
    hips = there[..., [R_HIP, L_HIP]]
    hip = np.where(hips, y[..., [R_HIP, L_HIP]], 0).sum(-1) / np.where(hips.any(-1), hips.sum(-1), np.nan)
    height = hip - neck
    return (x[..., R_SHOULDER] - x[..., L_SHOULDER]) / np.where(np.abs(height) > 1e-6, height, np.nan)


def view(keypoints: np.ndarray, width: float = WIDTH) -> View | None:
    """The side seen in keypoints (18, 2 or 3); None where shoulders or hips are absent.

    width: |r| of this body in a front photo where one is known; the borders at 45 degrees scale with it.
    """
    return view_of(float(orientation(keypoints)), width)


def view_of(r: float, width: float = WIDTH) -> View | None:
    """The side seen at orientation r; None for NaN."""
    if np.isnan(r):
        return None
    border = BORDER * (width / WIDTH)
    return "front" if r <= -border else "back" if r >= border else "side"


def turned(r: np.ndarray | float, width: float = WIDTH) -> np.ndarray:
    """How far a body is turned from the camera, |yaw| in [0, pi] radians, from r; left and right look the same."""
    return np.arccos(np.clip(-np.asarray(r, np.float64) / width, -1, 1))


def yaw_distance(a: np.ndarray | float, b: np.ndarray | float, width: float = WIDTH) -> np.ndarray:
    """Angle in [0, pi] radians between two orientations r, as far as r can tell; NaN where either is NaN."""
    return np.abs(turned(a, width) - turned(b, width))
