"""DreamPose on disk: model_index.json and a folder for each component; or what a subject changes of such a model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from lookreel import model_folder
from lookreel.dreampose.config import DreamPoseConfig
from lookreel.dreampose.model import DreamPose
from lookreel.dreampose.subject import Base, Subject, apply, is_subject, read_subject
from lookreel.encoders import shared
from lookreel.encoders.shared import Encoders
from lookreel.encoders.tokens import TokenEncoder
from lookreel.errors import InputError
from lookreel.nets.weights import read_tensors, write_component, write_json

if TYPE_CHECKING:
    from lookreel.dreampose.system import DreamPoseSystem

CLASS = "DreamPoseSystem"


def parts(model: DreamPose) -> dict[str, nn.Module]:
    """Folder -> module; the U-Net's folder is diffusers' own layout."""
    return {"unet": model.unet, "adapter": model.adapter}


def component_config(part: nn.Module) -> dict[str, Any]:
    """The config.json of a component."""
    return part.config.to_diffusers() if hasattr(part, "config") else {"_class_name": type(part).__name__}


def model_index(model: DreamPose, encoders: dict[str, Any]) -> dict[str, Any]:
    """The content of model_index.json. encoders: their entries, as `shared.write` returns them."""
    classes = {name: ["lookreel", type(part).__name__] for name, part in parts(model).items()}
    return {"_class_name": CLASS, "config": model.config.to_json()} | classes | encoders


def save(system: DreamPoseSystem, folder: Path, dtype: torch.dtype) -> None:
    """Write a whole model; model_index.json comes last, so that a folder without it is known to be unfinished."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model_index.json").unlink(missing_ok=True)
    for name, part in parts(system.model).items():
        write_component(folder / name, component_config(part), part, dtype)
    entries = shared.write(system.encoders, folder, dtype)
    write_json(folder / "model_index.json", model_index(system.model, entries))


def load(folder: Path) -> tuple[Encoders, DreamPose, Base | None]:
    """Read a model, or a subject with the model it was tuned from, as float32 in eval mode.

    The third is a subject's base. Raises InputError where something is missing or amiss, and where the base is
    another than the one that the subject was tuned from.
    """
    if not is_subject(folder):
        return *_load(folder), None
    subject = read_subject(folder)
    home = _home(folder, subject.base)
    encoders, model = _load(home)
    return *_changed(encoders, model, subject, folder), subject.base


def _load(folder: Path) -> tuple[Encoders, DreamPose]:
    index = json.loads((folder / "model_index.json").read_text())
    try:
        config = DreamPoseConfig.from_json(index["config"])
        with torch.device("meta"):
            model = DreamPose(config)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{folder}/model_index.json: not a config of DreamPose ({error})") from error
    for name, part in parts(model).items():
        read_tensors(part, folder / name, torch.float32)
    encoders = shared.read(folder, index)
    fits(encoders, config, folder)
    return encoders, model.eval().requires_grad_(False)


def fits(encoders: Encoders, config: DreamPoseConfig, folder: Path) -> None:
    """InputError where the encoders are not of the sizes that the config expects."""
    tokens = TokenEncoder(encoders.image_encoder)
    found = (encoders.codec.factor, tokens.count, tokens.width)
    expected = (config.vae_factor, config.photo_tokens, config.unet.cross_attention_dim)
    if found != expected:
        raise InputError(
            f"{folder}: encoders of VAE factor, tokens and width {found}; DreamPose at this size expects {expected}"
        )


def _home(folder: Path, base: Base) -> Path:
    """Where the base of a subject lies: under its name, or under the same name beside the subject."""
    beside = folder.resolve().parent / Path(base.name).name
    moved = Path(base.name).is_absolute() and not Path(base.name).exists() and beside.is_dir()
    try:
        home = model_folder.find(str(beside) if moved else base.name)
    except InputError as error:
        raise InputError(f"{folder}: a subject of {base.name}, which is not here ({error})") from error
    found = model_folder.weights_hash(home)
    if found != base.sha256:
        raise InputError(
            f"{folder}: tuned from {base.name} with weights {base.sha256[:12]}; {home} has {found[:12]}, another model"
        )
    if is_subject(home):
        raise InputError(f"{folder}: a subject of {home}, which is a subject itself; expected a whole model")
    return home


def _changed(encoders: Encoders, model: DreamPose, subject: Subject, folder: Path) -> tuple[Encoders, DreamPose]:
    """The base with the subject's changes; a decoder that changed is no longer shared with a bundled model."""
    networks = {**parts(model), "vae": encoders.codec.vae}
    for component, tensors in subject.changes.items():
        apply(networks[component], tensors, folder / f"{component}.safetensors")
    if "vae" in subject.changes:
        encoders = replace(encoders, shared={name: home for name, home in encoders.shared.items() if name != "vae"})
    return encoders, model
