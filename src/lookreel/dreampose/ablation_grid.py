"""The grid of DreamPose's two guidance scales (section 4.4, Fig. 7): films of tuned subjects at every pair."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lookreel import model_folder
from lookreel.data import mannequin
from lookreel.dreampose.ablation_claim import claim
from lookreel.dreampose.ablation_recipe import Grid
from lookreel.dreampose.ablation_report import write_grid
from lookreel.dreampose.figures import figure, film_of, told
from lookreel.dreampose.system import DreamPoseSystem
from lookreel.dreampose.tuning import learn
from lookreel.nets.weights import write_json
from lookreel.progress import Progress

SHOWN = 0.35  # of the turn: the frame that the picture shows


def run_grid(grid: Grid, out: Path, subjects: int | None = None, docs: Path | None = None) -> dict[str, Any]:
    """Tune, make and measure into out/grid, a file for each subject; report into `docs` (default: out/report).

    Returns what the report is written from. Raises InputError where `out` is of another recipe or another base.
    """
    base = model_folder.find(grid.base)
    cells = out / "grid"
    cells.mkdir(parents=True, exist_ok=True)
    claim(out, grid.describe(), base)
    count = grid.subjects if subjects is None else subjects
    for seed in range(mannequin.TEST.start, mannequin.TEST.start + count):
        _measure(grid, base, seed, out)
    return write_grid(grid, cells, docs or out / "report")


def _measure(grid: Grid, base: Path, seed: int, out: Path) -> None:
    """Measure every pair of scales on one subject; pairs that are there already are left alone."""
    path, work = out / "grid" / f"{seed}.json", out / "work" / str(seed)
    found = json.loads(path.read_text()) if path.is_file() else {}
    absent = {name: pair for name, pair in grid.pairs().items() if name not in found}
    if not absent:
        return
    system = DreamPoseSystem.from_pretrained(base, torch.device("cpu"))
    shown = figure(seed, system.size, grid.frames)
    learn(system, shown.photos, grid.tuning, None, work, {"seed": seed})
    with Progress(f"subject {seed}", len(absent)) as progress:
        for done, (name, (image, pose)) in enumerate(absent.items(), start=1):
            film = film_of(system, shown, image_scale=image, pose_scale=pose, steps=grid.steps)
            frame = film[round(SHOWN * (len(film) - 1))].permute(1, 2, 0).numpy()
            np.save(out / "grid" / f"{seed}-{name}.npy", frame)
            found[name] = told(film, shown, system)
            write_json(path, found)
            progress(done)
    shutil.rmtree(work, ignore_errors=True)
