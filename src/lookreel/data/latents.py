"""Latents and embeddings of training clips, computed once: the VAE and the image encoder are frozen."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from lookreel.data.clip_files import ClipFiles
from lookreel.data.source import Source
from lookreel.encoders.image_encoder import ImageEncoder
from lookreel.encoders.vae import LatentCodec


@dataclass(frozen=True)
class Encoded:
    """A clip as the networks see it."""

    latents: Tensor  # float16 (F, 4, h, w), scaled
    embeddings: Tensor  # float16 (F, D)
    keypoints: Tensor  # float32 (F, 18, 3) in pixels of the film


class LatentCache:
    """One safetensors file for each clip of a source, in a folder."""

    def __init__(self, folder: Path, source: Source) -> None:
        self.files, self.source = ClipFiles(folder, len(source)), source

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, number: int) -> Encoded:
        return Encoded(**self.files.read(number))

    def fill(self, codec: LatentCodec, encoder: ImageEncoder, process: int = 0, processes: int = 1) -> None:
        """Encode the clips that are not there yet; each process takes every `processes`-th.

        Raises InputError where the folder holds latents of another source or of other encoders.
        """
        scale = codec.vae.config.scaling_factor
        whose = {"source": self.source.describe(), "encoders": _fingerprint(codec, encoder), "scale": scale}
        self.files.make(whose, lambda number: self._encode(number, codec, encoder), process, processes)

    @torch.no_grad()
    def _encode(self, number: int, codec: LatentCodec, encoder: ImageEncoder) -> dict[str, Tensor]:
        frames, track = self.source.clip(number)
        pixels = frames.to(codec.vae.device).float() / 127.5 - 1
        return {
            "latents": codec.encode(pixels).half(),
            "embeddings": encoder.encode(pixels).half(),
            "keypoints": torch.as_tensor(track.keypoints),
        }


def _fingerprint(*networks: nn.Module) -> str:
    """sha256 over the networks' weights at half precision: as a trained model keeps them, where stage 2 finds them."""
    digest = hashlib.sha256()
    for network in networks:
        for tensor in network.state_dict().values():
            digest.update(tensor.detach().cpu().half().contiguous().numpy().tobytes())
    return digest.hexdigest()
