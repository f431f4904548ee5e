"""The report of FashionFlow's ablation: NAME-ablation.json, .md and .png in a folder that other reports may share."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lookreel.fashionflow.ablation_recipe import Ablation
from lookreel.metrics.bootstrap import mean_interval
from lookreel.nets.weights import write_json
from lookreel.outputs import whole

FIGURES = {
    "held_out": "loss on held-out clips",
    "frechet": "Frechet distance, frames",
    "frechet_changes": "Frechet distance, changes",
    "colour": "garment's colour off",
    "skin": "skin error, Lab",
    "faded": "colour kept, of the truth's",
    "motion": "motion, of the truth's",
}
MEANING = """\
Losses, distances, the garment's colour (difference from the photo's at its middle, of 1.0) and the skin's
error are better where they are lower; colour kept and motion where they are near 1 (`fashionflow/quality.py`). The
Frechet distances are of the bundled image encoder's embeddings of single frames, and of their changes from frame to
frame: without time and with it, as the paper's VFID and FVD are. Parameters and TFLOP are those of the same change at
the paper's size, for one step of a whole film."""
TRUE = "true-clips"
COLUMNS = 8  # frames shown of each film


def write_report(ablation: Ablation, rows: Path, docs: Path) -> dict[str, Any]:
    """Write the report on all rows measured in the folder `rows` into `docs`, made where it is not there."""
    docs.mkdir(parents=True, exist_ok=True)
    paths = {row.name: rows / f"{row.file_name}.json" for row in ablation.rows}
    measured = {name: json.loads(path.read_text()) for name, path in paths.items() if path.is_file()}
    published = {row.name: row.published for row in ablation.rows}
    found = {
        "size": list(ablation.rows[0].config.size),
        "frames": ablation.rows[0].config.frames,
        "steps": ablation.settings.steps,
        "rows": {name: {"published": published[name]} | summary(figures) for name, figures in measured.items()},
        "true clips": summary(json.loads((rows / f"{TRUE}.json").read_text())),
    }
    stem = docs / f"{ablation.name}-ablation"
    films = [np.load(paths[name].with_suffix(".npy")) for name in measured]
    write_json(stem.with_suffix(".json"), found)
    with whole(stem.with_suffix(".md"), stem.with_suffix(".png")) as (text, picture):
        Image.fromarray(_picture(films)).quantize(256).save(picture, optimize=True)  # a third of the size
        text.write_text(_page(found, ablation), encoding="utf-8")
    return found | {"page": str(stem.with_suffix(".md"))}


def summary(measured: dict[str, Any]) -> dict[str, Any]:
    """Means over garments with 95 % intervals, the figures of the whole set, and the cost at the paper's size."""
    values: dict[str, Any] = {name: {"mean": value, "interval": None} for name, value in measured["set"].items()}
    garments = list(measured["garments"].values())
    for name in garments[0]:
        values[name] = mean_interval([figures[name] for figures in garments])
    return {"garments": len(garments), "values": values} | {k: measured[k] for k in ("cost",) if k in measured}


def _page(found: dict[str, Any], ablation: Ablation) -> str:
    """The report in Markdown."""
    garments = min((row["garments"] for row in found["rows"].values()), default=0)
    height, width = found["size"]
    intro = (
        f"Each line is a film network of {found['frames']} frames at {height}x{width}, trained for {found['steps']} "
        f"steps on mannequins and measured on {garments} garments of the test seeds; in brackets the 95 % interval "
        f"over garments.\n\n{MEANING}\n\nThe paper's figures are of other data and another size: compare their order, "
        "not their values. (IS is better where it is higher, FVD and VFID where they are lower.)"
    )
    tables = [f"## {title}\n\n{_table(found, lines)}" for title, lines in ablation.tables.items()]
    shown = ", ".join(f"*{name}*" for name in found["rows"])
    picture = (
        f"## Films\n\nThe first garments, a line for each and row: {shown}.\n\n![films]({ablation.name}-ablation.png)"
    )
    command = f"## How it was made\n\n```\nlookreel ablate {ablation.name} --out runs/{ablation.name} --docs docs\n```"
    return "\n\n".join(["# FashionFlow's ablation", intro, *tables, picture, command]) + "\n"


def _table(found: dict[str, Any], lines: dict[str, str]) -> str:
    """A table of those of its lines that are measured; above them the true clips."""
    rows = {name: found["rows"][name] for name in lines if name in found["rows"]}
    paper = list(dict.fromkeys(column for row in rows.values() for column in row["published"]))
    heads = ["ours", *FIGURES.values(), "parameters", "TFLOP", *(f"paper's {name}" for name in paper)]
    table = [heads, ["---"] * len(heads), _cells("true clips", found["true clips"], paper)]
    table += [_cells(lines[name], row, paper) for name, row in rows.items()]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in table)


def _cells(title: str, row: dict[str, Any], paper: Sequence[str]) -> list[str]:
    cost, published = row.get("cost"), row.get("published", {})
    spent = ["", ""] if cost is None else [f"{cost['parameters']:,}", f"{cost['tflop']:.2f}"]
    ours = [_cell(row["values"].get(name)) for name in FIGURES]
    return [title, *ours, *spent, *(str(published.get(name, "")) for name in paper)]


def _cell(value: dict[str, Any] | None) -> str:
    if value is None:
        return ""
    ends = value["interval"]
    return f"{value['mean']:.3f}" + (f" [{ends[0]:.3f}, {ends[1]:.3f}]" if ends else "")


def _picture(films: list[np.ndarray]) -> np.ndarray:
    """Films (garments, F, 3, H, W) of every row as lines of frames: uint8 (H', W', 3)."""
    lines = []
    for row in films:
        for film in row:
            picked = film[np.unique(np.linspace(0, len(film) - 1, COLUMNS).round().astype(int))]
            lines.append(np.concatenate(list(picked.transpose(0, 2, 3, 1)), axis=1))
    return np.concatenate(lines, axis=0)
