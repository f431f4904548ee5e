"""Where a film was cut: a frame whose colours are suddenly others than those of the frame before it."""

from __future__ import annotations

import cv2
import numpy as np

_SIDE = 48  # pixels of the small picture that is looked at
_BINS = 8  # of each colour channel
_ALWAYS = 0.35  # share of the picture that changed its colour: a cut, however lively the film is
_SUDDEN = 0.08  # and from which it is one where the frames around change much less
_TIMES = 2.5  # less, in their median; mannequins that turn and walk reach 1.9 times, cuts between them begin at 2.7
_AROUND = 0.5  # seconds


def colors(frame: np.ndarray) -> np.ndarray:
    """The share of each colour in a frame uint8 (3, H, W): float32 (512,)."""
    picture = np.ascontiguousarray(frame.transpose(1, 2, 0))
    small = cv2.resize(picture, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA) // (256 // _BINS)
    index = (small[..., 0].astype(np.int64) * _BINS + small[..., 1]) * _BINS + small[..., 2]
    return (np.bincount(index.ravel(), minlength=_BINS**3) / _SIDE**2).astype(np.float32)


def cuts(shares: np.ndarray, fps: float) -> list[int]:
    """Numbers of the frames that begin a new scene, from the colours (F, 512) of all frames; without the first.

    A frame begins one where a third of the picture has another colour than in the frame before it, or a twelfth, 2.5
    times as much as usual within half a second. Slow dissolves are not seen.
    """
    changed = np.abs(np.diff(shares, axis=0)).sum(1) / 2
    reach = max(2, round(_AROUND * fps))
    found = []
    for i, share in enumerate(changed):
        around = np.delete(changed[max(0, i - reach) : i + reach + 1], min(i, reach))
        usual = float(np.median(around)) if len(around) else 0.0
        if (share > _ALWAYS and share > 2 * usual) or (share > _SUDDEN and share > _TIMES * usual):
            found.append(i + 1)
    return found
