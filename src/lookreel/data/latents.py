"""Latents and embeddings of training clips, computed once: the VAE and the image encoder are frozen."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lookreel.data.source import Source
from lookreel.encoders.image_encoder import ImageEncoder
from lookreel.encoders.vae import LatentCodec
from lookreel.errors import InputError
from lookreel.nets.weights import write_json
from lookreel.progress import Progress


@dataclass(frozen=True)
class Encoded:
    """A clip as the networks see it."""

    latents: Tensor  # float16 (F, 4, h, w), scaled
    embeddings: Tensor  # float16 (F, D)
    keypoints: Tensor  # float32 (F, 18, 3) in pixels of the film


class LatentCache:
    """One safetensors file for each clip of a source, in a folder."""

    def __init__(self, folder: Path, source: Source) -> None:
        self.folder, self.source = folder, source

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, number: int) -> Encoded:
        return Encoded(**load_file(self._path(number)))

    def fill(self, codec: LatentCodec, encoder: ImageEncoder, process: int = 0, processes: int = 1) -> None:
        """Encode the clips that are not there yet; each process takes every `processes`-th.

        Raises InputError where the folder holds latents of another source or of other encoders.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if process == 0:
            self._claim(codec, encoder)
        absent = [i for i in range(process, len(self), processes) if not self._path(i).exists()]
        if not absent:
            return
        with Progress("latents", len(absent)) as bar:
            for done, number in enumerate(absent, start=1):
                self._encode(number, codec, encoder)
                bar(done, "")

    def _claim(self, codec: LatentCodec, encoder: ImageEncoder) -> None:
        """Note whose latents these are, or find that they are another's."""
        path = self.folder / "source.json"
        scale = codec.vae.config.scaling_factor
        ours = {"source": self.source.describe(), "encoders": _fingerprint(codec, encoder), "scale": scale}
        if path.is_file() and json.loads(path.read_text()) != ours:
            raise InputError(f"{path}: latents of other data or other encoders; expected a new --out for this training")
        write_json(path, ours)

    @torch.no_grad()
    def _encode(self, number: int, codec: LatentCodec, encoder: ImageEncoder) -> None:
        frames, track = self.source.clip(number)
        pixels = frames.to(codec.vae.device).float() / 127.5 - 1
        tensors = {
            "latents": codec.encode(pixels).half().cpu(),
            "embeddings": encoder.encode(pixels).half().cpu(),
            "keypoints": torch.as_tensor(track.keypoints),
        }
        temporary = self._path(number).with_suffix(f".{os.getpid()}.tmp")
        save_file({name: t.contiguous() for name, t in tensors.items()}, temporary)
        os.replace(temporary, self._path(number))

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:06d}.safetensors"


def _fingerprint(*networks: nn.Module) -> str:
    """sha256 over the networks' weights at half precision: as a trained model keeps them, where stage 2 finds them."""
    digest = hashlib.sha256()
    for network in networks:
        for tensor in network.state_dict().values():
            digest.update(tensor.detach().cpu().half().contiguous().numpy().tobytes())
    return digest.hexdigest()
