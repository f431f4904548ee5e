"""Latents of training clips, computed once: the VAE and the image encoder are frozen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from lookreel.data.clip_files import ClipFiles
from lookreel.encoders.shared import Encoders, fingerprint
from lookreel.fashionflow.clips import Films
from lookreel.fashionflow.conditions import small
from lookreel.fashionflow.config import FashionFlowConfig
from lookreel.fashionflow.pictures import Pictures


@dataclass(frozen=True)
class Encoded:
    """A clip as the networks see it; its first frame is the photo."""

    latents: Tensor  # float16 (F, 4, h, w), scaled
    colors: Tensor  # float16 (F, 3, h, w), in [-1, 1], the frames at the size of the latents
    tokens: Tensor  # float16 (L, D), CLIP's tokens of the first frame


class ClipCache:
    """One safetensors file for each clip, in a folder."""

    def __init__(self, folder: Path, clips: Films) -> None:
        self.files, self.clips = ClipFiles(folder, len(clips)), clips

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, number: int) -> Encoded:
        return Encoded(**self.files.read(number))

    def fill(self, encoders: Encoders, config: FashionFlowConfig, process: int = 0, processes: int = 1) -> None:
        """Encode the clips that are not there yet; each process takes every `processes`-th.

        Raises InputError where the folder holds latents of other clips or of other encoders.
        """
        hashes = {name: fingerprint(part) for name, part in encoders.parts().items()}
        whose = {"clips": self.clips.describe(), "doubly_rescaled": config.doubly_rescaled} | hashes
        pictures = Pictures(encoders, config.doubly_rescaled)
        self.files.make(whose, lambda number: self._encode(number, pictures, config.latent_size), process, processes)

    @torch.no_grad()
    def _encode(self, number: int, pictures: Pictures, grid: tuple[int, int]) -> dict[str, Tensor]:
        pixels = self.clips.frames(number).to(pictures.codec.vae.device).float() / 127.5 - 1
        tokens = pictures.tokens(pixels[:1])[0]
        return {
            "latents": pictures.encode(pixels).half(),
            "colors": small(pixels, grid).half(),
            "tokens": tokens.half(),
        }
