"""Does the garment or the face change as the film goes on? Distance to the reference against time, and its slope.

Torso and face of each frame are compared by their colours with the reference that shows the same side. A long film that
fails shows it in the slope, not in the mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lookreel.metrics.canonical import canonical_torso, keypoints_of, views_of
from lookreel.metrics.clip import Clip
from lookreel.metrics.lab import histogram_distance, to_lab
from lookreel.poses.draw import visible
from lookreel.poses.skeleton import L_EAR, L_EYE, NECK, NOSE, R_EAR, R_EYE

_FACE = [NOSE, R_EYE, L_EYE, R_EAR, L_EAR]


@dataclass(frozen=True)
class Drift:
    """times: (F,) seconds. color, face: (F,) distance of the torso's and the face's Lab histograms to the reference's,
    NaN where a frame shows a side without a reference, or no face."""

    times: np.ndarray
    color: np.ndarray
    face: np.ndarray


def drift(clip: Clip, references: Clip) -> Drift | None:
    """The curves of a film against the photographs with their poses. None without poses of either."""
    frames, photos = _parts(clip), _parts(references)
    if frames is None or photos is None:
        return None
    color, face = np.full((2, len(clip)), np.nan)
    for i, (r, view, torso, head) in enumerate(frames):
        same = sorted((photo for photo in photos if photo[1] == view), key=lambda photo: abs(photo[0] - r))
        color[i] = _distance(torso, [photo[2] for photo in same])
        face[i] = _distance(head, [photo[3] for photo in same])
    return Drift(np.arange(len(clip)) / clip.fps, color, face)


def slope(times: np.ndarray, distances: np.ndarray) -> float:
    """Least-squares slope in Lab units a second over the frames that have a distance; NaN under two."""
    known = ~np.isnan(distances)
    if known.sum() < 2:
        return float("nan")
    return float(np.polyfit(times[known], distances[known], 1)[0])


def _parts(clip: Clip) -> list[tuple[float, str | None, np.ndarray | None, np.ndarray | None]] | None:
    """Of each frame the orientation, the side, and the Lab colours (N, 3) of torso and face."""
    keypoints = keypoints_of(clip)
    if keypoints is None:
        return None
    rows = []
    for frame, points, r, view in zip(clip.frames, keypoints, *views_of(keypoints), strict=True):
        torso = canonical_torso(frame, points)
        rows.append((float(r), view, _colors(torso), _colors(_face(frame, points))))
    return rows


def _face(frame: np.ndarray, points: np.ndarray) -> np.ndarray | None:
    """The box round nose, eyes and ears of a frame; None where the nose, another of them or the neck is hidden."""
    seen = visible(points)
    if not (seen[NOSE] and seen[NECK] and seen[_FACE].sum() >= 2):
        return None
    center = points[_FACE][seen[_FACE], :2].mean(0)
    half = max(0.4 * np.linalg.norm(points[NOSE, :2] - points[NECK, :2]), 2.0)
    (x0, y0), (x1, y1) = np.rint(center - half).astype(int).clip(0), np.rint(center + half).astype(int) + 1
    box = frame[y0:y1, x0:x1]
    return box if box.size else None


def _colors(picture: np.ndarray | None) -> np.ndarray | None:
    return None if picture is None else to_lab(picture).reshape(-1, 3)


def _distance(colors: np.ndarray | None, photos: list[np.ndarray | None]) -> float:
    """To the nearest photograph that shows the part; NaN where none does."""
    shown = next((photo for photo in photos if photo is not None), None)
    return float("nan") if colors is None or shown is None else histogram_distance(colors, shown)
