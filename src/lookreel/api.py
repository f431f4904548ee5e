"""The one place that knows all papers: load a model, list what is there, train."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookreel.assets import MODELS
from lookreel.errors import InputError

if TYPE_CHECKING:
    import torch

    from lookreel.system import System

HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


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
    folder = _folder(name)
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


def _folder(name: str | Path) -> Path:
    """The model's folder on this machine."""
    if (MODELS / str(name) / "model_index.json").is_file():
        return MODELS / str(name)
    folder = Path(name)
    if folder.is_dir():
        if not (folder / "model_index.json").is_file():
            raise InputError(f"{folder}: no model_index.json in this folder; expected a model that lookreel wrote")
        return folder
    if HUB_ID.fullmatch(str(name)):
        return _from_hub(str(name))
    known = ", ".join(card.name for card in models()) or "none"
    raise InputError(f"model {str(name)!r}: not found; expected a bundled model ({known}), a folder or owner/name")


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=["*.json", "*.safetensors"]))
    except Exception as error:  # the hub raises many kinds; each means that the model cannot be had
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(f"model {name!r}: no such folder, and the hub gave none ({reason})") from error


def _system_class(folder: Path) -> type[System]:
    """The paper's System that model_index.json names."""
    from lookreel.animate_anyone.system import AnimateAnyoneSystem
    from lookreel.fashionflow.system import FashionFlowSystem
    from lookreel.profashion.system import ProFashionSystem

    systems: dict[str, type[System]] = {
        "ProFashionSystem": ProFashionSystem,
        "AnimateAnyoneSystem": AnimateAnyoneSystem,
        "FashionFlowSystem": FashionFlowSystem,
    }
    try:
        found = json.loads((folder / "model_index.json").read_text())["_class_name"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder}/model_index.json: not readable ({error!r})") from error
    if found not in systems:
        raise InputError(f"{folder}/model_index.json: a {found}; expected one of {', '.join(systems)}")
    return systems[found]


def weights_hash(folder: Path) -> str:
    """sha256 over the folder's safetensors files, in the order of their names."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.safetensors")):
        digest.update(path.relative_to(folder).as_posix().encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


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
    from lookreel.fashionflow import training as fashionflow
    from lookreel.profashion import training as profashion
    from lookreel.training import detector, encoders

    return encoders.PRESETS | detector.PRESETS | profashion.PRESETS | fashionflow.PRESETS


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


def ablations() -> dict[str, Callable]:
    """Ablations: name -> function(out, only, seeds, docs)."""
    from lookreel.fashionflow import ablation as fashionflow
    from lookreel.profashion import ablation as profashion

    return profashion.ABLATIONS | fashionflow.ABLATIONS


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
