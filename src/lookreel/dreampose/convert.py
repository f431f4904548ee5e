"""DreamPose's published checkpoints to a model folder of ours, and Stable Diffusion's to a start for training."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lookreel.dreampose.config import CHANNELS, LATENT, DreamPoseConfig, sd15
from lookreel.dreampose.folder import component_config, model_index, parts
from lookreel.dreampose.model import FIRST, DreamPose, widened
from lookreel.encoders.published import component_file, image_encoder_part, vae_part
from lookreel.encoders.shared import CLASSES
from lookreel.errors import InputError
from lookreel.nets.checkpoint import read_checkpoint
from lookreel.nets.conversion import OnPart, Part, check, check_out, shapes_of, whole_folder, write
from lookreel.nets.naming import Naming
from lookreel.nets.published import UNET
from lookreel.nets.unet_config import UNetConfig
from lookreel.nets.weights import read_config, write_json

# What the published code writes after each epoch; a subject's decoder has a count of its own.
FILES = {"unet": "unet_epoch_{}.pth", "adapter": "adapter_{}.pth", "vae": "vae_{}.pth"}


@dataclass(frozen=True)
class Sources:
    """What is converted. unet, adapter, vae: published files; None for a start from Stable Diffusion alone.

    base: Stable Diffusion 1.4's or 1.5's folder, for the U-Net's sizes and the VAE. image_encoder: CLIP's folder.
    """

    base: Path
    image_encoder: Path
    unet: Path | None = None
    adapter: Path | None = None
    vae: Path | None = None

    def given(self) -> list[Path]:
        files = (self.unet, self.adapter, self.vae)
        return [self.base, self.image_encoder, *(file.parent for file in files if file)]


def find(folder: Path, base: Path, image_encoder: Path | None, epoch: int | None = None) -> Sources:
    """The published files in a folder, of one epoch; by default the last that has both. Raises InputError.

    Of several vae_N.pth the last is taken: a subject's decoder is tuned by itself, and longer.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; expected the one with unet_epoch_N.pth and adapter_N.pth")
    found = {name: _numbered(folder, pattern) for name, pattern in FILES.items()}
    both = sorted(found["unet"].keys() & found["adapter"].keys())
    if not both:
        there = ", ".join(sorted(path.name for path in folder.glob("*.pth"))) or "none"
        raise InputError(f"{folder}: expected unet_epoch_N.pth and adapter_N.pth of one epoch N; found {there}")
    if epoch is not None and epoch not in both:
        raise InputError(f"--epoch: found {epoch}; in {folder} are {', '.join(map(str, both))}")
    number = both[-1] if epoch is None else epoch
    vae = found["vae"][max(found["vae"])] if found["vae"] else None
    return Sources(base, image_encoder or base / "image_encoder", found["unet"][number], found["adapter"][number], vae)


def convert(
    sources: Sources,
    out: Path,
    *,
    size: tuple[int, int] = (640, 512),
    dtype: torch.dtype | None = None,
    force: bool = False,
    on_part: OnPart | None = None,
) -> dict[str, Any]:
    """Write the model folder `out`; returns the record of every tensor: where it came from, what was left out.

    Without published files the U-Net is Stable Diffusion's, its first convolution widened by zeros, and the adapter
    hands CLIP's tokens through: where training starts. dtype: of the tensors; None keeps the files' own.
    Raises InputError, before anything is written, that names what is missing or does not fit.
    """
    check_out(out, force, sources.given())
    encoders = [_vae(sources), image_encoder_part(sources.image_encoder)]
    unet = _unet_tensors(sources)
    model, config = _network(sources, unet, encoders, size)
    made = [*_networks(model, sources, unet), *encoders]
    check(made)
    with whole_folder(out, force, sources.given()) as folder:
        record = write(made, folder, dtype, on_part)
        write_json(folder / "model_index.json", model_index(model, CLASSES))
    return record


