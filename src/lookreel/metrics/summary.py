"""From the outcomes of all pairs to the numbers of a report: means, intervals over clips, floors and the baseline."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from lookreel.metrics.bootstrap import interval, pooled_mean
from lookreel.metrics.compare import AGAINST, SIDES, Outcome
from lookreel.metrics.protocol import Protocol
from lookreel.metrics.result import Skipped

if TYPE_CHECKING:
    from lookreel.metrics.film import FilmMetric

FEW_CLIPS = 10


@dataclass
class Numbers:
    """Numbers by metric. metrics: of the generated clips; intervals: 95 % over clips, where there are two at least;
    samples: frames, clips or windows counted; sides: the same metrics of the truth, the codec and the reference.
    """

    metrics: dict[str, float] = field(default_factory=dict)
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    samples: dict[str, int] = field(default_factory=dict)
    sides: dict[str, dict[str, float]] = field(default_factory=lambda: {side: {} for side in SIDES[1:]})
    views: dict[str, dict[str, float]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def summarize(outcomes: Sequence[Outcome], protocol: Protocol) -> Numbers:
    """All numbers that are means over frames or over clips; film metrics are added by `add_film`."""
    numbers = Numbers()
    for name in _names(outcomes, "pictures"):
        _add(numbers, name, outcomes, picked)
    for name in _names(outcomes, "pictures"):
        _add(numbers, f"{name}_all", outcomes, everywhere, only="generated")
    for name in _names(outcomes, "garment"):
        _add(numbers, name, outcomes, garment)
    _add_views(numbers, outcomes, protocol)
    if len(outcomes) < FEW_CLIPS:
        numbers.warnings.append(f"{len(outcomes)} clips: numbers of so few say little about others")
    return numbers


def picked(outcome: Outcome, side: str, name: str) -> np.ndarray:
    """A paired metric's values on the frames of the protocol's rule, empty where it was not measured."""
    row = outcome.sides[side]
    wanted = set(outcome.picked)
    return np.array([v for at, v in zip(row.at, row.pictures.get(name, ()), strict=False) if at in wanted], np.float64)


def everywhere(outcome: Outcome, side: str, name: str) -> np.ndarray:
    """A paired metric's values on all frames but the references; `name` ends in _all."""
    return np.array(outcome.sides[side].pictures.get(name.removesuffix("_all"), ()), np.float64)


def garment(outcome: Outcome, side: str, name: str) -> np.ndarray:
    """A garment metric's value of one clip, empty where it was not measured."""
    value = outcome.sides[side].garment.get(name, math.nan)
    return np.array([] if math.isnan(value) else [value])


def add_film(numbers: Numbers, metric: FilmMetric, features: Callable[[str], list[np.ndarray]]) -> Skipped | None:
    """Add a metric of whole sets of clips, or say why there is none.

    features: gives for a side, and for AGAINST, one (N, D) for each clip, in one order; two sides are held at a time.
    """
    from lookreel.metrics import film

    against = features(AGAINST)
    found = film.measure(metric, features("generated"), against)
    if isinstance(found, Skipped):
        return found
    if not math.isfinite(found.value):
        return Skipped(metric.name, f"{metric.name}: skipped, its value on these clips is {found.value}")
    numbers.metrics[metric.name], numbers.samples[metric.name] = found.value, found.samples
    numbers.warnings.extend(found.warnings)
    if found.interval is not None and np.isfinite(found.interval).all():
        numbers.intervals[metric.name] = found.interval
    for side in SIDES[1:]:
        value = float(
            metric.score([rows for rows in features(side) if len(rows)], [rows for rows in against if len(rows)])
        )
        if math.isfinite(value):
            numbers.sides[side][metric.name] = value
    return None


def _names(outcomes: Sequence[Outcome], kind: str) -> list[str]:
    """The metrics that any generated clip has, in the order in which they were measured."""
    return list(dict.fromkeys(name for outcome in outcomes for name in getattr(outcome.sides["generated"], kind)))


def _add(numbers: Numbers, name: str, outcomes: Sequence[Outcome], values_of, only: str | None = None) -> None:
    rows = [row for row in (values_of(outcome, "generated", name) for outcome in outcomes) if row.size]
    value = pooled_mean(rows) if rows else math.nan
    if math.isnan(value):
        return
    numbers.metrics[name] = value
    numbers.samples[name] = int(sum(np.isfinite(row).sum() for row in rows))
    found = interval(rows, pooled_mean)
    if found is not None and np.isfinite(found).all():
        numbers.intervals[name] = found
    for side in SIDES[1:] if only is None else ():
        theirs = [row for row in (values_of(outcome, side, name) for outcome in outcomes) if row.size]
        if theirs and not math.isnan(found_mean := pooled_mean(theirs)):
            numbers.sides[side][name] = found_mean


def _add_views(numbers: Numbers, outcomes: Sequence[Outcome], protocol: Protocol) -> None:
    """The paired metrics of the counted frames that show the front, the side and the back."""
    for view in ("front", "side", "back"):
        row: dict[str, float] = {}
        for name in protocol.pictures + protocol.networks:
            values = [_seen_from(outcome, name, view) for outcome in outcomes]
            count = sum(len(value) for value in values)
            if count and math.isfinite(mean := pooled_mean(values)):
                row |= {"frames": count, name: mean}
        if row:
            numbers.views[view] = row


def _seen_from(outcome: Outcome, name: str, view: str) -> np.ndarray:
    shown = np.array([outcome.views[frame] == view for frame in outcome.picked], bool)
    values = picked(outcome, "generated", name)
    return values[shown] if len(values) == len(shown) else values[:0]
