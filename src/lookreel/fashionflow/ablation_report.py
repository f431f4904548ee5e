"""The report of a FashionFlow ablation: ablation.json, ablation.md, and a picture with a line of frames a row."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lookreel.fashionflow.ablation_recipe import Ablation
from lookreel.metrics.bootstrap import interval
from lookreel.nets.weights import write_json
from lookreel.outputs import whole

FIGURES = {
    "held_out": "loss on held-out clips",
    "frechet": "Frechet distance, frames",
    "frechet_changes": "Frechet distance, changes",
    "skin": "skin error, Lab",
    "faded": "colour kept, of the truth's",
    "motion": "motion, of the truth's",
}
COLUMNS = 8  # frames shown of each film


def write_report(ablation: Ablation, rows: Path, docs: Path) -> dict[str, Any]:
    """Write the report on all rows measured in the folder `rows` into `docs`, made where it is not there."""
    docs.mkdir(parents=True, exist_ok=True)
    names = {row.name: rows / f"{row.file_name}.json" for row in ablation.rows}
    measured = {name: json.loads(path.read_text()) for name, path in names.items() if path.is_file()}
    published = {row.name: row.published for row in ablation.rows}
    found = {
        "title": ablation.title,
        "steps": ablation.settings.steps,
        "rows": [{"name": n, "published": published[n]} | _summary(m) for n, m in measured.items()],
    }
    write_json(docs / "ablation.json", found)
    films = {name: np.load(names[name].with_suffix(".npy")) for name in measured}
    with whole(docs / "ablation.md", docs / "films.png") as (page, picture):
        Image.fromarray(_picture(list(films.values()))).save(picture)
        page.write_text(_page(found), encoding="utf-8")
    return found


def _summary(measured: dict[str, Any]) -> dict[str, Any]:
    """Means over garments with 95 % intervals, the figures of the whole set, and the cost at the paper's size."""
    values: dict[str, Any] = {name: {"mean": value, "interval": None} for name, value in measured["set"].items()}
    garments = list(measured["garments"].values())
    for name in garments[0]:
        found = [figures[name] for figures in garments]
        ends = interval(found, _mean)
        values[name] = {"mean": _mean(found), "interval": None if ends is None else list(ends)}
    return {"garments": len(garments), "values": values, "cost": measured["cost"]}


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def _page(found: dict[str, Any]) -> str:
    """The report in Markdown."""
    paper = sorted({name for row in found["rows"] for name in row["published"]})
    heads = ["row", *FIGURES.values(), "parameters", "TFLOP a step", *(f"paper's {name}" for name in paper)]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for row in found["rows"]:
        cells = [row["name"], *(_cell(row["values"].get(name)) for name in FIGURES)]
        cells += [f"{row['cost']['parameters']:,}", f"{row['cost']['tflop']:.2f}"]
        cells += [str(row["published"].get(name, "")) for name in paper]
        lines.append("| " + " | ".join(cells) + " |")
    garments = min((row["garments"] for row in found["rows"]), default=0)
    intro = (
        f"Each row is a film network at 128x96, trained for {found['steps']} steps on mannequins and measured on "
        f"{garments} garments of the test seeds; in brackets the 95 % interval over garments. Losses, distances and "
        "skin errors are better where they are lower; colour and motion where they are near 1. Parameters and TFLOP "
        "are those of the same change at the paper's size, for one step of a whole film. The paper's figures are of "
        "other data and another size: compare their order, not their values."
    )
    picture = "One line for each row and garment, in the table's order:\n\n![films](films.png)"
    return "\n\n".join([f"# {found['title']}", intro, "\n".join(lines), picture]) + "\n"


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
