"""`lookreel train`'s presets for DreamPose: phase 1. Phase 2 is `lookreel tune` (`tuning.py`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from lookreel.assets import MODELS
from lookreel.data.source import DatasetFolder, Mannequins, Source
from lookreel.dreampose.presets import RECIPES, Recipe
from lookreel.dreampose.start import start
from lookreel.dreampose.tasks import PairTask
from lookreel.errors import InputError
from lookreel.training.run import run


def train(recipe: Recipe, data: str, out: Path, steps: int | None, init: str | Path | None, stage: int | None) -> Path:
    """Train the U-Net and the adapter into out/phase1; returns its model folder.

    init: a DreamPose to continue, or a folder with vae, image_encoder and Stable Diffusion's unet; None takes the
    bundled encoders and, where the recipe names one, a bundled model's denoising U-Net.
    """
    if stage not in (None, 1):
        raise InputError(f"stage: found {stage}; phase 1 is the one stage here, phase 2 is lookreel tune")
    settings = recipe.settings if steps is None else replace(recipe.settings, steps=steps)
    torch.manual_seed(settings.seed)
    bundled = None if recipe.begin is None else MODELS / recipe.begin
    system = start(recipe.config, bundled if init is None else Path(init))
    task = PairTask(system, clips(data, recipe.config.size, recipe.mannequins), recipe, settings)
    told = {"data": data, "model": recipe.config.to_json(), "drop": recipe.drop, "noise_power": recipe.noise_power}
    run(task, out / "phase1", told | {"begin": recipe.begin if init is None else str(init)})
    return out / "phase1" / "model"


def clips(data: str, size: tuple[int, int], mannequins: int) -> Source:
    """The clips that `--data` names: the word "mannequin", or a dataset folder, of which every frame is taken: the
    five poses that a frame reads are those of neighbours in the video."""
    if data == "mannequin":
        return Mannequins(size, count=mannequins)
    return DatasetFolder(Path(data), size, stride=1)


def _preset(make: Callable[[], Recipe]) -> Callable:
    return partial(_train, make)


def _train(make: Callable[[], Recipe], data, out, steps, init, stage) -> Path:
    return train(make(), data, out, steps, init, stage)


PRESETS = {name: _preset(make) for name, make in RECIPES.items()}
