"""Does the film move as it was told? Poses found in the film against those that drove it.

PCK: share of joints within a part of the body's height (Yang and Ramanan 2013). OKS: COCO's keypoint similarity.
AKD, MKR: mean distance of the joints found in both, and the share of driving joints not found (Siarohin et al. 2019).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lookreel.errors import InputError
from lookreel.poses.draw import rescale
from lookreel.poses.layout import to_openpose18
from lookreel.poses.track import Track

SURE = 0.3  # a joint of lower confidence is absent
# COCO's per-joint spread by OpenPose's 18; the neck, which COCO has not, gets none and is left out of OKS.
SIGMAS = np.array([
    0.026, np.nan, 0.079, 0.072, 0.062, 0.079, 0.072, 0.062, 0.107, 0.087, 0.089, 0.107, 0.087, 0.089,
    0.025, 0.025, 0.035, 0.035,
])  # fmt: skip
_AREA = 0.53  # of a body's box that the body covers, as COCO estimates it


@dataclass(frozen=True)
class PoseScores:
    """pck_05, pck_10: share of the driving joints within 5 % and 10 % of the body's height; a joint not found is not
    within. oks: 0 to 1, a joint not found counts 0. akd: mean of |dx| and |dy| in pixels of the frames. mkr: share of
    driving joints not found. NaN where there is nothing to compare.
    """

    pck_05: float
    pck_10: float
    oks: float
    akd: float
    mkr: float


def pose_scores(found: Track, driving: Track, size: tuple[int, int]) -> PoseScores:
    """Scores of the poses found in a film against those that drove it; size: (H, W) of the film, the unit of akd.

    Raises InputError for another number of frames.
    """
    if len(found) != len(driving):
        raise InputError(f"poses of {len(found)} and {len(driving)} frames; expected one each of the same frames")
    ours, theirs = _points(found, size), _points(driving, size)
    wanted = theirs[..., 2] >= SURE
    met = wanted & (ours[..., 2] >= SURE)
    heights, areas = _boxes(theirs, wanted)
    apart = ours[..., :2] - theirs[..., :2]
    distance = np.where(met, np.linalg.norm(apart, axis=2), np.inf)
    return PoseScores(
        pck_05=_share(distance <= 0.05 * heights[:, None], wanted),
        pck_10=_share(distance <= 0.1 * heights[:, None], wanted),
        oks=_oks(distance, areas, wanted),
        akd=float(np.abs(apart[met]).mean()) if met.any() else float("nan"),
        mkr=_share(~met, wanted),
    )


def _points(track: Track, size: tuple[int, int]) -> np.ndarray:
    """float64 (F, 18, 3) in pixels of `size`."""
    track = to_openpose18(track)
    points = track.keypoints.astype(np.float64)
    points[..., :2] = rescale(points[..., :2], track.size, size)
    return points


def _boxes(points: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Height and area (F,) of the box round the driving joints; NaN where there are none."""
    inside = np.where(wanted[..., None], points[..., :2], np.nan)
    some = wanted.any(1)
    width, height = np.full((2, len(points)), np.nan)
    width[some], height[some] = (np.nanmax(inside[some], axis=1) - np.nanmin(inside[some], axis=1)).T
    return height, width * height


def _oks(distance: np.ndarray, areas: np.ndarray, wanted: np.ndarray) -> float:
    """The mean over frames of the mean over joints of exp(-d^2 / (2 (2 sigma)^2 area))."""
    area = np.maximum(_AREA * areas, 1)[:, None]
    similarity = np.exp(-np.square(distance) / (2 * np.square(2 * SIGMAS) * area))
    counted = wanted & ~np.isnan(SIGMAS)
    frames = counted.any(1)
    if not frames.any():
        return float("nan")
    sums = np.where(counted, np.nan_to_num(similarity), 0).sum(1)
    return float((sums[frames] / counted[frames].sum(1)).mean())


def _share(hits: np.ndarray, wanted: np.ndarray) -> float:
    return float(hits[wanted].mean()) if wanted.any() else float("nan")
