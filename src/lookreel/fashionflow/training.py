"""`lookreel train`'s presets for FashionFlow: the film network, then the interpolation network, in one run folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from lookreel.encoders import shared
from lookreel.errors import InputError
from lookreel.fashionflow.clips import films
from lookreel.fashionflow.config import FashionFlowConfig
from lookreel.fashionflow.folder import all_parts, fits, networks
from lookreel.fashionflow.presets import RECIPES, Recipe
from lookreel.fashionflow.system import FashionFlowSystem
from lookreel.fashionflow.tasks import DoublingTask, FilmTask
from lookreel.nets.weights import read_tensors
from lookreel.training.run import run


def train(recipe: Recipe, data: str, out: Path, steps: int | None, init: str | Path | None, stage: int | None) -> Path:
    """Train the film network into out/stage1 and the interpolation network into out/stage2.

    init: a folder with `vae` and `image_encoder`, and optionally networks to start from; None takes the encoders of the
    bundled model and shares them. Returns the last stage's model folder, which has all that is trained so far.
    """
    tasks = {1: (FilmTask, recipe.film), 2: (DoublingTask, recipe.interpolation)}
    stages = {number: parts for number, parts in tasks.items() if parts[1] is not None}
    if stage is not None and stage not in stages:
        raise InputError(f"stage: found {stage}; expected {' or '.join(map(str, stages))}")
    config = recipe.config
    length, fps = config.stride * config.frames, config.stride * config.fps
    clips = films(data, config.size, length, fps, recipe.mannequins)
    folder = Path(init) if init is not None else None
    for number, (task, settings) in stages.items():
        here = out / f"stage{number}"
        if stage in (None, number):
            _check_film(folder, number)
            settings = settings if steps is None else replace(settings, steps=steps)
            torch.manual_seed(settings.seed)
            run(task(start(config, folder), clips, settings), here, {"data": data, "model": config.to_json()})
        if (here / "model" / "model_index.json").is_file():
            folder = here / "model"
    return folder if folder is not None else out


def _check_film(folder: Path | None, stage: int) -> None:
    """InputError where the interpolation would be stored beside a film network that has learned nothing."""
    if stage == 2 and (folder is None or not (folder / "unet").is_dir()):
        raise InputError("stage 2: no film network to go with it; expected stage 1 in --out, or a model in --init")


def start(config: FashionFlowConfig, init: Path | None) -> FashionFlowSystem:
    """A system to train: the encoders of `init` (the bundled ones where it is None), and the networks that it has.

    Raises InputError where the encoders do not fit the config.
    """
    if init is None:
        encoders = shared.bundled()
    elif (init / "model_index.json").is_file():
        encoders = shared.of_model(init)
    else:
        encoders = shared.own(init)
    fits(encoders, config, init or Path("the bundled mini; --init names others"))
    model, interpolation = networks(config)
    for name, part in all_parts(model, interpolation).items():
        if init is not None and (init / name).is_dir():
            read_tensors(part, init / name, torch.float32)
    return FashionFlowSystem(encoders, model.train(), interpolation, name="in training")


def _preset(make: Callable[[], Recipe], stage: int | None = None) -> Callable:
    return partial(_train, make, stage)


def _train(make: Callable[[], Recipe], only: int | None, data, out, steps, init, stage) -> Path:
    return train(make(), data, out, steps, init, only if stage is None else stage)


PRESETS: dict[str, Callable] = {name: _preset(make) for name, make in RECIPES.items()} | {
    "fashionflow-interpolation": _preset(RECIPES["fashionflow-paper"], 2),
    "mini-fashionflow-interpolation": _preset(RECIPES["mini-fashionflow"], 2),
}
