"""VGC, view-conditioned garment consistency: does each side of the garment look like the photograph of that side?

Every frame that shows the front or the back is straightened to the canonical torso and correlated with the reference of
the same side. A back invented by the model, or a front print on the back, falls to about zero where pixel metrics
against the truth hardly move. Blur does not lower a correlation, so the gradients are correlated too. Values depend on
cloth and light: read them beside the truth's own. No published metric is the same; the nearest are VBench's subject
consistency and comparisons in DensePose's texture space.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from lookreel.metrics.canonical import EDGE, canonical_torso, keypoints_of, views_of
from lookreel.metrics.clip import Clip
from lookreel.metrics.lab import to_lab

SHIFT = 12  # of 128 pixels
PLAIN = 2.0  # deviation in 8-bit steps: below it a torso has no texture, and a correlation no meaning


@dataclass(frozen=True)
class Consistency:
    """Means over the frames that show a side of which there is a reference; NaN where there is none.

    front, back: correlation with the reference, -1 to 1. gradient: that of the gradients, of both sides.
    color: distance of the mean colours in CIE Lab. loop: correlation of the first front frame with the last one after
    a turn.
    """

    front: float
    back: float
    gradient: float
    color: float
    loop: float


@dataclass(frozen=True)
class _Torso:
    r: float
    view: str
    picture: np.ndarray


def consistency(clip: Clip, references: Clip) -> Consistency | None:
    """VGC of a film; references: the photographs with their poses as a clip. None without poses of either."""
    frames, photos = _torsos(clip), _torsos(references)
    if frames is None or photos is None:
        return None
    rows: dict[str, list[tuple[float, float, float]]] = {"front": [], "back": []}
    for torso in filter(None, frames):
        same = [photo for photo in photos if photo is not None and photo.view == torso.view]
        if same:
            nearest = min(same, key=lambda photo: abs(photo.r - torso.r))
            rows[torso.view].append(_compared(torso.picture, nearest.picture))
    both = rows["front"] + rows["back"]
    return Consistency(
        front=_mean([row[0] for row in rows["front"]]),
        back=_mean([row[0] for row in rows["back"]]),
        gradient=_mean([row[1] for row in both]),
        color=_mean([row[2] for row in both]),
        loop=_loop(frames),
    )


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Normalised cross-correlation of two torsos (128, 128, C), each channel about its own mean; NaN where b is plain.

    Of the square between shoulders and hips in b: arms and background look alike whatever is printed. The best over
    shifts of up to SHIFT pixels: as a body turns, what lies before its axis moves across it.
    """
    inner = b[EDGE:-EDGE, EDGE:-EDGE].astype(np.float32)
    a = a[EDGE - SHIFT : SHIFT - EDGE, EDGE - SHIFT : SHIFT - EDGE]
    if (inner - inner.mean((0, 1))).std() < PLAIN:
        return float("nan")
    found = cv2.matchTemplate(a.astype(np.float32), inner, cv2.TM_CCOEFF_NORMED)
    return float(np.clip(found.max(), -1, 1))


def gradients(picture: np.ndarray) -> np.ndarray:
    """Sobel magnitudes (H, W, C) of a picture (H, W, C)."""
    x, y = (cv2.Sobel(picture, cv2.CV_32F, dx, 1 - dx) for dx in (1, 0))
    return np.hypot(x, y)


def _torsos(clip: Clip) -> list[_Torso | None] | None:
    """The canonical torso of each frame that shows the front or the back; None for the others."""
    keypoints = keypoints_of(clip)
    if keypoints is None:
        return None
    found: list[_Torso | None] = []
    for frame, points, r, view in zip(clip.frames, keypoints, *views_of(keypoints), strict=True):
        picture = canonical_torso(frame, points) if view in ("front", "back") else None
        found.append(None if picture is None or view is None else _Torso(float(r), view, picture))
    return found


def _compared(torso: np.ndarray, photo: np.ndarray) -> tuple[float, float, float]:
    apart = np.linalg.norm((to_lab(torso) - to_lab(photo)).mean((0, 1)))
    return correlation(torso, photo), correlation(gradients(torso), gradients(photo)), float(apart)


def _loop(frames: list[_Torso | None]) -> float:
    """First front against last front, with at least one frame between that shows no front."""
    front = [i for i, torso in enumerate(frames) if torso is not None and torso.view == "front"]
    if len(front) < 2 or front[-1] - front[0] + 1 == len(front):
        return float("nan")
    first, last = frames[front[0]], frames[front[-1]]
    return correlation(first.picture, last.picture) if first and last else float("nan")


def _mean(values: list[float]) -> float:
    found = np.array(values, np.float64)
    found = found[~np.isnan(found)]
    return float(found.mean()) if found.size else float("nan")
