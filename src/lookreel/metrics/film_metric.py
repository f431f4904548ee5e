"""A metric of sets of films: features of each film, computed once and compared as often as wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from lookreel.metrics.bootstrap import interval
from lookreel.metrics.clip import Clip
from lookreel.metrics.result import Measured, Skipped

Features = Callable[[Clip], np.ndarray]
Score = Callable[[Sequence[np.ndarray], Sequence[np.ndarray]], float]
Films = Sequence[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class FilmMetric:
    """features, truth_features: float64 (N, D) of a film; the latter None where both are the same.

    shares: metrics of one `shares` have the same features, which then need computing once. score: of lists with one
    (N, D) a film. weights: sha256 of each file by its name. first: only the first row of each film counts. alone: the
    truth is not read (Inception Score). fewest: samples without which there is no number; least: samples under which
    it means little.
    """

    name: str
    shares: str
    features: Features
    score: Score
    weights: dict[str, str]
    truth_features: Features | None = None
    first: bool = False
    alone: bool = False
    fewest: int = 2
    least: int = 2048

    def of_truth(self, clip: Clip) -> np.ndarray:
        """A truth film's features in the truth's role."""
        return (self.truth_features or self.features)(clip)


def measure(
    metric: FilmMetric,
    generated: Sequence[np.ndarray],
    truth: Sequence[np.ndarray],
    seed: int = 0,
    resamples: int = 200,
) -> Measured | Skipped:
    """The metric with its 95 % interval over films; generated[i] and truth[i] are the features of one film."""
    films = _with_samples(metric, generated, truth)
    samples = _samples(metric, films)
    if samples < metric.fewest:
        reason = f"{metric.name}: skipped, {samples} samples found where {metric.fewest} are needed (16 frames a run)"
        return Skipped(metric.name, reason)
    bounds = interval(films, partial(_of, metric), seed, resamples, recentre=True)
    return Measured(metric.name, _of(metric, films), bounds, samples, metric.weights, _warnings(metric, samples))


def value(metric: FilmMetric, generated: Sequence[np.ndarray], truth: Sequence[np.ndarray]) -> float:
    """The metric alone, as `measure` gives it; NaN where the samples are too few."""
    return _of(metric, _with_samples(metric, generated, truth))


def _with_samples(metric: FilmMetric, generated: Sequence[np.ndarray], truth: Sequence[np.ndarray]) -> Films:
    """The films that have samples on every side that is read, and of each the rows that count."""
    films = [(film, real) for film, real in zip(generated, truth, strict=True) if len(film)]
    films = [(film, real) for film, real in films if metric.alone or len(real)]
    return [(film[:1], real[:1]) for film, real in films] if metric.first else films


def _samples(metric: FilmMetric, films: Films) -> int:
    """How many samples the smaller side has."""
    sides = zip(*films, strict=True)
    counts = [sum(len(rows) for rows in side) for side in sides]
    return min(counts[:1] if metric.alone else counts, default=0)


def _of(metric: FilmMetric, films: Films) -> float:
    if _samples(metric, films) < metric.fewest:
        return float("nan")
    return metric.score([film for film, _ in films], [real for _, real in films])


def _warnings(metric: FilmMetric, samples: int) -> tuple[str, ...]:
    if samples >= metric.least:
        return ()
    return (
        f"{metric.name}: {samples} samples, fewer than {metric.least}; the number depends on how many there are and "
        "compares only with the same films",
    )
