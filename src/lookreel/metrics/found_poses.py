"""The poses of a stored clip as a detector finds them, at the clip's own size, before any protocol squashes it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from lookreel.metrics import frames as footage
from lookreel.metrics.geometry import Fit
from lookreel.poses.detect import Detector
from lookreel.poses.detect import load as load_detector
from lookreel.poses.track import LAYOUTS, Track


@lru_cache(maxsize=1)
def detector(name: str) -> Detector:
    """The detector of that name or folder, loaded once in a process, with one thread.

    Raises InputError where it is unknown, damaged, or the extra `pose` is not installed.
    """
    return load_detector(name, threads=1)


def found_poses(name: str, path: Path, fit: Fit, fps: float) -> Track:
    """The largest person of each frame, in the pixels after `fit`; confidence 0 where nobody is found."""
    finder = detector(name)
    points = np.zeros((0, LAYOUTS[finder.layout], 3), np.float32)
    for frame in footage.stream(path):
        people = finder.detect(frame.transpose(2, 0, 1)[None])[0]
        row = fit.points(people[0].keypoints) if people else np.zeros(points.shape[1:])
        points = np.concatenate([points, row[None].astype(np.float32)])
    return Track(points, fit.size, fps, finder.layout)
