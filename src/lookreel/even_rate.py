"""A video whose frames are shown unevenly, at a constant rate.

Phones record as many frames as the light allows, screen recorders as many as change: played at their mean rate such
frames run too fast here and too slow there.
"""

from __future__ import annotations

import numpy as np

_UNEVEN = 0.75  # frames; a video whose frames stray farther from a constant rate than this has a variable one
_MOST_REPEATS = 50  # times as many frames as there are speak for broken times
_USUAL = (12.0, 15.0, 24.0, 25.0, 30.0, 48.0, 50.0, 60.0)


def even_rate(times: np.ndarray, count: int) -> tuple[np.ndarray, float] | None:
    """For an uneven video the frames to show, (N,) their numbers, and the constant rate; None where it is even enough.

    times: seconds (F,), of `lookreel.video.frame_times`; where they are not those of `count` frames, nothing can be
    said. The rate is that of most of the frames; each moment takes the last frame that is shown by then.
    """
    if len(times) != count or count < 3:
        return None
    number = np.arange(count)
    slope, offset = np.polyfit(number, times, 1)
    if slope <= 0 or np.abs(times - (slope * number + offset)).max() <= _UNEVEN * slope:
        return None
    steps = np.diff(times)
    usual_step = float(np.median(steps[steps > 0]))
    rate = _rounded(1 / usual_step)
    shown = max(1, round((times[-1] + usual_step) * rate))
    if shown > _MOST_REPEATS * count:
        return None
    moments = np.arange(shown) / rate
    return np.searchsorted(times, moments + 1e-6, side="right") - 1, rate


def _rounded(rate: float) -> float:
    """The usual rate that is meant, where one lies within two percent."""
    nearest = min(_USUAL, key=lambda usual: abs(usual - rate))
    return nearest if abs(nearest / rate - 1) < 0.02 else rate
