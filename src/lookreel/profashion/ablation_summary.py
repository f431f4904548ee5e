"""From the figures of single garments to means with intervals, differences, and what became of each claim."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lookreel.metrics.bootstrap import interval
from lookreel.profashion.ablation_evaluation import measured
from lookreel.profashion.ablation_garments import loose
from lookreel.profashion.ablation_measures import MEASURES
from lookreel.profashion.ablation_recipe import Ablation, Claim

Figures = Mapping[str, Mapping[str, float]]  # garment -> measure -> figure
CLOTH = ("psnr", "psnr_back", "warp")  # what tight and loose garments are compared by


def summary(ablation: Ablation, rows: Path) -> dict[str, Any]:
    """All rows that are measured in the folder `rows`, JSON values; intervals hold 95 % of resamples of garments."""
    figures = {row.name: measured(ablation, row, rows) for row in ablation.rows}
    figures = {name: found for name, found in figures.items() if found}
    base = figures.get(ablation.base, {})
    return {
        "recipe": ablation.name,
        "size": list(ablation.config.size),
        "frames": ablation.frames,
        "steps": ablation.steps,
        "guidance": ablation.config.guidance,
        "mannequins": ablation.mannequins,
        "base": ablation.base,
        "trainings": {t.name: {"stage": 2 if t.start else 1, "steps": t.settings.steps} for t in ablation.trainings},
        "rows": [
            {
                "name": row.name,
                "title": row.title,
                "group": row.group,
                "garments": len(figures[row.name]),
                "published": row.published,
                "values": {name: _value(figures[row.name], base, name) for name in _names(figures[row.name])},
            }
            for row in ablation.rows
            if row.name in figures
        ],
        "claims": [_decided(c, figures) for c in ablation.claims if {c.better, c.worse} <= set(figures)],
        "cloth": [c for name, found in figures.items() for c in _cloth(name, found)],
    }


def mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)  # thousands of short lists: quicker than through an array


def paired(one: Figures, other: Figures, measure: str) -> list[float]:
    """one - other on every garment of which both know the measure."""
    return [
        figures[measure] - other[seed][measure]
        for seed, figures in one.items()
        if measure in figures and measure in other.get(seed, {})
    ]


def verdict(difference: Sequence[float], better: int) -> str:
    """What the interval of a mean difference says of "one is better than the other"; better: +1 where more is better.

    "holds" where the whole interval lies on the claimed side of zero, "reversed" where it lies on the other,
    "undecided" where it includes zero or there is none.
    """
    found = interval(difference, mean)
    if found is None:
        return "undecided"
    low, high = sorted(better * end for end in found)
    return "holds" if low > 0 else "reversed" if high < 0 else "undecided"


def _names(found: Figures) -> list[str]:
    known = {name for figures in found.values() for name in figures}
    ordered = [name for name in MEASURES if name in known]
    return ordered + sorted(known - set(ordered))


def _value(found: Figures, base: Figures, measure: str) -> dict[str, Any]:
    """Mean and interval of a measure, and of its difference from the base row on the same garments."""
    values = _with_interval([figures[measure] for figures in found.values() if measure in figures])
    apart = paired(found, base, measure)
    if apart and found is not base:
        values["difference"] = _with_interval(apart)
    return values


def _with_interval(values: Sequence[float]) -> dict[str, Any]:
    found = interval(values, mean)
    return {"mean": mean(values), "interval": None if found is None else list(found), "garments": len(values)}


def _decided(claim: Claim, figures: Mapping[str, Figures]) -> dict[str, Any]:
    apart = paired(figures[claim.better], figures[claim.worse], claim.measure)
    return {
        "says": claim.says,
        "better": claim.better,
        "worse": claim.worse,
        "measure": claim.measure,
        "difference": _with_interval(apart) if apart else None,
        "verdict": verdict(apart, MEASURES[claim.measure].better),
        "otherwise": claim.otherwise,
    }


def _cloth(name: str, found: Figures) -> list[dict[str, Any]]:
    """Tight against loose garments of one row. They are different garments, so the difference is not a paired one."""
    lines = []
    for measure in CLOTH:
        pairs = [(loose(int(seed)), figures[measure]) for seed, figures in found.items() if measure in figures]
        sides = {side: [value for hangs, value in pairs if hangs == side] for side in (False, True)}
        if all(sides.values()):
            ends = interval(pairs, _loose_minus_tight)
            lines.append(
                {
                    "row": name,
                    "measure": measure,
                    "tight": _with_interval(sides[False]),
                    "loose": _with_interval(sides[True]),
                    "difference": _loose_minus_tight(pairs),
                    "interval": None if ends is None else list(ends),
                }
            )
    return lines


def _loose_minus_tight(pairs: Sequence[tuple[bool, float]]) -> float:
    """NaN where a resample holds only one kind."""
    sides = {side: [value for hangs, value in pairs if hangs == side] for side in (False, True)}
    return mean(sides[True]) - mean(sides[False]) if all(sides.values()) else float("nan")
