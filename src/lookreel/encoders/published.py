"""The frozen encoders as others publish them: folders of diffusers and transformers, safetensors or pickles."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from lookreel.errors import InputError
from lookreel.nets.checkpoint import read_checkpoint
from lookreel.nets.conversion import Part, shapes_of
from lookreel.nets.published import IMAGE_ENCODER, VAE
from lookreel.nets.weights import NAMES, read_config

PICKLES = ("diffusion_pytorch_model.bin", "pytorch_model.bin")


def component_file(folder: Path) -> Path:
    """The weights of a component's folder: its safetensors file, else its pickle. InputError where there is none."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; expected a component with config.json and weights")
    for name in (*NAMES, *PICKLES):
        if (folder / name).is_file():
            return folder / name
    raise InputError(f"{folder}: no weights found; expected {NAMES[0]}, {NAMES[1]} or {' or '.join(PICKLES)}")


def vae_part(folder: Path) -> Part:
    """Stable Diffusion's autoencoder: `sd-vae-ft-mse`, or the folder `vae` of SD1.5. Raises InputError."""
    from diffusers import AutoencoderKL

    config = _config(folder, "AutoencoderKL")
    try:
        with torch.device("meta"):
            network = AutoencoderKL.from_config(config)
    except Exception as error:  # a config of something else fails in as many ways as there are settings
        raise InputError(f"{folder}/config.json: no config of an AutoencoderKL ({error})") from error
    file = component_file(folder)
    return Part("vae", file, read_checkpoint(file), VAE, shapes_of(network), dict(network.config))


def image_encoder_part(folder: Path) -> Part:
    """CLIP's vision tower with projection: sd-image-variations' `image_encoder`, or a whole CLIP. Raises InputError."""
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    found = _config(folder, "CLIPVisionModelWithProjection", "clip_vision_model", "clip")
    tower = found.get("vision_config")  # of a whole CLIP, whose text tower is left out
    shared = {"projection_dim": found["projection_dim"]} if "projection_dim" in found else {}
    config = CLIPVisionConfig.from_dict(found if tower is None else {**tower, **shared})
    try:
        with torch.device("meta"):
            network = CLIPVisionModelWithProjection(config)
    except Exception as error:
        raise InputError(f"{folder}/config.json: no config of a CLIP vision tower ({error})") from error
    file = component_file(folder)
    written = json.loads(config.to_json_string()) | {"architectures": ["CLIPVisionModelWithProjection"]}
    return Part(
        "image_encoder", file, read_checkpoint(file), IMAGE_ENCODER, shapes_of(network), written, weights=NAMES[1]
    )


def _config(folder: Path, *kinds: str) -> dict[str, Any]:
    """config.json without the place where its author kept it; InputError where it is of another kind."""
    config = read_config(folder)
    config.pop("_name_or_path", None)
    named = [config.get("_class_name"), config.get("model_type"), *config.get("architectures", ())]
    if not set(kinds) & set(named):
        found = next((name for name in named if name), "nothing known")
        raise InputError(f"{folder}/config.json: {found}; expected {kinds[0]}")
    return config
