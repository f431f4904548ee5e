"""Which photo a frame should look at, from keypoints alone: no training, so that public weights make multi-view films.

In the place of ProFashion's learned selector (Eq. 5-7): m is a softmax over the photos of minus a distance between the
pose of the frame and the pose of the photo, and is used as there (Eq. 8-9). The distance adds the difference in yaw
(`poses/view.py`), the mean distance of the joints, and where asked for the distance of the joints near each location.
"""

from __future__ import annotations

import numpy as np

from lookreel.animate_anyone.config import SelectConfig
from lookreel.poses.draw import visible
from lookreel.poses.skeleton import L_HIP, NECK, R_HIP
from lookreel.poses.view import BORDER, WIDTH, orientation, turned

UNKNOWN_YAW = np.pi / 2  # distance to a pose that shows no shoulders or hips
APART = 1.0  # farthest two joints count, and a joint seen in one of the poses only, in heights of the torso


def select(
    frames: np.ndarray, photos: np.ndarray, size: tuple[int, int], grid: tuple[int, int], config: SelectConfig
) -> np.ndarray:
    """m, float32 (F, R, h, w), which sums to 1 over the photos; h = w = 1 where no location differs.

    frames (F, 18, 3), photos (R, 18, 3): keypoints in pixels of pictures of `size` = (H, W). grid: (h, w) of weights
    by location; a location is one of the photo, beside whose joints it lies.
    """
    apart = joint_distances(frames, photos)
    mean = np.nanmean(np.where(np.isnan(apart).all(-1, keepdims=True), APART, apart), axis=-1)
    logits = -config.yaw * yaw_distances(frames, photos) - config.joints * mean
    logits = logits[:, :, None, None]
    if config.local > 0:
        logits = logits - config.local * _near(apart, photos, size, grid, config.reach)
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def yaw_distances(frames: np.ndarray, photos: np.ndarray) -> np.ndarray:
    """|yaw - yaw| in [0, pi] of every frame and photo, (F, R); pi / 2 where one of them cannot be told.

    The widths of the bodies are taken from their own broadest pose, where it is broad enough to be a front or back.
    """
    mine, theirs = (turned(orientation(poses), _width(poses)) for poses in (frames, photos))
    apart = np.abs(mine[:, None] - theirs[None])
    return np.where(np.isnan(apart), UNKNOWN_YAW, apart)


def _width(poses: np.ndarray) -> float:
    broadest = np.nanmax(np.abs(orientation(poses)), initial=0.0)
    return float(broadest) if broadest >= BORDER else WIDTH


def joint_distances(frames: np.ndarray, photos: np.ndarray) -> np.ndarray:
    """Distance of each joint of every frame and photo, in heights of the torso, at most 1: (F, R, 18).

    Both poses are moved to their neck and scaled by their torso. A joint that only one of them shows counts 1, one that
    neither shows is NaN.
    """
    (mine, seen), (theirs, there) = (_normed(poses) for poses in (frames, photos))
    apart = np.minimum(np.linalg.norm(mine[:, None] - theirs[None], axis=-1), APART)
    both, any_of = seen[:, None] & there[None], seen[:, None] | there[None]
    return np.where(both, apart, np.where(any_of, APART, np.nan))


def _normed(poses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Joints (N, 18, 2) from the neck in heights of the torso, and which are visible (N, 18)."""
    seen = visible(poses)
    neck, height = _torso(poses, seen)
    points = np.where(seen[..., None], poses[..., :2], 0).astype(np.float64)
    return (points - neck[:, None]) / height[:, None, None], seen


def _torso(poses: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Neck (N, 2) and height (N,) in pixels; of the box around the visible joints where neck or hips are not seen."""
    points = np.where(seen[..., None], poses[..., :2], np.nan).astype(np.float64)
    low, high = (np.where(seen.any(-1)[:, None], made, 0) for made in _box(points, seen))
    hips = points[:, [R_HIP, L_HIP]]
    known = seen[:, NECK] & seen[:, [R_HIP, L_HIP]].any(-1)
    hip = np.nansum(hips, axis=1) / np.maximum(seen[:, [R_HIP, L_HIP]].sum(-1), 1)[:, None]
    height = np.where(known, np.linalg.norm(hip - points[:, NECK], axis=-1), (high - low)[:, 1] / 2)
    return np.where(known[:, None], points[:, NECK], (low + high) / 2), np.maximum(height, 1)


def _box(points: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The corners (N, 2) of the box around the visible joints."""
    shown = seen[..., None]
    return np.where(shown, points, np.inf).min(1), np.where(shown, points, -np.inf).max(1)


def _near(
    apart: np.ndarray, photos: np.ndarray, size: tuple[int, int], grid: tuple[int, int], reach: float
) -> np.ndarray:
    """The distance of the joints near each location of the photo, (F, R, h, w); 0 far from all joints."""
    seen = visible(photos)
    _, height = _torso(photos, seen)
    y = (np.arange(grid[0]) + 0.5) * size[0] / grid[0] - 0.5
    x = (np.arange(grid[1]) + 0.5) * size[1] / grid[1] - 0.5
    points = np.where(seen[..., None], photos[..., :2], 0)
    squared = (y[:, None] - points[:, :, None, None, 1]) ** 2 + (x - points[:, :, None, None, 0]) ** 2  # (R, 18, h, w)
    say = np.exp(-squared / (2 * (reach * height[:, None, None, None]) ** 2)) * seen[:, :, None, None]
    felt = np.einsum("frj,rjyx->fryx", np.nan_to_num(apart, nan=0.0), say)
    return felt / np.maximum(say.sum(1), 1)[None]
