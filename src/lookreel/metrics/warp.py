"""Flicker along the motion: how far a frame differs from the one before it, carried along the flow.

    E = mean over t of  sum M_t |x_t - W(x_{t-1}; f_t)|^2 / sum M_t

Source: Lai et al. 2018, "Learning Blind Video Temporal Consistency" (arXiv 1808.00449, section 4.3), on [0, 1], the
square averaged over the colour channels. The flow is the procedural world's own, or DIS flow (Kroeger et al. 2016) of
the truth; M leaves out what was hidden in the frame before (Ruder et al. 2016, section 3.2).
"""

from __future__ import annotations

import numpy as np

from lookreel.errors import InputError

LEAST = 16  # pixels a side


def warp_error(frames: np.ndarray, flow: np.ndarray, counts: np.ndarray | None = None) -> float:
    """E of frames uint8 (F, H, W, 3) along flow (F, 2, H, W), pixels from frame i to i - 1; NaN where nothing counts.

    counts: bool (F, H, W), the pixels that count, or None for all. Frame 0 has none before it and is not read.
    """
    errors = []
    for i in range(1, len(frames)):
        now, before = (frames[k].astype(np.float32) / 255 for k in (i, i - 1))
        square = np.square(now - sample_at(before, flow[i])).mean(2, dtype=np.float64)
        chosen = square if counts is None else square[counts[i]]
        if chosen.size:
            errors.append(chosen.mean())
    return float(np.mean(errors)) if errors else float("nan")


def sample_at(picture: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """picture float (H, W, C) sampled bilinearly at each pixel plus flow (2, H, W); beyond the edge, the edge."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = np.clip(x + flow[0], 0, width - 1), np.clip(y + flow[1], 0, height - 1)
    left, top = np.minimum(x.astype(int), max(width - 2, 0)), np.minimum(y.astype(int), max(height - 2, 0))
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    u, v = (x - left)[..., None], (y - top)[..., None]
    upper = picture[top, left] * (1 - u) + picture[top, right] * u
    lower = picture[bottom, left] * (1 - u) + picture[bottom, right] * u
    return upper * (1 - v) + lower * v


def dis_flow(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """DIS flow of frames uint8 (F, H, W, 3), and where it can be trusted.

    Returns flow float32 (F, 2, H, W) in pixels from frame i to i - 1, zero for frame 0, and bool (F, H, W): seen in
    the frame before as well. Raises InputError for frames under 16 pixels a side, on which OpenCV crashes.
    """
    import cv2

    if min(frames.shape[1:3]) < LEAST:
        found = f"frames of {frames.shape[1]}x{frames.shape[2]}"
        raise InputError(f"{found}: too small for optical flow; expected at least {LEAST} pixels a side")
    method = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grays = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    flow = np.zeros((len(frames), 2, *frames.shape[1:3]), np.float32)
    seen = np.zeros((len(frames), *frames.shape[1:3]), bool)
    for i in range(1, len(frames)):
        back = method.calc(grays[i], grays[i - 1], None).transpose(2, 0, 1)
        ahead = method.calc(grays[i - 1], grays[i], None)
        flow[i], seen[i] = back, unoccluded(back, ahead.transpose(2, 0, 1))
    return flow, seen


def unoccluded(back: np.ndarray, ahead: np.ndarray) -> np.ndarray:
    """bool (H, W): pixels whose way back and forth closes, and which do not lie on an edge of the motion.

    back: (2, H, W) from this frame to the one before; ahead: the other way. Ruder et al. 2016, equations 5 and 6.
    """
    there = sample_at(ahead.transpose(1, 2, 0), back).transpose(2, 0, 1)
    closes = _square(back + there) <= 0.01 * (_square(back) + _square(there)) + 0.5
    edges = sum(_square(np.stack(np.gradient(axis))) for axis in back)
    return closes & (edges <= 0.01 * _square(back) + 0.002)


def _square(field: np.ndarray) -> np.ndarray:
    return np.square(field).sum(0)
