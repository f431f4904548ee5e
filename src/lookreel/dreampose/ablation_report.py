"""The reports of DreamPose's ablations: NAME.json, NAME.md and NAME.png in a folder that several may share."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lookreel.dreampose.ablation_recipe import Ablation, Grid
from lookreel.metrics.bootstrap import mean_interval
from lookreel.nets.weights import write_json
from lookreel.outputs import whole

FIGURES = {
    "l1": ("L1", 3),
    "ssim": ("SSIM", 3),
    "psnr": ("PSNR, dB", 2),
    "embedding": ("distance of embeddings", 3),
    "psnr_front": ("PSNR front", 2),
    "psnr_side": ("PSNR side", 2),
    "psnr_back": ("PSNR back", 2),
    "facing": ("heads turned right", 2),
    "warp": ("warp error, thousandths", 2),
}
MEANING = (
    "L1 (0 to 1), SSIM, PSNR and the distance of embeddings (1 - cosine, the bundled image encoder) are of frames "
    "turned more than 30 degrees from the photo; PSNR by view is of all frames. Heads turned right: the share of "
    "backward frames whose head looks more like the true one than like the photo's face. Warp error: along the exact "
    "flow, on the person. In brackets the 95 % interval over figures."
)


def write_report(ablation: Ablation, rows: Path, docs: Path) -> dict[str, Any]:
    """Write the report on all rows measured in the folder `rows` into `docs`, made where it is not there."""
    docs.mkdir(parents=True, exist_ok=True)
    measured = {}
    for row in ablation.rows:
        path = rows / f"{row.file_name}.json"
        if path.is_file():
            measured[row.name] = json.loads(path.read_text())
    found = {
        "title": ablation.title,
        "page": str(docs / f"{ablation.name}.md"),
        "steps": 0 if ablation.settings is None else ablation.settings.steps,
        "rows": [
            {"name": row.name, "published": row.published} | summary(list(measured[row.name].values()))
            for row in ablation.rows
            if row.name in measured
        ],
    }
    lines = [rows / "truth.npy", *(rows / f"{row.file_name}.npy" for row in ablation.rows if row.name in measured)]
    picture = np.concatenate([np.load(line) for line in lines if line.is_file()], axis=0)
    _write(docs / ablation.name, found, _page(found, ablation), picture)
    return found


def summary(figures: Sequence[dict[str, float]]) -> dict[str, Any]:
    """Means over figures with 95 % intervals."""
    values = {name: mean_interval([value[name] for value in figures]) for name in figures[0]}
    return {"figures": len(figures), "values": values}


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def _page(found: dict[str, Any], ablation: Ablation) -> str:
    """The report in Markdown."""
    paper = list(dict.fromkeys(name for row in found["rows"] for name in row["published"]))
    heads = ["row", *(label for label, _ in FIGURES.values()), *(f"paper's {name}" for name in paper)]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for row in found["rows"]:
        cells = [row["name"], *(cell(row["values"][name], name) for name in FIGURES)]
        lines.append("| " + " | ".join([*cells, *(str(row["published"].get(name, "")) for name in paper)]) + " |")
    count = min((row["figures"] for row in found["rows"]), default=0)
    trained = f", each network trained on for {found['steps']} steps from `{ablation.base}`" if found["steps"] else ""
    unet, decoder = ablation.tuning.unet.steps, ablation.tuning.decoder.steps
    intro = (
        f"Turns of {count} figures of the test seeds at 128x96, made of the front photo{trained}. Tuning: {unet} steps "
        f"of U-Net and adapter, {decoder} of the decoder. {MEANING}"
    )
    beside = "The paper's figures are of UBC Fashion: compare their order, not their values." if paper else ""
    picture = f"The truth, then one line for each row:\n\n![films]({ablation.name}.png)"
    return "\n\n".join(filter(None, [f"# {found['title']}", intro, "\n".join(lines), beside, picture])) + "\n"


def cell(value: dict[str, Any], name: str) -> str:
    """A figure with its interval, as tables show it."""
    digits, factor = FIGURES[name][1], 1000 if name == "warp" else 1
    ends = value["interval"]
    numbers = [value["mean"], *(ends or ())]
    mean, *ends = (f"{number * factor:.{digits}f}" for number in numbers)
    return f"{mean} [{', '.join(ends)}]" if ends else mean


def write_grid(grid: Grid, cells: Path, docs: Path) -> dict[str, Any]:
    """Write the report on all subjects measured in the folder `cells`: a matrix of each figure, and Fig. 7."""
    docs.mkdir(parents=True, exist_ok=True)
    subjects = {path.stem: json.loads(path.read_text()) for path in sorted(cells.glob("*.json"))}
    means = {
        pair: {name: _mean([found[pair][name] for found in subjects.values()]) for name in FIGURES}
        for pair in grid.pairs()
    }
    best = max(means, key=lambda pair: means[pair]["psnr"])
    found = {"title": grid.title, "page": str(docs / f"{grid.name}.md"), "subjects": len(subjects), "best": best}
    found |= {"cells": means}
    picture = np.concatenate(
        [
            np.concatenate([np.load(cells / f"{seed}-{image:g}x{pose:g}.npy") for pose in grid.pose_scales], axis=1)
            for seed in subjects
            for image in grid.image_scales
        ],
        axis=0,
    )
    _write(docs / grid.name, found, _grid_page(found, grid), picture)
    return found


def _grid_page(found: dict[str, Any], grid: Grid) -> str:
    tables = []
    for name in ("psnr", "l1", "embedding", "warp"):
        label, digits = FIGURES[name]
        factor = 1000 if name == "warp" else 1
        lines = ["| s_I \\ s_P | " + " | ".join(f"{pose:g}" for pose in grid.pose_scales) + " |"]
        lines.append("|" + "---|" * (len(grid.pose_scales) + 1))
        for image in grid.image_scales:
            values = [found["cells"][f"{image:g}x{pose:g}"][name] * factor for pose in grid.pose_scales]
            lines.append(f"| {image:g} | " + " | ".join(f"{value:.{digits}f}" for value in values) + " |")
        tables.append(f"{label}:\n\n" + "\n".join(lines))
    image, pose = found["best"].split("x")
    intro = (
        f"Turns of {found['subjects']} tuned figures of the test seeds: down the image scale s_I of Eq. 4, across the "
        f"pose scale s_P. PSNR is highest at s_I = {image}, s_P = {pose}. {MEANING}"
    )
    picture = f"One frame of each film, in the tables' order, one block for each figure:\n\n![grid]({grid.name}.png)"
    return "\n\n".join([f"# {found['title']}", intro, *tables, picture]) + "\n"


def _write(stem: Path, found: dict[str, Any], page: str, picture: np.ndarray) -> None:
    write_json(stem.with_suffix(".json"), {name: value for name, value in found.items() if name != "page"})
    with whole(stem.with_suffix(".md"), stem.with_suffix(".png")) as (text, image):
        Image.fromarray(picture).quantize(256).save(image, optimize=True)  # a third of the size
        text.write_text(page, encoding="utf-8")
