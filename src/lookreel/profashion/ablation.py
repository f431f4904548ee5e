"""An ablation from start to end: train, measure, report. The same call goes on where it was stopped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from lookreel.data.source import Mannequins
from lookreel.profashion.ablation_evaluation import evaluate
from lookreel.profashion.ablation_garments import Garments
from lookreel.profashion.ablation_recipe import Ablation
from lookreel.profashion.ablation_report import write_report
from lookreel.profashion.ablation_summary import summary
from lookreel.profashion.ablation_table1 import ABLATIONS as RECIPES
from lookreel.profashion.ablation_training import train
from lookreel.recipe_run import chosen, claim


def ablate(
    ablation: Ablation, out: Path, only: Sequence[str] = (), garments: int | None = None, docs: Path | None = None
) -> dict[str, Any]:
    """Train what the rows need into out/models, measure into out/rows, report into `docs` (default: out/report).

    only: these rows; none means all. garments: test garments to measure; more of them later adds to those measured.
    Returns the summary that the report is written from; it holds every row of `out` that is measured.
    Raises InputError for an unknown row, and where `out` is of another recipe.
    """
    made = chosen(ablation.rows, only)
    count = ablation.garments if garments is None else garments
    models, rows = out / "models", out / "rows"
    claim(out, ablation.describe(), "models of another recipe")
    for folder in (models, rows):
        folder.mkdir(exist_ok=True)
    source = Mannequins(ablation.config.size, count=ablation.mannequins, frames=ablation.clip_frames)
    for training in ablation.needed(made):
        train(training, ablation.config, source, models)
    seen = Garments(ablation.config.size, ablation.frames)
    for row in made:
        evaluate(ablation, row, seen, count, models, rows)
    found = summary(ablation, rows)
    write_report(ablation, found, rows, docs or out / "report")
    return found


def _recipe(make: Callable[[], Ablation], out: Path, only: Sequence[str], seeds: int | None, docs: Path | None):
    return ablate(make(), out, only, seeds, docs)


ABLATIONS = {name: partial(_recipe, make) for name, make in RECIPES.items()}
