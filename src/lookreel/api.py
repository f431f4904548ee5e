"""The one place that knows all papers: load a model, list what is there, train."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookreel.assets import MODELS
from lookreel.errors import InputError
from lookreel.model_folder import find, weights_hash

if TYPE_CHECKING:
    import torch

    from lookreel.photos import Photo
    from lookreel.poses.finder import Finder
    from lookreel.system import System


@dataclass(frozen=True)
class ModelCard:
    """A bundled model: its name, size in MiB, licence, one line about it."""

    name: str
    mebibytes: float
    licence: str
    note: str


def models() -> list[ModelCard]:
    """Bundled models, with what their card.json says."""
    cards = []
    for index in sorted(MODELS.glob("*/model_index.json")):
        folder = index.parent
        card = json.loads((folder / "card.json").read_text())
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20
        cards.append(ModelCard(folder.name, round(size, 1), card["licence"], card["note"]))
    return cards


def load(name: str | Path, device: str | torch.device | None = None) -> System:
    """Load a model by bundled name, folder, or hub id ("owner/name", fetched by huggingface_hub).

    device: where it runs; None takes CUDA where it is, else the CPU.
    Raises InputError where there is no such model or device, or the model's folder is not whole.
    """
    folder = find(name)
    system = _system_class(folder).from_pretrained(folder, _device(device))
    system.name, system.sha256 = str(name), weights_hash(folder)
    return system


def _device(device: str | torch.device | None) -> torch.device:
    import torch

    try:
        chosen = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError) as error:  # the second where torch was built without CUDA
        raise InputError(f"device: found {device}; {str(error).splitlines()[0]}") from error
    return chosen


def _system_class(folder: Path) -> type[System]:
    """The paper's System that model_index.json names."""
    from lookreel.animate_anyone.system import AnimateAnyoneSystem
    from lookreel.dreampose.system import DreamPoseSystem
    from lookreel.fashionflow.system import FashionFlowSystem
    from lookreel.profashion.system import ProFashionSystem

    systems: dict[str, type[System]] = {
        "ProFashionSystem": ProFashionSystem,
        "AnimateAnyoneSystem": AnimateAnyoneSystem,
        "DreamPoseSystem": DreamPoseSystem,
        "FashionFlowSystem": FashionFlowSystem,
    }
    try:
        found = json.loads((folder / "model_index.json").read_text())["_class_name"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder}/model_index.json: not readable ({error!r})") from error
    if not isinstance(found, str) or found not in systems:
        raise InputError(f"{folder}/model_index.json: a {found}; expected one of {', '.join(systems)}")
    return systems[found]


def bench_models() -> dict[str, Callable[..., Any]]:
    """What `make bench` measures: name -> function(**changes to the config) that builds ProFashion, random weights."""
    from dataclasses import replace

    from lookreel.profashion import config
    from lookreel.profashion.model import ProFashion

    return {
        "sd15": lambda **changes: ProFashion(replace(config.sd15(), **changes)),
        "mini": lambda **changes: ProFashion(replace(config.mini(), **changes)),
    }


def presets() -> dict[str, Callable]:
    """Training presets: name -> function(data, out, steps, init, stage)."""
    from lookreel.dreampose import training as dreampose
    from lookreel.fashionflow import training as fashionflow
    from lookreel.profashion import training as profashion
    from lookreel.training import detector, encoders

    return encoders.PRESETS | detector.PRESETS | profashion.PRESETS | fashionflow.PRESETS | dreampose.PRESETS


def train(
    preset: str,
    data: str,
    out: Path,
    *,
    steps: int | None = None,
    init: str | Path | None = None,
    stage: int | None = None,
) -> Path:
    """Train a preset on `data` ("mannequin" or a dataset folder) in the folder `out`; the same call resumes.

    steps: instead of the preset's, for each stage. init: a model to start from. stage: only this one of a
    preset's stages. Returns the folder of the trained model.
    Raises InputError for an unknown preset or wrong data.
    """
    known = presets()
    if preset not in known:
        raise InputError(f"preset {preset!r}: unknown; expected one of {', '.join(known)}")
    if steps is not None and steps < 1:
        raise InputError(f"steps: found {steps}; expected a whole number from 1")
    return known[preset](data, Path(out), steps, init, stage)


def tune(
    model: str | Path,
    photos: Sequence[Photo],
    out: Path,
    *,
    steps: int | None = None,
    decoder_steps: int | None = None,
    rank: int | None = None,
    seed: int = 0,
    finder: Finder | None = None,
    densepose: Path | None = None,
    device: str | torch.device | None = None,
    on_notice: Callable[[str], object] | None = None,
) -> tuple[System, dict[str, Any]]:
    """Tune a model of DreamPose to the subject of these photos, and write what changed to `out`; resumes.

    steps, decoder_steps: of the U-Net and of the VAE's decoder. rank: of the changes; None stores whole weights.
    finder, densepose: who finds the poses that the photos do not bring; densepose is a TorchScript file and goes first.
    Returns the tuned model and what the subject's folder says of itself.
    Raises InputError for a model that cannot be tuned, and for photos whose poses are not known.
    """
    from lookreel.dreampose.subject import Base
    from lookreel.dreampose.system import DreamPoseSystem
    from lookreel.dreampose.tuning import tune as tune_system
    from lookreel.dreampose.tuning_photos import tuning_photos
    from lookreel.poses.densepose_network import DensePoseNetwork

    system = load(model, device)
    if not isinstance(system, DreamPoseSystem):
        raise InputError(f"model {str(model)!r}: a {type(system).__name__}; only a model of DreamPose is tuned")
    network = None if densepose is None else DensePoseNetwork(densepose)
    opened, notices = tuning_photos(photos, system.size, finder, network)
    if on_notice is not None:
        for line in notices:
            on_notice(line)
    record = tune_system(
        system,
        opened,
        Path(out).resolve(),
        Base(str(model), system.sha256),
        steps=steps,
        decoder_steps=decoder_steps,
        rank=rank,
        seed=seed,
    )
    return system, record


def ablations() -> dict[str, Callable]:
    """Ablations: name -> function(out, only, seeds, docs)."""
    from lookreel.comparison import systems
    from lookreel.dreampose import ablation as dreampose
    from lookreel.fashionflow import ablation as fashionflow
    from lookreel.profashion import ablation as profashion

    return profashion.ABLATIONS | fashionflow.ABLATIONS | dreampose.ABLATIONS | systems.ABLATIONS


def ablate(
    recipe: str,
    out: Path,
    *,
    only: Sequence[str] = (),
    seeds: int | None = None,
    docs: Path | None = None,
) -> dict[str, Any]:
    """Train and measure the rows of an ablation in the folder `out`; the same call resumes.

    only: these rows and what they need; none means all. seeds: test garments to measure, instead of the recipe's.
    docs: where the report goes; None is out/report. Returns what the report is written from, JSON values.
    Raises InputError for an unknown recipe or row, and where `out` is of another recipe.
    """
    known = ablations()
    if recipe not in known:
        raise InputError(f"recipe {recipe!r}: unknown; expected one of {', '.join(known)}")
    return known[recipe](Path(out), only, seeds, None if docs is None else Path(docs))
