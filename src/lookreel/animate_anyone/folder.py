"""Animate Anyone on disk: model_index.json with the config, and one folder for each component."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from lookreel.animate_anyone.config import AnimateAnyoneConfig
from lookreel.animate_anyone.model import AnimateAnyone
from lookreel.encoders.image_encoder import ImageEncoder
from lookreel.encoders.vae import LatentCodec
from lookreel.errors import InputError
from lookreel.nets.weights import read_tensors, write_component, write_json
from lookreel.reference.folder import read_encoders

if TYPE_CHECKING:
    from lookreel.animate_anyone.system import AnimateAnyoneSystem

CLASS = "AnimateAnyoneSystem"
ENCODERS = {
    "vae": ["diffusers", "AutoencoderKL"],
    "image_encoder": ["transformers", "CLIPVisionModelWithProjection"],
}


def parts(model: AnimateAnyone) -> dict[str, nn.Module]:
    """Folder -> module; the U-Nets' folders are diffusers' own layout."""
    return {
        "reference_unet": model.reference_encoder.unet,
        "denoising_unet": model.denoiser.unet,
        "temporal": model.denoiser.temporal,
        "pose_guider": model.pose_guider,
    }


def component_config(part: nn.Module) -> dict[str, Any]:
    """The config.json of a component."""
    return part.config.to_diffusers() if hasattr(part, "config") else {"_class_name": type(part).__name__}


def index(model: AnimateAnyone) -> dict[str, Any]:
    """model_index.json."""
    classes = {name: ["lookreel", type(part).__name__] for name, part in parts(model).items()}
    return {"_class_name": CLASS, "config": model.config.to_json()} | classes | ENCODERS


def save(system: AnimateAnyoneSystem, folder: Path, dtype: torch.dtype) -> None:
    """Write the folder; model_index.json comes last, so that a folder without it is known to be unfinished."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model_index.json").unlink(missing_ok=True)
    for name, part in parts(system.model).items():
        write_component(folder / name, component_config(part), part, dtype)
    system.codec.save_pretrained(folder / "vae", dtype)
    system.image_encoder.save_pretrained(folder / "image_encoder", dtype)
    write_json(folder / "model_index.json", index(system.model))


def load(folder: Path) -> tuple[LatentCodec, ImageEncoder, AnimateAnyone]:
    """Read what `save` wrote, as float32 in eval mode. Raises InputError where something is missing or amiss."""
    raw = json.loads((folder / "model_index.json").read_text())
    try:
        config = AnimateAnyoneConfig.from_json(raw["config"])
        with torch.device("meta"):
            model = AnimateAnyone(config)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{folder}/model_index.json: not a config of Animate Anyone ({error})") from error
    for name, part in parts(model).items():
        read_tensors(part, folder / name, torch.float32)
    return *read_encoders(folder, config), model.eval().requires_grad_(False)
