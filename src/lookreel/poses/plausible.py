"""Whether a small detector that learned one kind of figure is to be believed on other pictures.

A network that has never seen a street or a face answers with a figure all the same, and with full confidence. But shown
such a picture again, mirrored and with wider borders, it answers with another figure; where there is a body that it can
read, it answers with the same one. Measured on the bundled detector: on mannequins the two answers lie 0.007 of the
body's height apart in the median, 0.04 and less in 99 of 100 frames; on photographs of a person who stands upright and
whole before a plain backdrop 0.01 to 0.03; on 38 photographs of other things, and of such people cut off, on their side
or upside down, 0.044 to 1.9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lookreel.poses.draw import visible
from lookreel.poses.layout import from_coco
from lookreel.poses.mirror import mirrored
from lookreel.poses.people import boxes_of
from lookreel.poses.yolox import overlap

if TYPE_CHECKING:
    from lookreel.poses.detect import Detector

AGREE = 0.04  # mean distance of the joints of two answers, in heights of the body, up to which they are one
LOOKS = 5  # frames of a clip that are shown again
_WIDER = 0.25  # of the picture's sides, added on all four
_MISSED = 0.3  # heights of the body that a joint counts which only one answer has


def plausible(detector: Detector, frames: np.ndarray, keypoints: np.ndarray) -> bool:
    """Whether the detector finds the same person again in most of a few frames that show one.

    frames: uint8 (F, 3, H, W). keypoints: (F, 18, 3), what it found there, in their pixels. False where nobody is.
    """
    there = np.flatnonzero(visible(keypoints).sum(1) >= 3)
    if not len(there):
        return False
    looks = np.unique(there[np.rint(np.linspace(0, len(there) - 1, LOOKS)).astype(int)])
    again = [difference(detector, frames[i], keypoints[i]) <= AGREE for i in looks]
    return sum(again) * 2 > len(again)


def difference(detector: Detector, frame: np.ndarray, pose: np.ndarray) -> float:
    """How far the person found in a mirrored, wider picture lies from `pose` (18, 3): the mean distance of the joints
    in heights of the body; infinite where nobody is found at that place. frame: uint8 (3, H, W)."""
    height, width = frame.shape[1:]
    rows, columns = round(height * _WIDER), round(width * _WIDER)
    wider = np.pad(frame[:, :, ::-1], ((0, 0), (rows, rows), (columns, columns)), mode="edge")
    found = [person.keypoints for person in detector.detect(np.ascontiguousarray(wider)[None])[0]]
    back = [_unmirrored(points if len(points) == 18 else from_coco(points), width, rows, columns) for points in found]
    if not back:
        return float("inf")
    shared = overlap(boxes_of([pose]), boxes_of(back))[0]
    return _apart(pose, back[int(shared.argmax())])


def _unmirrored(points: np.ndarray, width: int, rows: int, columns: int) -> np.ndarray:
    """Joints (18, 3) of the mirrored, wider picture in the pixels of the picture itself."""
    points = points.astype(np.float64)
    points[:, :2] -= (columns, rows)
    return mirrored(points, width)


def _apart(a: np.ndarray, b: np.ndarray) -> float:
    first, second = visible(a), visible(b)
    height = max(float(np.ptp(a[first, 1])), 1.0)
    away = np.linalg.norm(a[:, :2] - b[:, :2], axis=1) / height
    return float(np.where(first & second, away, _MISSED)[first | second].mean())
