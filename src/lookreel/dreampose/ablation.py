"""DreamPose's ablations from start to end: train, tune, measure, report. The same call goes on where it was stopped."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lookreel import model_folder
from lookreel.data import mannequin
from lookreel.data.source import Mannequins
from lookreel.dreampose.ablation_claim import claim
from lookreel.dreampose.ablation_grid import run_grid
from lookreel.dreampose.ablation_recipe import ABLATIONS as RECIPES
from lookreel.dreampose.ablation_recipe import GRIDS, ONE_POSE, Ablation, Grid, Row, network_config
from lookreel.dreampose.ablation_report import write_report
from lookreel.dreampose.config import CHANNELS, LATENT
from lookreel.dreampose.figures import Figure, figure, film_of, smoothed, strip, told
from lookreel.dreampose.model import FIRST, DreamPose
from lookreel.dreampose.presets import Recipe
from lookreel.dreampose.system import DreamPoseSystem
from lookreel.dreampose.tasks import PairTask
from lookreel.dreampose.tuning import learn
from lookreel.errors import InputError
from lookreel.nets.weights import write_json
from lookreel.progress import Progress
from lookreel.recipe_run import chosen
from lookreel.training.run import run

CPU = torch.device("cpu")


class NetworkTask(PairTask):
    """A network of an ablation: measured when it is finished, so without probes on the way."""

    def probe(self, network: nn.Module) -> dict[str, float]:
        return {}

    def picture(self, network: nn.Module) -> Tensor | None:
        return None


def ablate(
    ablation: Ablation, out: Path, only: Sequence[str] = (), subjects: int | None = None, docs: Path | None = None
) -> dict[str, Any]:
    """Train the networks into out/models, tune and measure into out/rows, report into `docs` (default: out/report).

    only: these rows; none means all. subjects: test figures to measure; more of them later adds to those measured.
    Returns what the report is written from. Raises InputError for an unknown row, a base that is not there, and where
    `out` is of another recipe.
    """
    rows = chosen(ablation.rows, only)
    base = model_folder.find(ablation.base)
    (out / "rows").mkdir(parents=True, exist_ok=True)
    claim(out, ablation.describe(), base)
    networks = {name: _network(ablation, name, base, out) for name in dict.fromkeys(row.network for row in rows)}
    count = ablation.subjects if subjects is None else subjects
    with Progress(ablation.name, count) as progress:
        for done, seed in enumerate(range(mannequin.TEST.start, mannequin.TEST.start + count), start=1):
            _measure(ablation, rows, networks, seed, out)
            progress(done)
    return write_report(ablation, out / "rows", docs or out / "report")


def _network(ablation: Ablation, name: str, base: Path, out: Path) -> Path:
    """The folder of a network, trained on from the base; a finished one is left alone, an interrupted one goes on."""
    if ablation.settings is None:
        return base
    folder = out / "models" / name.replace(" ", "-")
    if not (folder / "model" / "model_index.json").is_file():
        torch.manual_seed(ablation.settings.seed)
        system = variant(DreamPoseSystem.from_pretrained(base, CPU), name)
        recipe = Recipe(system.config, ablation.settings, noise_power=1.5)
        clips = Mannequins(system.size, count=ablation.mannequins)
        task = NetworkTask(system, clips, recipe, ablation.settings)
        task.name = f"train {name}"
        run(task, folder, {"model": system.config.to_json(), "network": name})
    return folder / "model"


def variant(system: DreamPoseSystem, name: str) -> DreamPoseSystem:
    """A five-pose model as one of Table 2's networks, with the same weights.

    For one pose the first convolution's weights of all five are added up: that is what five equal poses do.
    """
    config = network_config(system.config, name)
    model, weights = DreamPose(config), system.model.state_dict()
    if name == ONE_POSE:
        first = weights[f"unet.{FIRST}"]
        poses = first[:, LATENT:].unflatten(1, (-1, CHANNELS)).sum(1)
        weights[f"unet.{FIRST}"] = torch.cat([first[:, :LATENT], poses], dim=1)
    model.load_state_dict(weights)
    return replace(system, model=model.train())


def _measure(ablation: Ablation, rows: Sequence[Row], networks: dict[str, Path], seed: int, out: Path) -> None:
    """Measure the rows on one figure into rows/NAME.json; what is there already is left alone."""
    work, first = out / "work" / str(seed), seed == mannequin.TEST.start
    for row in rows:
        path = out / "rows" / f"{row.file_name}.json"
        found = json.loads(path.read_text()) if path.is_file() else {}
        if str(seed) in found:
            continue
        system = DreamPoseSystem.from_pretrained(networks[row.network], CPU)
        shown = figure(seed, system.size, ablation.frames, row.photos)
        _tune(ablation, row, shown, system, work)
        film = film_of(system, shown)
        film = smoothed(film) if row.smoothed else film
        if first:
            np.save(path.with_suffix(".npy"), strip([film]))
            np.save(out / "rows" / "truth.npy", strip([shown.truth.frames]))
        write_json(path, found | {str(seed): told(film, shown, system)})
    shutil.rmtree(work, ignore_errors=True)


def _tune(ablation: Ablation, row: Row, shown: Figure, system: DreamPoseSystem, work: Path) -> None:
    """Tune the row's system in place. Rows of a network share its tuning, and all rows that of the decoder."""
    numbers, key = ablation.tuning, {"seed": shown.seed, "photos": row.photos}
    nothing = {part: replace(getattr(numbers, part), steps=0) for part in ("unet", "decoder")}
    if row.tuned:
        place = work / f"{row.network.replace(' ', '-')}-{row.photos}"
        learn(system, shown.photos, replace(numbers, decoder=nothing["decoder"]), None, place, key)
    if row.decoder:
        learn(system, shown.photos, replace(numbers, unet=nothing["unet"]), None, work / f"decoder-{row.photos}", key)


def _rows(make: Callable[[], Ablation], out: Path, only: Sequence[str], seeds: int | None, docs: Path | None):
    return ablate(make(), out, only, seeds, docs)


def _grid(make: Callable[[], Grid], out: Path, only: Sequence[str], seeds: int | None, docs: Path | None):
    if only:
        raise InputError(f"row {only[0]!r}: unknown; {make().name} has no rows, it is one grid")
    return run_grid(make(), out, seeds, docs)


ABLATIONS = {name: partial(_rows, make) for name, make in RECIPES.items()} | {
    name: partial(_grid, make) for name, make in GRIDS.items()
}
