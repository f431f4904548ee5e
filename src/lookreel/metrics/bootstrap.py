"""Intervals by resampling videos (Efron and Tibshirani 1993): frames of one video are no independent samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

Video = TypeVar("Video")


def interval(
    videos: Sequence[Video],
    statistic: Callable[[list[Video]], float],
    seed: int = 0,
    resamples: int = 1000,
    level: float = 0.95,
    recentre: bool = False,
) -> tuple[float, float] | None:
    """The percentile interval (low, high) of `statistic` over videos drawn with replacement; None under two videos.

    videos: what belongs to each video, for example its frames' values, or its features of film and truth.
    recentre: move the interval so that the resamples' median lies on the statistic itself. A Frechet distance needs
        it: drawing videos twice makes both sets narrower, and every resample larger than the distance measured.
    """
    if len(videos) < 2:
        return None
    rng = np.random.default_rng(seed)
    draws = rng.integers(0, len(videos), (resamples, len(videos)))
    found = np.array([statistic([videos[i] for i in draw]) for draw in draws.tolist()])
    tail = 100 * (1 - level) / 2
    low, middle, high = np.nanpercentile(found, [tail, 50, 100 - tail]).tolist()
    shift = statistic(list(videos)) - middle if recentre else 0.0
    return low + shift, high + shift


def mean_interval(values: Sequence[float]) -> dict[str, Any]:
    """ "mean" of one value a video, and its "interval" as a list, None under two videos; JSON values."""
    ends = interval(values, _mean)
    return {"mean": _mean(values), "interval": None if ends is None else list(ends)}


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def pooled_mean(videos: Sequence[np.ndarray]) -> float:
    """The mean over all frames of all videos, NaN left out; NaN where nothing is left."""
    values = np.concatenate([np.ravel(video) for video in videos])
    values = values[~np.isnan(values)]
    return float(values.mean()) if values.size else float("nan")
