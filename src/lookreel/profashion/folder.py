"""ProFashion on disk: model_index.json with the config, and one folder for each component."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from lookreel.encoders.image_encoder import ImageEncoder
from lookreel.encoders.vae import LatentCodec
from lookreel.errors import InputError
from lookreel.nets.weights import read_tensors, write_component, write_json
from lookreel.profashion.config import ProFashionConfig
from lookreel.profashion.model import ProFashion
from lookreel.reference.folder import read_encoders

if TYPE_CHECKING:
    from lookreel.profashion.system import ProFashionSystem

CLASS = "ProFashionSystem"


def parts(model: ProFashion) -> dict[str, torch.nn.Module]:
    """Folder -> module; the U-Nets' folders are diffusers' own layout."""
    return {
        "reference_unet": model.reference_encoder.unet,
        "denoising_unet": model.denoiser.unet,
        "motion": model.denoiser.motion,
        "pose_guider": model.pose_guider,
        "pose_features": model.pose_features,
        "aggregator": model.aggregator,
    }


def save(system: ProFashionSystem, folder: Path, dtype: torch.dtype) -> None:
    """Write the folder; model_index.json comes last, so that a folder without it is known to be unfinished."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model_index.json").unlink(missing_ok=True)
    config = system.model.config
    for name, part in parts(system.model).items():
        raw = part.config.to_diffusers() if name.endswith("unet") else {"_class_name": type(part).__name__}
        write_component(folder / name, raw, part, dtype)
    system.codec.save_pretrained(folder / "vae", dtype)
    system.image_encoder.save_pretrained(folder / "image_encoder", dtype)
    index = {"_class_name": CLASS, "config": config.to_json()}
    classes = {name: ["lookreel", type(part).__name__] for name, part in parts(system.model).items()}
    encoders = {
        "vae": ["diffusers", "AutoencoderKL"],
        "image_encoder": ["transformers", "CLIPVisionModelWithProjection"],
    }
    write_json(folder / "model_index.json", index | classes | encoders)


def load(folder: Path) -> tuple[LatentCodec, ImageEncoder, ProFashion]:
    """Read what `save` wrote, as float32 in eval mode. Raises InputError where something is missing or amiss."""
    index = json.loads((folder / "model_index.json").read_text())
    try:
        config = ProFashionConfig.from_json(index["config"])
        with torch.device("meta"):
            model = ProFashion(config)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{folder}/model_index.json: not a config of ProFashion ({error})") from error
    model = model.to_empty(device="cpu")
    for name, part in parts(model).items():
        read_tensors(part, folder / name, torch.float32)
    return *read_encoders(folder, config), model.eval().requires_grad_(False)
