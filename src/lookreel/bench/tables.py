"""The short tables that the README and docs/models.md show of docs/bench.json."""

from __future__ import annotations

from typing import Any

from lookreel.bench.markdown import table


def summary(found: dict[str, Any]) -> str:
    """The README's: what the paper's promise of several photos costs, and the fast preset."""
    c, r, fast = found["counters"], found["ratios"], found["presets"]["presets"]["fast"]
    ours, one, side = (c[name]["teraflop"] for name in ("step", "step, one photo", "step, photos side by side"))
    block = next(value for name, value in r.items() if "attention block" in name)
    several = r["guided step: three photos / one"]
    rows = [
        ("a guided 16-frame step at 1024x576", f"{ours:.1f} TFLOP, plainly {c['step, plain']['teraflop']:.1f}"),
        ("three photos beside one", f"{ours / one:.3f} of the work, {several['median']:.2f} of the time"),
        ("three photos side by side beside three mixed", f"{side / ours:.2f} of the work"),
        ("memory for three photos, whatever the film's length", f"{c['photos remembered, GB']:.2f} GB"),
        ("the first level's attention block, plain beside ours", f"{block['median']:.2f} of the time"),
        (
            "`--preset fast`, bundled model",
            f"{fast['speed']:.1f} times as fast, {fast['psnr']:.1f} dB to the exact film",
        ),
    ]
    return table(("what", "cost"), rows)


def memory(rows: list[dict[str, Any]]) -> str:
    """Peak memory: a row for each size and length, a column for each plan."""
    plans = list(dict.fromkeys(row["plan"] for row in rows))
    peak = {(tuple(row["size"]), row["frames"], row["plan"]): row["peak"] for row in rows}
    cases = dict.fromkeys((size, frames) for size, frames, _ in peak)
    lines = [
        (f"{size[0]}x{size[1]}", str(frames), *(f"{peak[size, frames, plan]:.1f} GB" for plan in plans))
        for size, frames in cases
    ]
    return table(("height x width", "frames", *plans), lines)
