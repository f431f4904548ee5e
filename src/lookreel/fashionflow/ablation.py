"""FashionFlow's ablation from start to end: train, measure, report. The same call goes on where it was stopped.

No row can be compared with the truth frame by frame, as each figure moves as it likes. What is measured instead: the
denoising loss on held-out clips, Frechet distances of the bundled image encoder's embeddings, and `quality.py`; beside
the rows the same figures of true clips.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lookreel.data import mannequin
from lookreel.fashionflow.ablation_recipe import ABLATIONS as RECIPES
from lookreel.fashionflow.ablation_recipe import Ablation, Row
from lookreel.fashionflow.ablation_report import TRUE, write_report
from lookreel.fashionflow.clips import Mannequins
from lookreel.fashionflow.config import paper
from lookreel.fashionflow.cost import cost
from lookreel.fashionflow.measure import embeddings, make, true_film
from lookreel.fashionflow.quality import colour_off, faded, motion, skin_error
from lookreel.fashionflow.system import FashionFlowSystem
from lookreel.fashionflow.tasks import FilmTask
from lookreel.fashionflow.training import start
from lookreel.metrics.frechet import frechet
from lookreel.nets.weights import write_json
from lookreel.progress import Progress
from lookreel.recipe_run import chosen, claim
from lookreel.training.run import run

SHOWN = 2  # garments whose films the report shows


class RowTask(FilmTask):
    """A film network of an ablation: measured when it is finished, so without probes on the way."""

    def probe(self, network: nn.Module) -> dict[str, float]:
        return {}

    def picture(self, network: nn.Module) -> Tensor | None:
        return None


def ablate(
    ablation: Ablation,
    out: Path,
    only: Sequence[str] = (),
    garments: int | None = None,
    docs: Path | None = None,
    init: Path | None = None,
) -> dict[str, Any]:
    """Train the rows into out/models, measure them into out/rows, report into `docs` (default: out/report).

    only: these rows; none means all. garments: test garments to measure. init: the encoders' folder; None takes the
    bundled ones. Returns what the report is written from.
    Raises InputError for an unknown row, and where `out` is of another recipe.
    """
    rows = chosen(ablation.rows, only)
    count = ablation.garments if garments is None else garments
    claim(out, ablation.describe(), "models of another recipe")
    (out / "rows").mkdir(exist_ok=True)
    for row in rows:
        _train(ablation, row, out, init)
        _measure(ablation, row, out, count)
    return write_report(ablation, out / "rows", docs or out / "report")


def _folder(out: Path, row: Row) -> Path:
    return out / "models" / row.file_name


def _train(ablation: Ablation, row: Row, out: Path, init: Path | None) -> None:
    """Train a row; a finished one is passed over, an interrupted one goes on."""
    if (_folder(out, row) / "model" / "model_index.json").is_file():
        return
    torch.manual_seed(ablation.settings.seed)
    run(_task(ablation, row, start(row.config, init)), _folder(out, row), {"model": row.config.to_json()})


def _task(ablation: Ablation, row: Row, system: FashionFlowSystem) -> RowTask:
    clips = Mannequins(row.config.size, row.config.frames, row.config.fps, ablation.mannequins)
    task = RowTask(system, clips, ablation.settings)
    task.name = f"train {row.name}"
    return task


def _measure(ablation: Ablation, row: Row, out: Path, garments: int) -> None:
    """Measure a trained row on the first test garments into rows/NAME.json, with its films beside.

    The true clips' own figures go into rows/true-clips.json.
    """
    path = out / "rows" / f"{row.file_name}.json"
    if path.is_file() and len(json.loads(path.read_text())["garments"]) >= garments:
        return
    system = FashionFlowSystem.from_pretrained(_folder(out, row) / "model", torch.device("cpu"))
    films, true, figures, own = [], [], {}, {}
    with Progress(f"measure {row.name}", garments) as progress:
        for done, seed in enumerate(range(mannequin.TEST.start, mannequin.TEST.start + garments), start=1):
            photo = mannequin.frames_at(seed, [0.0], system.size)
            films.append(make(system, photo.frames[0], seed))
            true.append(true_film(system, seed))
            figures[str(seed)] = _figures(films[-1], true[-1], photo, seed)
            own[str(seed)] = _figures(true[-1], true[-1], photo, seed)
            progress(done)
    distances = _distances(*([embeddings(system, film).numpy() for film in clips] for clips in (films, true)))
    found = {"garments": figures, "set": distances | {"held_out": _held_out(ablation, row, system, out)}}
    np.save(path.with_suffix(".npy"), torch.stack(films[:SHOWN]).numpy())
    write_json(path, found | {"cost": asdict(cost(row.net, paper()))})
    write_json(out / "rows" / f"{TRUE}.json", {"garments": own, "set": {}})


def _figures(film: Tensor, truth: Tensor, photo: mannequin.Clip, seed: int) -> dict[str, float]:
    """Of one garment. faded, motion: over the truth's, since another side has other colours and some stand still."""
    return {
        "colour": colour_off(film, photo),
        "skin": skin_error(film, photo, seed),
        "faded": faded(film) / max(faded(truth), 1e-6),
        "motion": motion(film) / max(motion(truth), 1e-6),
    }


def _distances(made: list[np.ndarray], true: list[np.ndarray]) -> dict[str, float]:
    """Frechet distances of single frames' embeddings, and of their changes from frame to frame."""
    changes = [np.concatenate([np.diff(film, axis=0) for film in films]) for films in (made, true)]
    return {
        "frechet": frechet(np.concatenate(made), np.concatenate(true)),
        "frechet_changes": frechet(changes[0], changes[1]),
    }


@torch.no_grad()
def _held_out(ablation: Ablation, row: Row, system: FashionFlowSystem, out: Path) -> float:
    """The denoising loss of the unknown frames on held-out clips, the same draws for every row."""
    task = _task(ablation, row, system)
    task.prepare(_folder(out, row), 0, 1)
    task.network.eval()
    return FilmTask.probe(task, task.network)["held_out"]


def _recipe(make_ablation, out: Path, only: Sequence[str], seeds: int | None, docs: Path | None) -> dict[str, Any]:
    return ablate(make_ablation(), out, only, seeds, docs)


ABLATIONS = {name: partial(_recipe, make) for name, make in RECIPES.items()}
