"""The report of an evaluation: report.json, report.csv (one line a clip) and index.html, which appear together."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lookreel.metrics import clip_results
from lookreel.metrics.compare import SIDES, Outcome
from lookreel.metrics.pair import Pair
from lookreel.metrics.protocol import Protocol
from lookreel.metrics.result import Skipped
from lookreel.metrics.summary import Numbers, everywhere, garment, picked
from lookreel.outputs import whole

FILES = ("report.json", "report.csv", "index.html")


def write(
    folder: Path, chosen: Protocol, work: Sequence[Pair], outcomes: Sequence[Outcome], numbers: Numbers, networks: Any
) -> dict[str, Any]:
    """Write the three files into the folder and return report.json's object. Equal runs give equal files."""
    from lookreel.metrics.films import shown
    from lookreel.metrics.report_page import page

    record = build(chosen, outcomes, numbers, networks)
    media = shown(work, outcomes, chosen)
    with whole(*(folder / name for name in FILES)) as (as_json, as_csv, as_page):
        as_json.write_text(json.dumps(record, indent=2, allow_nan=False) + "\n", encoding="utf-8")
        as_csv.write_text(table(record), encoding="utf-8", newline="")
        as_page.write_text(page(record, outcomes, media), encoding="utf-8")
    return record


def build(chosen: Protocol, outcomes: Sequence[Outcome], numbers: Numbers, networks: Any) -> dict[str, Any]:
    """The object of report.json; docs/metrics.md names its fields."""
    return {
        "protocol": chosen.name,
        "rules": chosen.describe(),
        "metrics": numbers.metrics,
        "intervals": {name: list(ends) for name, ends in numbers.intervals.items()},
        "samples": numbers.samples,
        "floors": {side: numbers.sides[side] for side in ("truth", "codec")},
        "baselines": {"reference": numbers.sides["reference"]},
        "views": numbers.views,
        "skipped": skipped(outcomes, networks.skipped),
        "weights": networks.weights,
        "detector": networks.detector,
        "counts": {"clips": len(outcomes), "frames": sum(o.frames for o in outcomes)},
        "clips": [_clip(outcome, numbers) for outcome in outcomes],
        "versions": clip_results.versions(),
        "warnings": [*numbers.warnings, *_of_clips(outcomes)],
    }


def skipped(outcomes: Sequence[Outcome], without_weights: Sequence[Any]) -> list[dict[str, str]]:
    """The metrics that are not in the report, and why: a file that is not there, or what no clip brings along."""
    rows = [vars(metric) for metric in without_weights]
    for name in dict.fromkeys(name for outcome in outcomes for name in outcome.skipped):
        reasons = [outcome.skipped[name] for outcome in outcomes if name in outcome.skipped]
        if len(reasons) == len(outcomes):
            rows.append(vars(Skipped(name, f"{name}: skipped, {reasons[0]}")))
    return [dict(row) for row in rows]


def table(record: dict[str, Any]) -> str:
    """One line a clip: its name, frames, hashes, then each metric of the generated clip and of the three others."""
    names = list(dict.fromkeys(name for clip in record["clips"] for name in clip["metrics"]))
    others = {side: [n for n in names if any(n in c[side] for c in record["clips"])] for side in SIDES[1:]}
    head = ["clip", "frames", "counted", "generated_sha256", "truth_sha256", *names]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*head, *(f"{side}:{name}" for side, row in others.items() for name in row)])
    for clip in record["clips"]:
        row = [clip["name"], clip["frames"], len(clip["counted"]), clip["sha256"]["generated"], clip["sha256"]["truth"]]
        row += [clip["metrics"].get(name, "") for name in names]
        row += [clip[side].get(name, "") for side, wanted in others.items() for name in wanted]
        writer.writerow(row)
    return text.getvalue()


def _clip(outcome: Outcome, numbers: Numbers) -> dict[str, Any]:
    """A clip's own means, by side."""
    sides = {side: _means(outcome, side, numbers) for side in SIDES}
    return {
        "name": outcome.name,
        "frames": outcome.frames,
        "fps": outcome.fps,
        "sizes": outcome.sizes,
        "sha256": outcome.sha256,
        "references": outcome.references,
        "counted": outcome.picked,
        "metrics": sides.pop("generated"),
        **sides,
        "warnings": outcome.warnings,
    }


def _means(outcome: Outcome, side: str, numbers: Numbers) -> dict[str, float]:
    means = {}
    for name in numbers.metrics:
        values_of = garment if name in outcome.sides[side].garment else everywhere if name.endswith("_all") else picked
        if name.endswith("_all") and side != "generated":
            continue
        values = values_of(outcome, side, name)
        values = values[np.isfinite(values)]
        if values.size and math.isfinite(mean := float(values.mean())):
            means[name] = mean
    return means


def _of_clips(outcomes: Sequence[Outcome]) -> list[str]:
    """The clips' warnings, each once with the clips it is of."""
    lines = dict.fromkeys(warning for outcome in outcomes for warning in outcome.warnings)
    found = []
    for line in lines:
        names = [outcome.name for outcome in outcomes if line in outcome.warnings]
        where = "all clips" if len(names) == len(outcomes) else names[0] if len(names) == 1 else f"{len(names)} clips"
        found.append(f"{where}: {line}")
    return found
