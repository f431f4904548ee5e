"""The canonical torso: the garment's chest or back of any frame, straightened to one square.

The affine map that brings shoulders and hips nearest to the corners of a square within 128x128 pixels. Corners go by
what is left and right in the picture, so that a back is not mirrored. A homography would meet all four corners, but
where hips are narrower than shoulders it stretches the lower half, as if the body leant away from the camera.
"""

from __future__ import annotations

import cv2
import numpy as np

from lookreel.metrics.clip import Clip
from lookreel.poses.draw import rescale, visible
from lookreel.poses.layout import to_openpose18
from lookreel.poses.skeleton import L_HIP, L_SHOULDER, R_HIP, R_SHOULDER
from lookreel.poses.view import orientation, view_of

SIDE = 128
_FACING = [R_SHOULDER, L_SHOULDER, L_HIP, R_HIP]  # clockwise from the top left of a body that faces the camera
_AWAY = [L_SHOULDER, R_SHOULDER, R_HIP, L_HIP]
EDGE = 24  # pixels round the square: sleeves, collar and hem belong to the garment too
_SQUARE = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * (SIDE - 2 * EDGE) + EDGE - 0.5
_LEAST = 4.0  # pixels: a narrower torso has no texture to compare


def keypoints_of(clip: Clip) -> np.ndarray | None:
    """float64 (F, 18, 3): x, y in pixels of the clip's frames, confidence; None without a track."""
    if clip.track is None:
        return None
    track = to_openpose18(clip.track)
    points = track.keypoints.astype(np.float64)
    points[..., :2] = rescale(points[..., :2], track.size, clip.size)
    return points


def views_of(keypoints: np.ndarray) -> tuple[np.ndarray, list[str | None]]:
    """The orientation r (F,) and the side seen ("front", "side", "back" or None) of keypoints (F, 18, 3)."""
    r = orientation(keypoints)
    return r, [view_of(float(value)) for value in r]


def canonical_torso(frame: np.ndarray, keypoints: np.ndarray) -> np.ndarray | None:
    """uint8 (128, 128, 3) of a frame (H, W, 3) and its keypoints (18, 3).

    None where a corner is not visible, the torso is narrower than 4 pixels, or it is seen from its edge.
    """
    if not visible(keypoints)[_FACING].all():
        return None
    facing = keypoints[R_SHOULDER, 0] < keypoints[L_SHOULDER, 0]
    corners = keypoints[_FACING if facing else _AWAY, :2]
    widths = corners[1, 0] - corners[0, 0], corners[2, 0] - corners[3, 0]
    height = corners[2:, 1].mean() - corners[:2, 1].mean()
    if min(*widths, height) < _LEAST:
        return None
    straight = np.linalg.lstsq(np.column_stack([corners, np.ones(4)]), _SQUARE, rcond=None)[0].T
    return cv2.warpAffine(
        _softened(frame, height), straight, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def _softened(frame: np.ndarray, height: float) -> np.ndarray:
    """A torso larger than the square is blurred first, so that making it smaller does not alias."""
    factor = height / (SIDE - 2 * EDGE)
    return frame if factor <= 1.5 else cv2.GaussianBlur(frame, (0, 0), 0.4 * factor)
