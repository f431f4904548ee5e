"""`lookreel train`'s presets for ProFashion: stage 1, then stage 2, in one run folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import torch

from lookreel.data.source import source
from lookreel.errors import InputError
from lookreel.profashion.presets import PRESETS as RECIPES
from lookreel.profashion.presets import Recipe
from lookreel.profashion.start import start
from lookreel.profashion.tasks import ClipTask, PictureTask
from lookreel.training.run import run


def train(recipe: Recipe, data: str, out: Path, steps: int | None, init: str | Path | None, stage: int | None) -> Path:
    """Train stage 1 into out/stage1 and stage 2 into out/stage2; a finished stage takes no further step.

    init: a folder with `vae` and `image_encoder` (the frozen encoders), and optionally the other components; None
    takes the encoders of the bundled model. Returns the last stage's model folder.
    """
    if stage not in (None, 1, 2):
        raise InputError(f"stage: found {stage}; expected 1 or 2")
    clips = source(data, recipe.config.size, count=recipe.mannequins)
    clip_task = partial(ClipTask, offset_weight=recipe.offset_weight)
    surface = recipe.clips.flow == "surface"
    stages = {1: (PictureTask, recipe.stage1, recipe.pictures), 2: (clip_task, recipe.stage2, recipe.clips)}
    folder = Path(init) if init is not None else None
    for number, (task, settings, sampling) in stages.items():
        here = out / f"stage{number}"
        if stage in (None, number):
            settings = settings if steps is None else replace(settings, steps=steps)
            torch.manual_seed(settings.seed)
            system = start(recipe.config, folder)
            config = {"data": data, "model": recipe.config.to_json(), "sampling": asdict(sampling)}
            run(task(system, clips, sampling, settings, surface), here, config)
        if (here / "model" / "model_index.json").is_file():
            folder = here / "model"
    return folder if folder is not None else out


def _preset(make: Callable[[], Recipe]) -> Callable:
    return lambda data, out, steps, init, stage: train(make(), data, out, steps, init, stage)


PRESETS = {name: _preset(make) for name, make in RECIPES.items()}
