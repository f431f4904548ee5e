"""Small drawings for the report's page, as SVG text: a curve over time, and a metric's place between two marks."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 460, 190, 54, 10, 10, 26


def curve(
    title: str,
    times: Sequence[float],
    rows: Sequence[Sequence[float]],
    other: Sequence[float],
    digits: int = 3,
    unit: str = "s",
) -> str:
    """Mean over clips against time, with the band from the 10th to the 90th percentile; broken where nothing is known.

    times: (T,) in `unit`. rows: (clips, T). other: (T,), what it is compared with. NaN where there is no value.
    """
    values, compared = np.asarray(rows, np.float64), np.asarray(other, np.float64)
    there = np.isfinite(values).any(0)
    mean, low, high = np.full((3, len(times)), np.nan)
    mean[there] = np.nanmean(values[:, there], axis=0)
    low[there], high[there] = np.nanpercentile(values[:, there], [10, 90], axis=0)
    bottom, top = _range([line[np.isfinite(line)] for line in (low, high, compared)])
    last = max(float(times[-1]), 1e-9)

    def at(place: int, value: float) -> str:
        x = LEFT + (WIDTH - LEFT - RIGHT) * times[place] / last
        return f"{x:.1f},{TOP + (HEIGHT - TOP - BOTTOM) * (top - value) / (top - bottom):.1f}"

    parts = [_axes(bottom, top, f"{last:.1f} {unit}" if unit == "s" else f"{last:.0f} {unit}", digits)]
    for run in _runs(there) if len(values) > 1 else ():
        edge = [at(i, high[i]) for i in run] + [at(i, low[i]) for i in reversed(run)]
        parts.append(f'<polygon class="band" points="{" ".join(edge)}"/>')
    for name, line in (("copy", compared), ("mean", mean)):
        for run in _runs(np.isfinite(line)):
            parts.append(f'<polyline class="{name}" points="{" ".join(at(i, line[i]) for i in run)}"/>')
    known = mean[there]
    words = f"{title} over time: {known[0]:.{digits}f} at the start, {known[-1]:.{digits}f} at the end, "
    words += f"lowest {known.min():.{digits}f}, highest {known.max():.{digits}f}"
    return _svg(WIDTH, HEIGHT, words, "".join(parts))


def strip(value: float, low: float, high: float, ends: tuple[float, float] | None) -> str:
    """Where a value lies from `low` (left) to `high` (right), either of which may be the larger; with its interval."""

    def at(number: float) -> float:
        return 12 + 126 * float(np.clip((number - low) / (high - low), -0.06, 1.06))

    parts = ['<line class="rail" x1="12" x2="138" y1="8" y2="8"/>']
    if ends is not None:
        first, second = sorted(at(end) for end in ends)
        parts.append(f'<line class="range" x1="{first:.1f}" x2="{second:.1f}" y1="8" y2="8"/>')
    parts.append(f'<circle class="dot" cx="{at(value):.1f}" cy="8" r="5"/>')
    share = (value - low) / (high - low)
    words = f"{share:.0%} of the way from copying the reference to the truth through H.264"
    return _svg(150, 16, words, "".join(parts))


def _svg(width: int, height: int, words: str, inside: str) -> str:
    label = escape(words, quote=True)
    return f'<svg role="img" aria-label="{label}" viewBox="0 0 {width} {height}">{inside}</svg>'


def _runs(there: np.ndarray) -> list[list[int]]:
    """The places that hold a value, in unbroken runs."""
    places = np.flatnonzero(there)
    return [run.tolist() for run in np.split(places, np.flatnonzero(np.diff(places) > 1) + 1) if len(run)]


def _range(lines: Sequence[np.ndarray]) -> tuple[float, float]:
    """The ends of the axis: the values with a little air."""
    values = np.concatenate(lines)
    low, high = float(values.min()), float(values.max())
    air = 0.06 * (high - low) or 0.05 * abs(high) or 0.5
    return low - air, high + air


def _axes(bottom: float, top: float, last: str, digits: int) -> str:
    """Three levels with their numbers, and the time from 0 to the last."""
    lines = []
    for part in (0.0, 0.5, 1.0):
        y = TOP + (HEIGHT - TOP - BOTTOM) * part
        level = top + (bottom - top) * part
        lines.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        lines.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{level:.{digits}f}</text>')
    y = HEIGHT - 8
    lines.append(f'<text x="{LEFT}" y="{y}">0</text>')
    lines.append(f'<text x="{WIDTH - RIGHT}" y="{y}" text-anchor="end">{last}</text>')
    return "".join(lines)
