"""Gaps in a track: joints that a detector lost for a moment are put back between the frames that have them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lookreel.poses.draw import VISIBLE, visible
from lookreel.poses.track import Track

LONGEST = 0.4  # seconds; a joint that is gone for longer is hidden, not lost
FILLED = 0.35  # confidence of a joint that was put back: just enough to be drawn, and low, so that it is known


def fill_gaps(track: Track, longest: float = LONGEST) -> Track:
    """The track with its short gaps filled: in a straight line between two frames, held at the ends.

    A gap is a run of frames in which a joint is not visible (confidence under 0.3) for at most `longest` seconds.
    Filled joints get confidence 0.35, or their neighbours' where that is lower; all others stay as they are. A joint
    that is visible in no frame stays absent, and so does one that is hidden for longer, such as the nose of a back.
    """
    keypoints = np.array(track.keypoints, np.float32)
    seen = visible(keypoints)
    most = int(longest * track.fps + 1e-6)
    for joint in np.flatnonzero(seen.any(0) & ~seen.all(0)):
        for start, stop in _runs(~seen[:, joint]):
            if stop - start <= most:
                _fill(keypoints[:, joint], start, stop)
    return replace(track, keypoints=keypoints)


def filled(track: Track, original: Track) -> np.ndarray:
    """bool (F, J): the joints that are visible in `track` and were not in `original`."""
    return visible(track.keypoints) & ~visible(original.keypoints)


def _runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """Start and stop of each run of True in (F,)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _fill(points: np.ndarray, start: int, stop: int) -> None:
    """Fill frames start..stop-1 of one joint's points (F, 3) in place."""
    before, after = start - 1 if start > 0 else None, stop if stop < len(points) else None
    left = points[before] if before is not None else points[after]
    right = points[after] if after is not None else points[before]
    share = np.arange(1, stop - start + 1)[:, None] / (stop - start + 1)
    points[start:stop, :2] = left[:2] * (1 - share) + right[:2] * share
    points[start:stop, 2] = max(VISIBLE, min(FILLED, left[2], right[2]))
