"""Can text and prints still be read? Edges of the film against the truth's, in boxes round the print.

Four views of the same boxes: correlation of the Sobel magnitudes, their PSNR, the part of fine detail that is left, and
GMSD (Xue et al. 2014, "Gradient Magnitude Similarity Deviation", equations 4 to 6).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from lookreel.errors import InputError
from lookreel.metrics.clip import Clip
from lookreel.metrics.consistency import PLAIN
from lookreel.metrics.picture import decibel

FINE = 2.0  # pixels: detail is what a Gaussian of this sigma takes away
LEAST = 8  # pixels, the least side of a box that is compared
_DENSE = 10.0  # mean Sobel magnitude in 8-bit steps from which a place counts as print
_C = 170.0  # GMSD's constant for 8-bit pictures


@dataclass(frozen=True)
class Legibility:
    """Means over all boxes. edge: correlation, 1 is perfect. psnr: dB, of the edges. detail: fine energy as a part of
    the truth's, 1 is equal, above 1 is noise. gmsd: 0 is perfect."""

    edge: float
    psnr: float
    detail: float
    gmsd: float


def legibility(generated: Clip, truth: Clip, boxes: np.ndarray) -> Legibility | None:
    """Of boxes int (N, 5): frame, x0, y0, x1, y1. None where no box of 8 pixels holds more than plain cloth."""
    pairs = crops(generated, truth, boxes)
    rows = [_compared(ours, theirs) for ours, theirs in pairs if theirs.std((0, 1)).max() >= PLAIN]
    return Legibility(*np.mean(rows, axis=0).tolist()) if rows else None


def crops(generated: Clip, truth: Clip, boxes: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Film and truth in the boxes (N, 5) of 8 pixels or more. Raises InputError for a frame that is not there."""
    pairs = []
    for frame, x0, y0, x1, y1 in boxes.tolist():
        if not 0 <= frame < len(truth):
            raise InputError(f"boxes: found frame {frame}; expected 0 to {len(truth) - 1}")
        place = slice(max(y0, 0), max(y1, 0)), slice(max(x0, 0), max(x1, 0))
        ours, theirs = (clip.frames[frame][place] for clip in (generated, truth))
        if min(theirs.shape[:2]) >= LEAST:
            pairs.append((ours, theirs))
    return pairs


def find_boxes(clip: Clip, inside: np.ndarray | None = None) -> np.ndarray:
    """Boxes round the places of a clip's frames that are dense with edges: int (N, 5).

    inside: bool (F, H, W), where to look (the garment); its outline is left out. At most the three largest a frame.
    """
    side = max(LEAST, round(0.05 * clip.size[0])) | 1
    outline = np.ones((2 * (side // 4) + 1,) * 2, np.uint8)
    found = []
    for number, frame in enumerate(clip.frames):
        edges = _edges(frame.astype(np.float64)).max(2)
        where = np.ones(edges.shape) if inside is None else cv2.erode(inside[number].astype(np.float64), outline)
        density, share = (cv2.boxFilter(field, -1, (side, side)) for field in (edges * where, where))
        dense = (density >= _DENSE * share) & (share >= 0.25)
        found += [[number, *box] for box in _largest(dense)]
    return np.array(found, int).reshape(-1, 5)


def _largest(dense: np.ndarray, most: int = 3) -> list[list[int]]:
    """x0, y0, x1, y1 of the largest connected places."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(dense.astype(np.uint8))
    rows = sorted(stats[1:count].tolist(), key=lambda row: -row[cv2.CC_STAT_AREA])
    return [[x, y, x + w, y + h] for x, y, w, h, _ in rows[:most] if min(w, h) >= LEAST]


def _compared(ours: np.ndarray, theirs: np.ndarray) -> list[float]:
    ours, theirs = ours.astype(np.float64), theirs.astype(np.float64)
    a, b = _edges(ours), _edges(theirs)
    spread = np.sqrt(np.square(a - a.mean()).sum() * np.square(b - b.mean()).sum())
    edge = float(((a - a.mean()) * (b - b.mean())).sum() / spread) if spread > 0 else 0.0
    psnr = decibel(float(np.square(a - b).mean()), float(b.max()))
    return [edge, psnr, _energy(ours) / max(_energy(theirs), 1e-9), _gmsd(ours, theirs)]


def _edges(picture: np.ndarray) -> np.ndarray:
    """Sobel magnitude of each channel in 8-bit steps a pixel: a print may differ from its cloth in colour alone."""
    return np.hypot(cv2.Sobel(picture, cv2.CV_64F, 1, 0), cv2.Sobel(picture, cv2.CV_64F, 0, 1)) / 8


def _energy(picture: np.ndarray) -> float:
    """Mean square of what a Gaussian takes away."""
    return float(np.square(picture - cv2.GaussianBlur(picture, (0, 0), FINE)).mean())


def _gmsd(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Deviation of the similarity of Prewitt magnitudes, in gray at half size."""
    grays = (cv2.cvtColor(picture.astype(np.float32), cv2.COLOR_RGB2GRAY) for picture in (ours, theirs))
    a, b = (_prewitt(cv2.boxFilter(gray, -1, (2, 2))[::2, ::2]) for gray in grays)
    return float(((2 * a * b + _C) / (a * a + b * b + _C)).std())


def _prewitt(gray: np.ndarray) -> np.ndarray:
    rise = np.array([[1.0, 0, -1]] * 3) / 3
    return np.hypot(cv2.filter2D(gray, -1, rise), cv2.filter2D(gray, -1, rise.T))
