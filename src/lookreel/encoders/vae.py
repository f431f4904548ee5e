"""Pixels to latents and back, by diffusers' AutoencoderKL: the scaling factor and the chunking live here."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from typing import Any

import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn

from lookreel.encoders.tiles import tiled
from lookreel.nets.weights import check_loaded, readable, tensor_file

AT_ONCE = 8  # pictures encoded or decoded together; bounds the memory for long films


class LatentCodec(nn.Module):
    """An AutoencoderKL that speaks scaled latents."""

    def __init__(self, vae: AutoencoderKL) -> None:
        super().__init__()
        self.vae = vae

    @property
    def factor(self) -> int:
        """Pixels in a latent cell, each way."""
        return 2 ** (len(self.vae.config.block_out_channels) - 1)

    @torch.no_grad()
    def encode(self, pixels: Tensor, at_once: int = AT_ONCE) -> Tensor:
        """pixels (N, 3, H, W) in [-1, 1] -> scaled latents (N, 4, h, w): the mean, not a sample."""
        parts = pixels.to(self.vae.dtype).split(at_once)
        return torch.cat([self.vae.encode(part).latent_dist.mean for part in parts]) * self.vae.config.scaling_factor

    @torch.no_grad()
    def decode(self, latents: Tensor, at_once: int = AT_ONCE, tile: int | None = None) -> Iterator[Tensor]:
        """Scaled latents (N, 4, h, w) -> chunks of pictures, uint8 (n, 3, H, W) on the CPU, in order.

        tile: decode in overlapping tiles of so many cells each way (`encoders/tiles.py`); not exact.
        """
        for part in latents.split(at_once):
            scaled = (part / self.vae.config.scaling_factor).to(self.vae.dtype)
            pixels = self._decode(scaled) if tile is None else tiled(self._decode, scaled, tile, self.factor)
            yield ((pixels.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).cpu()

    def pictures(self, latents: Tensor, at_once: int = AT_ONCE, tile: int | None = None) -> Tensor:
        """`decode` into one uint8 (N, 3, H, W) on the CPU; floats are held for one chunk only."""
        h, w = latents.shape[2:]
        made = torch.empty((len(latents), 3, h * self.factor, w * self.factor), dtype=torch.uint8)
        for place, chunk in zip(made.split(at_once), self.decode(latents, at_once, tile), strict=True):
            place.copy_(chunk)
        return made

    def _decode(self, latents: Tensor) -> Tensor:
        return self.vae.decode(latents).sample

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike, dtype: torch.dtype = torch.float32) -> LatentCodec:
        """Load diffusers' folder. Raises InputError where there is no safetensors file, or it is not whole."""
        variant = "fp16" if ".fp16." in tensor_file(folder).name else None
        with readable(folder):
            loaded: Any = AutoencoderKL.from_pretrained(
                folder, use_safetensors=True, variant=variant, torch_dtype=dtype, output_loading_info=True
            )
        vae, told = loaded
        check_loaded(folder, told)
        return cls(vae.eval().requires_grad_(False))

    def save_pretrained(self, folder: str | os.PathLike, dtype: torch.dtype = torch.float32) -> None:
        """Write diffusers' folder at `dtype`; the codec itself keeps its own."""
        vae = copy.deepcopy(self.vae)
        nn.Module.to(vae, dtype)  # diffusers' own `to` warns of layers to keep in float32, of which there are none
        vae.register_to_config(_name_or_path="")  # it would tell the folder it was read from
        vae.save_pretrained(folder, safe_serialization=True)
