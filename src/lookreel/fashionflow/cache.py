"""Latents of training clips, computed once: the VAE and the image encoder are frozen."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from lookreel.encoders.shared import Encoders, fingerprint
from lookreel.errors import InputError
from lookreel.fashionflow.clips import Films
from lookreel.fashionflow.conditions import small
from lookreel.fashionflow.config import FashionFlowConfig
from lookreel.fashionflow.pictures import Pictures
from lookreel.nets.weights import write_json
from lookreel.progress import Progress


@dataclass(frozen=True)
class Encoded:
    """A clip as the networks see it; its first frame is the photo."""

    latents: Tensor  # float16 (F, 4, h, w), scaled
    colors: Tensor  # float16 (F, 3, h, w), in [-1, 1], the frames at the size of the latents
    tokens: Tensor  # float16 (L, D), CLIP's tokens of the first frame


class ClipCache:
    """One safetensors file for each clip, in a folder."""

    def __init__(self, folder: Path, clips: Films) -> None:
        self.folder, self.clips = folder, clips

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, number: int) -> Encoded:
        return Encoded(**load_file(self._path(number)))

    def fill(self, encoders: Encoders, config: FashionFlowConfig, process: int = 0, processes: int = 1) -> None:
        """Encode the clips that are not there yet; each process takes every `processes`-th.

        Raises InputError where the folder holds latents of other clips or of other encoders.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if process == 0:
            self._claim(encoders, config)
        absent = [i for i in range(process, len(self), processes) if not self._path(i).exists()]
        if not absent:
            return
        with Progress("latents", len(absent)) as bar:
            for done, number in enumerate(absent, start=1):
                self._encode(number, Pictures(encoders, config.doubly_rescaled), config.latent_size)
                bar(done, "")

    def _claim(self, encoders: Encoders, config: FashionFlowConfig) -> None:
        """Note whose latents these are, or find that they are another's."""
        path = self.folder / "source.json"
        hashes = {name: fingerprint(part) for name, part in encoders.parts().items()}
        ours = {"clips": self.clips.describe(), "doubly_rescaled": config.doubly_rescaled} | hashes
        if path.is_file() and json.loads(path.read_text()) != ours:
            raise InputError(f"{path}: latents of other data or other encoders; expected a new --out for this training")
        write_json(path, ours)

    @torch.no_grad()
    def _encode(self, number: int, pictures: Pictures, grid: tuple[int, int]) -> None:
        pixels = self.clips.frames(number).to(pictures.codec.vae.device).float() / 127.5 - 1
        tensors = {
            "latents": pictures.encode(pixels),
            "colors": small(pixels, grid),
            "tokens": pictures.tokens(pixels[:1])[0],
        }
        temporary = self._path(number).with_suffix(f".{os.getpid()}.tmp")
        save_file({name: t.half().cpu().contiguous() for name, t in tensors.items()}, temporary)
        os.replace(temporary, self._path(number))

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:06d}.safetensors"
