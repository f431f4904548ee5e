"""The curves of the report's page: the paired metrics and the drift of colours against time, means over clips."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any

from lookreel.metrics.cards import card
from lookreel.metrics.charts import curve
from lookreel.metrics.compare import Outcome

TRUTH = "_truth"  # the end of a drift curve's name that is the truth's own
LEGEND = (
    '<p class="soft small wide"><span class="key"></span>generated, mean over clips &nbsp; '
    '<span class="key band"></span>10 % to 90 % of clips &nbsp; '
    '<span class="key copy"></span>for comparison: a reference frame repeated; in drift, the truth itself</p>'
)


def curves(rules: dict[str, Any], outcomes: Sequence[Outcome]) -> str:
    """All curves with their legend; nothing where no clip has two frames."""
    paired = [_paired(name, outcomes) for name in (*rules["pictures"], *rules["networks"])]
    names = dict.fromkeys(name for outcome in outcomes for name in outcome.curves if not name.endswith(TRUTH))
    drawn = [figure for figure in (*paired, *(_drift(name, outcomes) for name in names)) if figure]
    return f'{LEGEND}<div class="charts">{"".join(drawn)}</div>' if drawn else ""


def _paired(name: str, outcomes: Sequence[Outcome]) -> str:
    """A paired metric at every frame but the references, and the baseline's at the counted frames."""
    ours = [_by_frame(outcome, "generated", name) for outcome in outcomes]
    copied = _mean([_by_frame(outcome, "reference", name) for outcome in outcomes])
    return _drawn(name, ours, copied, outcomes)


def _drift(name: str, outcomes: Sequence[Outcome]) -> str:
    """A drift curve, and the truth's own."""
    rows = [
        [dict(enumerate(o.curves[key][1])) if key in o.curves else {} for o in outcomes] for key in (name, name + TRUTH)
    ]
    return _drawn(name, rows[0], _mean(rows[1]), outcomes)


def _drawn(name: str, rows: list[dict[int, float]], other: dict[int, float], outcomes: Sequence[Outcome]) -> str:
    """rows: by clip the value at each frame. The axis counts seconds where all clips have one rate, else frames."""
    known = {frame for row in rows for frame, value in row.items() if math.isfinite(value)}
    if len(known) < 2:
        return ""
    frames = range(min(known), max(known) + 1)
    rates = {outcome.fps for outcome in outcomes}
    rate, unit = (rates.pop(), "s") if len(rates) == 1 else (1.0, "frames")
    found = card(name)
    values = [[row.get(frame, math.nan) for frame in frames] for row in rows]
    times, compared = [frame / rate for frame in frames], [other.get(frame, math.nan) for frame in frames]
    drawing = curve(found.title, times, values, compared, found.digits, unit)
    measure = f", {found.unit}" if found.unit else ""
    return f"<figure><figcaption><h3>{escape(found.title)}{measure}</h3></figcaption>{drawing}</figure>"


def _by_frame(outcome: Outcome, side: str, name: str) -> dict[int, float]:
    row = outcome.sides[side]
    return dict(zip(row.at, row.pictures.get(name, ()), strict=False))


def _mean(rows: Sequence[dict[int, float]]) -> dict[int, float]:
    """The mean over clips at each frame that any clip has."""
    found: dict[int, list[float]] = {}
    for row in rows:
        for frame, value in row.items():
            if math.isfinite(value):
                found.setdefault(frame, []).append(value)
    return {frame: sum(found[frame]) / len(found[frame]) for frame in sorted(found)}
