"""FashionFlow on disk: model_index.json with the config, and one folder for each component."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from lookreel.encoders import shared
from lookreel.encoders.shared import Encoders
from lookreel.errors import InputError
from lookreel.fashionflow.config import FashionFlowConfig
from lookreel.fashionflow.model import FashionFlow
from lookreel.fashionflow.unet import SpaceTimeUNet
from lookreel.nets.weights import read_tensors, write_component, write_json

if TYPE_CHECKING:
    from lookreel.fashionflow.system import FashionFlowSystem

CLASS = "FashionFlowSystem"


def parts(model: FashionFlow, prefix: str = "") -> dict[str, nn.Module]:
    """Folder -> module of one network."""
    return {f"{prefix}unet": model.net, f"{prefix}adapter": model.adapter}


def all_parts(model: FashionFlow, interpolation: FashionFlow | None) -> dict[str, nn.Module]:
    """Folder -> module of both networks."""
    return parts(model) | (parts(interpolation, "interpolation_") if interpolation is not None else {})


def save(system: FashionFlowSystem, folder: Path, dtype: torch.dtype) -> None:
    """Write the folder; model_index.json comes last, so that a folder without it is known to be unfinished."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model_index.json").unlink(missing_ok=True)
    components = all_parts(system.model, system.interpolation)
    for name, part in components.items():
        write_component(folder / name, component_config(part), part, dtype)
    encoders = shared.write(system.encoders, folder, dtype)
    write_json(folder / "model_index.json", model_index(system.config, components, encoders))


def component_config(part: nn.Module) -> dict[str, Any]:
    """A component's config.json: its class, and a U-Net's sizes."""
    return {"_class_name": type(part).__name__} | (asdict(part.config) if isinstance(part, SpaceTimeUNet) else {})


def model_index(
    config: FashionFlowConfig, components: dict[str, nn.Module], encoders: dict[str, Any]
) -> dict[str, Any]:
    """The content of model_index.json. encoders: their entries, as `shared.write` returns them."""
    classes = {name: ["lookreel", type(part).__name__] for name, part in components.items()}
    return {"_class_name": CLASS, "config": config.to_json()} | classes | encoders


def networks(config: FashionFlowConfig) -> tuple[FashionFlow, FashionFlow | None]:
    """The film network, and the interpolation network where the config has one, with fresh weights."""
    doubling = config.interpolation
    return FashionFlow(config, config.net), None if doubling is None else FashionFlow(config, doubling)


def load(folder: Path) -> tuple[Encoders, FashionFlow, FashionFlow | None]:
    """Read what `save` wrote, as float32 in eval mode. Raises InputError where something is missing or amiss."""
    index = json.loads((folder / "model_index.json").read_text())
    try:
        config = FashionFlowConfig.from_json(index["config"])
        with torch.device("meta"):
            model, interpolation = networks(config)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{folder}/model_index.json: not a config of FashionFlow ({error})") from error
    for network in filter(None, (model, interpolation)):
        network.to_empty(device="cpu").eval().requires_grad_(False)
    for name, part in all_parts(model, interpolation).items():
        read_tensors(part, folder / name, torch.float32)
    encoders = shared.read(folder, index)
    fits(encoders, config, folder)
    return encoders, model, interpolation


def fits(encoders: Encoders, config: FashionFlowConfig, folder: Path) -> None:
    """InputError where the encoders are not of the sizes that the config expects."""
    clip = encoders.image_encoder.clip.config
    tokens = (clip.image_size // clip.patch_size) ** 2 + 1
    found = (encoders.codec.factor, tokens, clip.hidden_size)
    expected = (config.vae_factor, config.photo_tokens, config.net.context_width)
    if found != expected:
        raise InputError(
            f"{folder}: encoders of VAE factor, tokens and width {found}; FashionFlow at this size expects {expected}"
        )
