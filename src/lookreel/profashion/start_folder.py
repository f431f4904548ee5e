"""The folder that ProFashion's training starts from, made of public parts (paper, section 4.2)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from lookreel.encoders.published import component_file, image_encoder_part, vae_part
from lookreel.errors import InputError
from lookreel.nets.checkpoint import read_checkpoint
from lookreel.nets.conversion import OnPart, Part, check, check_out, shapes_of, whole_folder, write
from lookreel.nets.naming import Naming
from lookreel.nets.pose_config import PoseConfig
from lookreel.nets.pose_guider import PoseGuider
from lookreel.nets.published import CONTROLNET, CONTROLNET_ORIGINAL, MOTION, UNET
from lookreel.nets.sizes import max_frames, pose_config
from lookreel.nets.temporal import TemporalLayers
from lookreel.nets.unet import UNet
from lookreel.nets.unet_config import UNetConfig
from lookreel.nets.weights import read_config

MOTION_HEADS = 8  # AnimateDiff's setting; no shape tells it


def gather(
    base: Path,
    out: Path,
    *,
    vae: Path | None = None,
    image_encoder: Path | None = None,
    motion: Path | None = None,
    controlnet: Path | None = None,
    dtype: torch.dtype | None = None,
    force: bool = False,
    on_part: OnPart | None = None,
) -> dict[str, Any]:
    """Write the folder `out` for `start`; returns the record of every tensor.

    base: Stable Diffusion 1.5's folder, for `unet` and, unless given apart, `vae` and `image_encoder`.
    motion: AnimateDiff's motion modules, for `temporal`. controlnet: a ControlNet for poses, a file or a folder, whose
    condition embedding becomes `pose_guider`. dtype: of the tensors; None keeps the files' own.
    Raises InputError, before anything is written, that names what is missing or does not fit.
    """
    inputs = [folder for folder in (base, vae, image_encoder, motion, controlnet) if folder is not None]
    check_out(out, force, inputs)
    config = UNetConfig.from_diffusers(read_config(base / "unet"), base / "unet")
    with torch.device("meta"):
        unet = UNet(config)
    file = component_file(base / "unet")
    parts = [
        Part("unet", file, read_checkpoint(file), UNET, shapes_of(unet), config.to_diffusers()),
        vae_part(vae or base / "vae"),
        image_encoder_part(image_encoder or base / "image_encoder"),
    ]
    if motion is not None:
        parts.append(_temporal(motion, unet))
    if controlnet is not None:
        parts.append(_pose_guider(controlnet, config.block_out_channels[0]))
    check(parts)
    with whole_folder(out, force, inputs) as folder:
        return write(parts, folder, dtype, on_part)


def _temporal(file: Path, unet: UNet) -> Part:
    tensors = read_checkpoint(file)
    frames = max_frames({name: tuple(t.shape) for name, t in tensors.items()}) or 32
    with torch.device("meta"):
        layers = TemporalLayers(unet.site_names(), MOTION_HEADS, unet.config.norm_num_groups, frames)
    return Part("temporal", file, tensors, MOTION, shapes_of(layers), {"_class_name": "TemporalLayers"})


def _pose_guider(given: Path, width: int) -> Part:
    """ControlNet's condition embedding; its last convolution starts at zero, as in the open Animate Anyone."""
    file = component_file(given) if given.is_dir() else given
    tensors = read_checkpoint(file)
    naming = CONTROLNET_ORIGINAL if any(name.startswith("control_model.") for name in tensors) else CONTROLNET
    found = _shapes(tensors, naming)
    if not found:
        raise InputError(f"{file}: no controlnet_cond_embedding.* in it; expected a ControlNet")
    sizes = pose_config(found) or PoseConfig()
    with torch.device("meta"):
        guider = PoseGuider(sizes, width, sizes.stride)
    wanted = shapes_of(guider)
    zero = {name: torch.zeros(shape) for name, shape in wanted.items() if name.startswith("conv_out.")}
    return Part("pose_guider", file, tensors, naming, wanted, {"_class_name": "PoseGuider"}, made=zero)


def _shapes(tensors: dict[str, torch.Tensor], naming: Naming) -> dict[str, tuple[int, ...]]:
    """Shapes by our names."""
    named = {naming.ours(name): tuple(t.shape) for name, t in tensors.items()}
    return {name: shape for name, shape in named.items() if name is not None}
