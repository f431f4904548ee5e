"""Train one model of an ablation; a finished one is passed over, an interrupted one goes on."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn

from lookreel.data.source import Source
from lookreel.nets.weights import read_tensors
from lookreel.profashion.ablation_recipe import Training
from lookreel.profashion.config import ProFashionConfig
from lookreel.profashion.folder import parts
from lookreel.profashion.model import ProFashion
from lookreel.profashion.start import start
from lookreel.profashion.system import ProFashionSystem
from lookreel.profashion.tasks import ClipTask, PictureTask
from lookreel.training.run import run
from lookreel.training.task import Task


class _Unprobed:
    """The rows measure the finished models; probes on the way would only take time."""

    def probe(self, network: nn.Module) -> dict[str, float]:
        return {}

    def picture(self, network: nn.Module) -> Tensor | None:
        return None


class Pictures(_Unprobed, PictureTask):
    """Stage 1."""


class Clips(_Unprobed, ClipTask):
    """Stage 2."""


def model_folder(models: Path, name: str) -> Path:
    """Where a training's model lies once it is finished."""
    return models / name / "model"


def finished(models: Path, name: str) -> bool:
    return (model_folder(models, name) / "model_index.json").is_file()


def train(training: Training, whole: ProFashionConfig, source: Source, models: Path) -> None:
    """Train into models/NAME, from its newest checkpoint if there is one; latents are shared, in models/latents.

    whole: the networks with all parts that any training has; all trainings begin with the same weights of them.
    The checkpoints are removed once models/NAME/model is whole.
    """
    out = models / training.name
    if not finished(models, training.name):
        run(_task(training, whole, source, models), out, {"training": asdict(training)})
    for checkpoint in out.glob("checkpoint-*"):
        shutil.rmtree(checkpoint)


def _task(training: Training, whole: ProFashionConfig, source: Source, models: Path) -> Task:
    system = beginning(training.config, whole, training.settings.seed)
    given = (system, source, training.sampling, training.settings)
    if training.start is None:
        task = Pictures(*given, surface=True)
    else:
        _continue(system, model_folder(models, training.start))
        task = Clips(*given, surface=True, offset_weight=training.offset_weight)
    task.name = f"train {training.name}"
    return task


def beginning(config: ProFashionConfig, whole: ProFashionConfig, seed: int) -> ProFashionSystem:
    """The bundled encoders and random networks: of `whole` those parts that `config` has."""
    system = start(config, None)
    torch.manual_seed(seed)
    absent = system.model.load_state_dict(ProFashion(whole).state_dict(), strict=False).missing_keys
    if absent:
        raise ValueError(f"{absent[0]}: not in the networks that all trainings begin with")
    return system


def _continue(system: ProFashionSystem, folder: Path) -> None:
    """All but the motion layers from a finished stage 1."""
    for name, part in parts(system.model).items():
        if name != "motion":
            read_tensors(part, folder / name, torch.float32)
    system.model.train()
