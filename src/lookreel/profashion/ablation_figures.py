"""The pictures of an ablation's report: means with their intervals, curves over a setting, and the films themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from lookreel.outputs import whole
from lookreel.profashion.ablation_claims import PAPER_TABLE3
from lookreel.profashion.ablation_measures import MEASURES

Summary = dict[str, Any]
COMPARED = ("psnr", "psnr_back", "vgc_back", "warp", "dtssd")
OURS, THEIRS = "#1f6f8b", "#b5651d"


def write_figures(found: Summary, rows: Path, docs: Path) -> dict[str, str]:
    """Draw what the summary has; returns the names of the pictures and their files in `docs`.

    rows: the folder with the rows' film strips.
    """
    table1 = [row for row in found["rows"] if row["group"] == "table1"]
    drawn = {
        "table1": (".svg", lambda: intervals(table1)),
        "guidance": (".svg", lambda: guidance(found)),
        "photos": (".svg", lambda: photos(found)),
        "films": (".png", lambda: strips(table1, rows)),
    }
    made = {}
    for name, (suffix, draw) in drawn.items():
        path = docs / f"ablation-{name}{suffix}"
        if _write(path, draw):
            made[name] = path.name
    return made


def intervals(rows: list[dict[str, Any]]) -> Figure | None:
    """For each measure one column, for each row its mean as a dot and its interval as a line."""
    if not rows:
        return None
    figure = Figure(figsize=(11, 0.9 + 0.32 * len(rows)), layout="constrained")
    axes = figure.subplots(1, len(COMPARED), sharey=True)
    for axis, name in zip(axes, COMPARED, strict=True):
        for place, row in enumerate(rows):
            if name in row["values"]:
                _dot(axis, row["values"][name], place, name, row["name"] == "vae")
        axis.set_title(MEASURES[name].title, fontsize=9)
        axis.grid(axis="x", alpha=0.3)
        axis.tick_params(labelsize=8)
    axes[0].set_yticks(range(len(rows)), [row["title"] for row in rows])
    axes[0].invert_yaxis()
    return figure


def guidance(found: Summary) -> Figure | None:
    """Our PSNR and warp error against the guidance scale, the paper's PSNR and FVD beside them."""
    rows = {row["name"].removeprefix("guidance-"): row for row in found["rows"] if row["group"] == "guidance"}
    rows |= {f"{found['guidance']:g}": row for row in found["rows"] if row["name"] == found["base"]}
    scales = sorted(rows, key=float)
    if len(scales) < 2:
        return None
    figure = Figure(figsize=(9, 3), layout="constrained")
    axes = figure.subplots(1, 3)
    for axis, name in zip(axes, ("psnr", "warp"), strict=False):
        _curve(axis, [float(s) for s in scales], [rows[s]["values"].get(name) for s in scales], name)
        axis.set_title(f"ours: {MEASURES[name].title}", fontsize=9)
    axes[2].plot(list(PAPER_TABLE3), [float(row["PSNR"]) for row in PAPER_TABLE3.values()], "o-", color=THEIRS)
    axes[2].set_title("paper's PSNR, dB (Table 3)", fontsize=9)
    for axis in axes:
        axis.set_xlabel("guidance scale", fontsize=8)
        axis.grid(alpha=0.3)
        axis.tick_params(labelsize=8)
    return figure


def photos(found: Summary) -> Figure | None:
    """PSNR of front, side and back against the number of photos."""
    by_name = {row["name"]: row for row in found["rows"]}
    counts = {n: by_name.get(found["base"] if n == 3 else f"photos-{n}") for n in range(1, 7)}
    known = {n: row for n, row in counts.items() if row is not None}
    if len(known) < 2:
        return None
    figure = Figure(figsize=(9, 3), layout="constrained")
    axes = figure.subplots(1, 3, sharey=True)
    for axis, name in zip(axes, ("psnr_front", "psnr_side", "psnr_back"), strict=True):
        _curve(axis, list(known), [row["values"].get(name) for row in known.values()], name)
        axis.set_title(MEASURES[name].title, fontsize=9)
        axis.set_xlabel("photos", fontsize=8)
        axis.set_xticks(list(known))
        axis.grid(alpha=0.3)
        axis.tick_params(labelsize=8)
    return figure


def strips(rows: list[dict[str, Any]], folder: Path) -> Figure | None:
    """The first garment's film, row below row."""
    shown = [(row["title"], folder / f"{row['name']}.png") for row in rows]
    shown = [(title, np.asarray(Image.open(path))) for title, path in shown if path.is_file()]
    if not shown:
        return None
    height, width = shown[0][1].shape[:2]
    scale = 7 / width
    figure = Figure(figsize=(7 + 2.6, len(shown) * height * scale), dpi=110)
    for place, (title, strip) in enumerate(shown):
        bottom = 1 - (place + 1) / len(shown)
        axis = figure.add_axes((2.6 / 9.6, bottom, 7 / 9.6, 1 / len(shown)))
        axis.imshow(strip, interpolation="nearest", aspect="auto")
        axis.set_axis_off()
        figure.text(2.5 / 9.6, bottom + 0.5 / len(shown), title, ha="right", va="center", fontsize=8)
    return figure


def _dot(axis: Any, value: dict[str, Any], place: float, name: str, ceiling: bool) -> None:
    factor, color = MEASURES[name].factor, THEIRS if ceiling else OURS
    axis.plot([value["mean"] * factor], [place], "o", color=color, markersize=5)
    if value["interval"]:
        axis.plot([end * factor for end in value["interval"]], [place, place], color=color)


def _curve(axis: Any, at: list[float], values: list[dict[str, Any] | None], name: str) -> None:
    known = [(x, value) for x, value in zip(at, values, strict=True) if value]
    factor = MEASURES[name].factor
    axis.plot([x for x, _ in known], [value["mean"] * factor for _, value in known], "o-", color=OURS)
    banded = [(x, *(end * factor for end in value["interval"])) for x, value in known if value["interval"]]
    if banded:
        axis.fill_between(*zip(*banded, strict=True), color=OURS, alpha=0.2, linewidth=0)


def _write(path: Path, draw: Callable[[], Figure | None]) -> bool:
    """Draw and write a figure that is the same file for the same figures; False where there is nothing to draw."""
    with _repeatable():
        figure = draw()
        if figure is None:
            return False
        with whole(path) as (temporary,):
            if path.suffix == ".svg":
                figure.savefig(temporary, metadata={"Date": None})
            else:
                figure.savefig(temporary, metadata={"Software": None})
                Image.open(temporary).convert("RGB").quantize(256).save(temporary, optimize=True)  # a third of the size
    return True


@contextmanager
def _repeatable() -> Iterator[None]:
    with matplotlib.rc_context({"svg.hashsalt": "lookreel", "svg.fonttype": "none"}):
        yield
