"""The open Animate Anyone's checkpoint files as a model folder of ours."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lookreel.animate_anyone.config import AnimateAnyoneConfig
from lookreel.animate_anyone.folder import component_config, index, parts
from lookreel.animate_anyone.model import AnimateAnyone
from lookreel.animate_anyone.sources import Sources, read
from lookreel.encoders.published import image_encoder_part, vae_part
from lookreel.errors import InputError
from lookreel.nets import published
from lookreel.nets.conversion import OnPart, Part, check, check_out, shapes_of, whole_folder, write
from lookreel.nets.naming import Shapes
from lookreel.nets.pose_config import PoseConfig
from lookreel.nets.published import looks_like
from lookreel.nets.sizes import max_frames, pose_config, unet_widths
from lookreel.nets.unet_config import UNetConfig
from lookreel.nets.weights import read_config, write_json

MOTION_HEADS = 8  # the open implementation's setting; no shape tells it


def convert(
    sources: Sources,
    out: Path,
    *,
    dtype: torch.dtype | None = None,
    force: bool = False,
    on_part: OnPart | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Write the model folder `out`; returns the record of every tensor: where it came from, what was left out.

    settings: fields of AnimateAnyoneConfig other than its defaults. dtype: of the tensors; None keeps the files' own.
    force: replace an earlier conversion. on_part(done, of, component) follows each component.
    Raises InputError, before anything is written, that names what is missing or does not fit.
    """
    check_out(out, force, sources.folders())
    encoders = [vae_part(sources.vae), image_encoder_part(sources.image_encoder)]
    files, tensors = read(sources.checkpoint)
    with torch.device("meta"):
        model = AnimateAnyone(_config(sources, files, tensors, encoders, settings))
    made = _networks(model, files, tensors) + encoders
    check(made)
    with whole_folder(out, force, sources.folders()) as folder:
        record = write(made, folder, dtype, on_part)
        write_json(folder / "model_index.json", index(model))
    return record


def _networks(model: AnimateAnyone, files: Mapping[str, Path], tensors: Mapping[str, dict[str, Tensor]]) -> list[Part]:
    """Our components beside the files' tensors."""
    apart = files["temporal"] != files["denoising_unet"]
    namings = {
        "denoising_unet": published.UNET if apart else published.DENOISER,
        "temporal": published.MOTION if apart else published.MOTION_IN_UNET,
        "reference_unet": published.UNET,
        "pose_guider": published.POSE_GUIDER,
    }
    return [
        Part(name, files[name], tensors[name], namings[name], shapes_of(part), component_config(part))
        for name, part in parts(model).items()
    ]


def _config(
    sources: Sources,
    files: Mapping[str, Path],
    tensors: Mapping[str, dict[str, Tensor]],
    encoders: list[Part],
    settings: dict[str, Any],
) -> AnimateAnyoneConfig:
    """Heads and groups from the base's config, widths checked against the files, the rest from their shapes.

    Where a file is none of its kind, defaults stand in: `check` then tells what is wrong with it.
    """
    shapes = {name: {key: tuple(t.shape) for key, t in found.items()} for name, found in tensors.items()}
    unet = UNetConfig.from_diffusers(read_config(sources.base / "unet"), sources.base / "unet")
    for name in ("denoising_unet", "reference_unet"):
        _check_widths(files[name], shapes[name], unet, sources.base)
    frames = max_frames(shapes["temporal"]) or AnimateAnyoneConfig.max_frames
    vae, image_encoder = (part.config for part in encoders)
    factor = 2 ** (len(vae["block_out_channels"]) - 1)
    pose = pose_config(shapes["pose_guider"]) or PoseConfig()
    if pose.stride != factor:
        raise InputError(f"{files['pose_guider']}: makes pictures {pose.stride} times smaller; the VAE {factor} times")
    if image_encoder["projection_dim"] != unet.cross_attention_dim:
        width = image_encoder["projection_dim"]
        raise InputError(
            f"{sources.image_encoder}: embeddings of width {width}; the U-Net reads {unet.cross_attention_dim}"
        )
    sizes = dict(unet=unet, pose=pose, vae_factor=factor, motion_heads=MOTION_HEADS, max_frames=frames)
    try:
        return AnimateAnyoneConfig(**sizes, window=min(AnimateAnyoneConfig.window, frames), **settings)
    except ValueError as error:
        raise InputError(f"{sources.checkpoint}: {error}") from error


def _check_widths(file: Path, shapes: Shapes, unet: UNetConfig, base: Path) -> None:
    """InputError where a U-Net's levels are not as wide as the base's."""
    widths = unet_widths(shapes)
    if widths and widths != unet.block_out_channels and len(widths) >= unet.levels:
        raise InputError(
            f"{file}: {looks_like(shapes)} with levels of {widths} channels; {base}/unet has {unet.block_out_channels}"
        )
