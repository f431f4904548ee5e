"""Jitter taken out of a track without delay.

Source: the one-euro filter (Casiez, Roussel and Vogel, CHI 2012): a low-pass filter whose cutoff grows with speed, so
that a body at rest is calm and a quick hand is not held back. It is run forward and backward over the whole track and
the two are averaged: what one pass holds back, the other holds ahead, and no delay is left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lookreel.poses.draw import visible
from lookreel.poses.track import Track

_AROUND = 0.1  # seconds


@dataclass(frozen=True)
class Smoothing:
    """The one-euro filter's numbers (its section 4).

    min_cutoff: Hz, for a joint at rest. beta: how fast the cutoff grows, in Hz for each body height a second.
    speed_cutoff: Hz, for the speed itself (the paper's dcutoff).
    """

    min_cutoff: float = 1.5
    beta: float = 8.0
    speed_cutoff: float = 4.0


def smooth(track: Track, settings: Smoothing | None = None) -> Track:
    """The track with its x and y smoothed; confidence stays, and joints that are not visible stay where they are.

    A joint that comes back after a gap starts anew, so nothing is drawn over from before it.
    """
    settings = settings or Smoothing()
    keypoints = np.array(track.keypoints, np.float32)
    seen = visible(keypoints)
    unit = _height(keypoints, seen)
    places = keypoints[..., :2].astype(np.float64) / unit
    speeds = _speeds(places, seen, track.fps, settings.speed_cutoff)
    cutoffs = settings.min_cutoff + settings.beta * speeds
    forward = _pass(places, seen, cutoffs, track.fps)
    backward = _pass(places[::-1], seen[::-1], cutoffs[::-1], track.fps)[::-1]
    keypoints[..., :2] = np.where(seen[..., None], (forward + backward) / 2 * unit, keypoints[..., :2])
    return replace(track, keypoints=keypoints)


def _height(keypoints: np.ndarray, seen: np.ndarray) -> float:
    """Pixels from the highest to the lowest visible joint, in the median of the frames; the unit of speed."""
    y = np.where(seen, keypoints[..., 1], np.nan)
    spans = [np.nanmax(row) - np.nanmin(row) for row in y if np.isfinite(row).any()]
    return max(float(np.median(spans)), 1.0) if spans else 1.0


def _share(cutoff: np.ndarray | float, fps: float) -> np.ndarray:
    """Equation 6: how much of a new value a low-pass filter of this cutoff takes."""
    return 1 / (1 + fps / (2 * np.pi * np.asarray(cutoff)))


def _speeds(places: np.ndarray, seen: np.ndarray, fps: float, cutoff: float) -> np.ndarray:
    """(F, J): body heights a second, filtered both ways; the fastest within a tenth of a second, because a hand that
    turns back stands still for a moment and is no less quick."""
    moves = np.zeros_like(places)
    both = (seen[1:] & seen[:-1])[..., None]
    steps = np.where(both, np.diff(places, axis=0) * fps, 0)
    count = np.zeros((*seen.shape, 1))
    for part in (slice(1, None), slice(None, -1)):  # the step that leads to a frame, and the one that leaves it
        moves[part] += steps
        count[part] += both
    moves /= np.maximum(count, 1)
    steady = np.full(seen.shape, cutoff)
    there, back = _pass(moves, seen, steady, fps), _pass(moves[::-1], seen[::-1], steady, fps)[::-1]
    speeds = np.linalg.norm((there + back) / 2, axis=-1)
    reach = max(1, round(_AROUND * fps))
    padded = np.pad(speeds, ((reach, reach), (0, 0)))
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=0).max(-1)


def _pass(values: np.ndarray, seen: np.ndarray, cutoffs: np.ndarray, fps: float) -> np.ndarray:
    """One pass of the filter over values (F, J, 2)."""
    shares = _share(cutoffs, fps)[..., None]
    result = np.array(values)
    for i in range(1, len(values)):
        follows = (seen[i] & seen[i - 1])[:, None]
        result[i] = np.where(follows, result[i - 1] + shares[i] * (values[i] - result[i - 1]), values[i])
    return result
