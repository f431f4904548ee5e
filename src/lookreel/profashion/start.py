"""Where a training starts: the frozen encoders, and whatever weights are already there."""

from __future__ import annotations

from pathlib import Path

import torch

from lookreel.assets import MODELS
from lookreel.encoders.image_encoder import ImageEncoder
from lookreel.encoders.vae import LatentCodec
from lookreel.errors import InputError
from lookreel.nets.weights import read_tensors
from lookreel.profashion.config import ProFashionConfig
from lookreel.profashion.folder import parts
from lookreel.profashion.model import ProFashion
from lookreel.profashion.system import ProFashionSystem


def start(config: ProFashionConfig, init: Path | None) -> ProFashionSystem:
    """A system to train. init: a folder with `vae` and `image_encoder`, and any of our or SD1.5's components:

    - `reference_unet`, `denoising_unet`, ...: a model of ours, continued;
    - `unet`: a Stable Diffusion 1.5 folder; both U-Nets start from it (paper, section 4.2).
    - `temporal`: AnimateDiff's motion modules as `lookreel convert` writes them, without the flow attention;
    so a converted Animate Anyone serves as a whole.
    None takes the bundled encoders and random networks. Raises InputError where the encoders do not fit the config.
    """
    folder = init or MODELS / "mini"
    if not (folder / "vae").is_dir() or not (folder / "image_encoder").is_dir():
        raise InputError(f"{folder}: expected the folders vae and image_encoder in it; give --init")
    codec, encoder = LatentCodec.from_pretrained(folder / "vae"), ImageEncoder.from_pretrained(folder / "image_encoder")
    if (codec.factor, encoder.width) != (config.vae_factor, config.unet.cross_attention_dim):
        raise InputError(
            f"{folder}: encoders of factor {codec.factor} and width {encoder.width}; "
            f"this preset expects {config.vae_factor} and {config.unet.cross_attention_dim}"
        )
    model = ProFashion(config)
    if init is not None:
        _continue(model, init)
    return ProFashionSystem(codec, encoder, model, name="in training")


def _continue(model: ProFashion, init: Path) -> None:
    """Load the components that the folder has."""
    if (init / "unet").is_dir():
        read_tensors(model.denoiser.unet, init / "unet", torch.float32)
        shared = {
            k: v for k, v in model.denoiser.unet.state_dict().items() if not k.startswith(("conv_norm_out", "conv_out"))
        }
        model.reference_encoder.unet.load_state_dict(shared)
    for name, part in (parts(model) | {"temporal": model.denoiser.motion.temporal}).items():
        if (init / name).is_dir():
            read_tensors(part, init / name, torch.float32)
    model.train()
