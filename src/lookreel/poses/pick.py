"""The best front, back and side frames of a film of the garment, to serve as photos."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from lookreel.poses.draw import visible
from lookreel.poses.track import Track
from lookreel.poses.view import View, orientation, turned, view_of

VIEWS: tuple[View, ...] = ("front", "back", "side")
_MEANT = {"front": 0.0, "side": np.pi / 2, "back": np.pi}  # how far a body is turned in the middle of each view
_AS_SHARP = 0.7  # of the sharpest frame of its view; below that, sharpness decides
_INSIDE = 0.02  # of the picture: a joint nearer to its border may belong to a body that is cut off


@dataclass(frozen=True)
class Picked:
    """A frame chosen for its view. sharpness: variance of the Laplacian around the person."""

    frame: int
    view: View
    sharpness: float


def pick(frames: np.ndarray, track: Track, gap: float = 0.5) -> list[Picked]:
    """At most one frame for front, back and side, in this order; views that the film does not show are left out.

    frames: uint8 (F, 3, h, w). track: of 18 joints, in the pixels of `track.size`, which has the frames' shape.
    Of each view, frames with the most visible joints inside the picture count; of those, the ones nearly as sharp as
    the sharpest; of those, the one that shows the view straightest. Two picks lie `gap` seconds apart where they can.
    """
    r = orientation(track.keypoints)
    views = [view_of(float(value)) for value in r]
    whole = _whole(track)
    sharp = np.array([_sharpness(frame, track, i) if views[i] else 0.0 for i, frame in enumerate(frames)])
    angle = turned(r)
    picked: list[Picked] = []
    for name in VIEWS:
        candidates = np.array([i for i, v in enumerate(views) if v == name], int)
        apart = [i for i in candidates if all(abs(i - p.frame) >= gap * track.fps for p in picked)]
        candidates = np.array(apart, int) if apart else candidates
        if not len(candidates):
            continue
        candidates = candidates[whole[candidates] >= whole[candidates].max()]
        candidates = candidates[sharp[candidates] >= _AS_SHARP * sharp[candidates].max()]
        best = int(candidates[np.abs(angle[candidates] - _MEANT[name]).argmin()])
        picked.append(Picked(best, name, float(sharp[best])))
    return picked


def _whole(track: Track) -> np.ndarray:
    """(F,): how many joints below the head are visible well inside the picture."""
    height, width = track.size
    points = track.keypoints[:, 1:14]
    x, y = points[..., 0], points[..., 1]
    edge = _INSIDE * min(height, width)
    inside = (x >= edge) & (x < width - edge) & (y >= edge) & (y < height - edge)
    return (visible(points) & inside).sum(1)


def _sharpness(frame: np.ndarray, track: Track, number: int) -> float:
    """Variance of the Laplacian of the grey frame (3, h, w), within the box of its joints."""
    height, width = frame.shape[1:]
    points = track.keypoints[number]
    scale = np.array([width / track.size[1], height / track.size[0]])
    places = points[visible(points), :2] * scale
    (x0, y0), (x1, y1) = places.min(0).astype(int), places.max(0).astype(int)
    box = frame[:, max(y0, 0) : max(y1, 1) + 1, max(x0, 0) : max(x1, 1) + 1]
    if box.size == 0:
        return 0.0
    grey = cv2.cvtColor(np.ascontiguousarray(box.transpose(1, 2, 0)), cv2.COLOR_RGB2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_64F).var())
