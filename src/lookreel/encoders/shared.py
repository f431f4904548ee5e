"""The frozen encoders of a model's folder: its own copies, or those of a bundled model, named in model_index.json.

An own component is named as diffusers names it, `"vae": ["diffusers", "AutoencoderKL"]`, and lies in the folder; a
shared one is `"vae": {"bundled": "mini", "sha256": ...}`: no copy is stored. The hash covers what a trained network
depends on, the latents and the tokens, so that a bundled decoder may be tuned further and an encoder may not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lookreel.assets import MODELS
from lookreel.encoders.image_encoder import ImageEncoder
from lookreel.encoders.vae import LatentCodec
from lookreel.errors import InputError

CLASSES = {"vae": ["diffusers", "AutoencoderKL"], "image_encoder": ["transformers", "CLIPVisionModelWithProjection"]}
DECODER = ("vae.decoder.", "vae.post_quant_conv.")  # change the pictures, not the latents


@dataclass(frozen=True)
class Encoders:
    """The two frozen encoders. shared: component -> the bundled model whose it is; own components are not in it."""

    codec: LatentCodec
    image_encoder: ImageEncoder
    shared: Mapping[str, str] = field(default_factory=dict)

    def parts(self) -> dict[str, LatentCodec | ImageEncoder]:
        return {"vae": self.codec, "image_encoder": self.image_encoder}


def bundled(name: str = "mini") -> Encoders:
    """The encoders of a bundled model, to be shared with it. Raises InputError where it is not there."""
    return Encoders(*_open(MODELS / name, MODELS / name), shared=dict.fromkeys(CLASSES, name))


def own(folder: Path) -> Encoders:
    """The encoders that lie in `folder`. Raises InputError where one is missing."""
    return Encoders(*_open(folder, folder))


def read(folder: Path, index: Mapping[str, Any]) -> Encoders:
    """The encoders of a model's folder. index: its model_index.json.

    Raises InputError where one is missing, or where a bundled one is not what the model was trained with.
    """
    shared = {name: index[name] for name in CLASSES if isinstance(index.get(name), dict)}
    homes = {name: MODELS / str(shared[name].get("bundled")) if name in shared else folder for name in CLASSES}
    found = Encoders(*_open(homes["vae"], homes["image_encoder"]), {n: s["bundled"] for n, s in shared.items()})
    for name, entry in shared.items():
        if fingerprint(found.parts()[name]) != entry.get("sha256"):
            owner = entry.get("bundled")
            raise InputError(f"{folder}/model_index.json: trained with another {name} than the bundled {owner}'s")
    return found


def of_model(folder: Path) -> Encoders:
    """`read` with the folder's own model_index.json. Raises InputError where that cannot be read."""
    try:
        index = json.loads((folder / "model_index.json").read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}/model_index.json: not readable ({error})") from error
    if not isinstance(index, dict):
        raise InputError(f"{folder}/model_index.json: found a JSON {type(index).__name__}; expected an object")
    return read(folder, index)


def write(encoders: Encoders, folder: Path, dtype: torch.dtype) -> dict[str, Any]:
    """Write the own encoders into `folder`; returns the entries for model_index.json."""
    entries: dict[str, Any] = {}
    for name, part in encoders.parts().items():
        if name in encoders.shared:
            entries[name] = {"bundled": encoders.shared[name], "sha256": fingerprint(part)}
        else:
            part.save_pretrained(folder / name, dtype)
            entries[name] = CLASSES[name]
    return entries


def fingerprint(network: nn.Module) -> str:
    """sha256 over the weights at half precision, as a stored model keeps them, without a VAE's decoder."""
    digest = hashlib.sha256()
    for name, tensor in network.state_dict().items():
        if not name.startswith(DECODER):
            digest.update(tensor.detach().cpu().half().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _open(vae: Path, image_encoder: Path) -> tuple[LatentCodec, ImageEncoder]:
    for folder, name in ((vae, "vae"), (image_encoder, "image_encoder")):
        if not (folder / name).is_dir():
            raise InputError(f"{folder}: no folder {name} in it; expected the frozen encoders vae and image_encoder")
    return LatentCodec.from_pretrained(vae / "vae"), ImageEncoder.from_pretrained(image_encoder / "image_encoder")
