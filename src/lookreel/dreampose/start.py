"""Where a training starts (section 4.3): the frozen encoders, and the weights of Stable Diffusion or of a model."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from lookreel.assets import MODELS
from lookreel.dreampose.config import LATENT, DreamPoseConfig
from lookreel.dreampose.folder import fits
from lookreel.dreampose.model import FIRST, DreamPose, widened
from lookreel.dreampose.system import DreamPoseSystem
from lookreel.encoders import shared
from lookreel.encoders.published import component_file
from lookreel.encoders.shared import Encoders
from lookreel.errors import InputError
from lookreel.nets.checkpoint import read_checkpoint
from lookreel.nets.naming import fit
from lookreel.nets.published import UNET, looks_like
from lookreel.nets.weights import read_tensors

UNETS = ("unet", "denoising_unet")  # Stable Diffusion's name, and ProFashion's
ATTENTION = ".attentions."  # what a smaller network may leave out of a larger one's weights


def start(config: DreamPoseConfig, init: Path | None) -> DreamPoseSystem:
    """A system to train. init: a folder with vae and image_encoder, or a model of ours, and in it

    - `unet`: Stable Diffusion 1.4's or 1.5's, whose first convolution is widened by zeros, or DreamPose's own;
    - or `denoising_unet`: ProFashion's, alike; attention that the config does not have is left out;
    - `adapter`, of a DreamPose to go on with.
    None takes the encoders of the bundled `mini` and random networks.
    Raises InputError where something is missing or does not fit the config.
    """
    encoders = shared.bundled() if init is None else _encoders(init)
    fits(encoders, config, init or MODELS / "mini")
    model = DreamPose(config)
    if init is not None:
        begin(model, _unet(init))
        if (init / "adapter").is_dir():
            read_tensors(model.adapter, init / "adapter", torch.float32)
    return DreamPoseSystem(encoders, model.train(), name="in training")


def _encoders(init: Path) -> Encoders:
    """The folder's encoders; those of the bundled model are shared with it."""
    if init.resolve() == (MODELS / "mini").resolve():
        return shared.bundled()
    return shared.of_model(init) if (init / "model_index.json").is_file() else shared.own(init)


def _unet(init: Path) -> Path:
    folder = next((init / name for name in UNETS if (init / name).is_dir()), None)
    if folder is None:
        raise InputError(f"{init}: expected the folder unet in it, Stable Diffusion's; give --init")
    return folder


def begin(model: DreamPose, folder: Path) -> None:
    """Load a U-Net's folder into the model's, the first convolution widened by zeros where it knows no poses.

    Attention that the model does not have is left out. Raises InputError where the levels do not fit.
    """
    unet = model.unet
    file = component_file(folder)
    tensors = for_poses(read_checkpoint(file), unet.config.in_channels)
    wanted = {name: tuple(t.shape) for name, t in unet.state_dict().items()}
    fitted = fit({name: tuple(t.shape) for name, t in tensors.items()}, wanted, UNET)
    left = [name for name in fitted.unexpected if ATTENTION not in name]
    if fitted.missing or fitted.wrong or left:
        seems = looks_like(tensors)
        raise InputError(f"{file}: {fitted.faults}" + (f"; it looks like {seems}" if seems else ""))
    unet.load_state_dict({name: tensors[name].float() for name in wanted})


def for_poses(tensors: dict[str, Tensor], channels: int) -> dict[str, Tensor]:
    """A U-Net's tensors, widened to so many input channels where they know the latents alone."""
    first = tensors.get(FIRST)
    return widened(tensors, channels) if first is not None and first.shape[1] == LATENT else tensors