def _numbered(folder: Path, pattern: str) -> dict[int, Path]:
    """Number -> file of a name with a number in it."""
    shape = re.compile(re.escape(pattern).replace(r"\{\}", r"(\d+)"))
    matches = ((shape.fullmatch(path.name), path) for path in folder.iterdir())
    return {int(match[1]): path for match, path in matches if match}


def _unet_tensors(sources: Sources) -> dict[str, Tensor]:
    """The published U-Net's tensors, or Stable Diffusion's with room for the poses."""
    if sources.unet is not None:
        return read_checkpoint(sources.unet)
    tensors = read_checkpoint(component_file(sources.base / "unet"))
    return widened(tensors, sd15().unet.in_channels) if FIRST in tensors else tensors


def _network(
    sources: Sources, unet: Mapping[str, Tensor], encoders: list[Part], size: tuple[int, int]
) -> tuple[DreamPose, DreamPoseConfig]:
    """Our networks on the meta device: sizes from the base's config, the number of poses from the first convolution."""
    base = UNetConfig.from_diffusers(read_config(sources.base / "unet"), sources.base / "unet")
    vae, clip = (part.config for part in encoders)
    channels = _channels(sources, unet)
    if clip["hidden_size"] != base.cross_attention_dim:
        raise InputError(
            f"{sources.image_encoder}: tokens of width {clip['hidden_size']}; the U-Net reads "
            f"{base.cross_attention_dim}: expected CLIP ViT-B/32"
        )
    try:
        config = DreamPoseConfig(
            size=size,
            vae_factor=2 ** (len(vae["block_out_channels"]) - 1),
            unet=replace(base, in_channels=channels),
            poses=(channels - LATENT) // CHANNELS,
            photo_tokens=(clip["image_size"] // clip["patch_size"]) ** 2 + 1,
            clip_square="squeezed" if sources.unet is None else "centred",
        )
    except ValueError as error:
        raise InputError(f"{sources.unet or sources.base}: {error}") from error
    with torch.device("meta"):
        return DreamPose(config), config


def _channels(sources: Sources, unet: Mapping[str, Tensor]) -> int:
    """What the first convolution reads; where a file has none, `check` tells what is wrong with it."""
    first, usual = unet.get(FIRST), sd15().unet.in_channels
    if first is None or first.ndim != 4:
        return usual
    poses, rest = divmod(first.shape[1] - LATENT, CHANNELS)
    if poses < 1 or poses % 2 == 0 or rest:
        raise InputError(
            f"{sources.unet}: the first convolution reads {first.shape[1]} channels; expected {usual}, {LATENT} of the "
            f"latents and {CHANNELS} of each of five poses"
        )
    return first.shape[1]


def _networks(model: DreamPose, sources: Sources, unet: dict[str, Tensor]) -> list[Part]:
    """U-Net and adapter beside the files' tensors; without a file the adapter is made."""
    networks = parts(model)
    wanted = {name: shapes_of(network) for name, network in networks.items()}
    configs = {name: component_config(network) for name, network in networks.items()}
    file = sources.unet or component_file(sources.base / "unet")
    made = [Part("unet", file, unet, UNET, wanted["unet"], configs["unet"])]
    if sources.adapter is not None:
        tensors, fresh = read_checkpoint(sources.adapter), {}
    else:
        tensors, fresh = {}, _fresh_adapter(model)
    adapter = sources.adapter or file
    return [*made, Part("adapter", adapter, tensors, Naming(), wanted["adapter"], configs["adapter"], made=fresh)]


def _fresh_adapter(model: DreamPose) -> dict[str, Tensor]:
    """The adapter as training starts with it, from a fixed seed."""
    from lookreel.encoders.adapter import Adapter

    config = model.config
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        adapter = Adapter(config.photo_tokens, config.unet.cross_attention_dim, config.latent_size)
    return adapter.state_dict()


def _vae(sources: Sources) -> Part:
    """The base's VAE, or the subject's whole one, whose decoder was tuned."""
    part = vae_part(sources.base / "vae")
    if sources.vae is None:
        return part
    return replace(part, file=sources.vae, tensors=read_checkpoint(sources.vae))
