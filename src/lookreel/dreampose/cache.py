"""What training reads of a clip, computed once: the VAE and the image encoder are frozen, the poses known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lookreel.data.clip_files import ClipFiles
from lookreel.data.source import Source
from lookreel.dreampose.conditions import pose_cells, see
from lookreel.dreampose.config import DreamPoseConfig
from lookreel.encoders.shared import Encoders, fingerprint
from lookreel.poses.densepose import dense
from lookreel.poses.track import Track


@dataclass(frozen=True)
class Encoded:
    """A clip as the networks see it.

    uv: the poses K times over: the track's own maps, where it has them, and those of a body fitted to its joints.
    """

    latents: Tensor  # float16 (F, 4, h, w), scaled
    tokens: Tensor  # float16 (F, L, D), CLIP's tokens of every frame
    uv: Tensor  # uint8 (K, F, 2, h, w)


class PairCache:
    """One safetensors file for each clip of a source, in a folder."""

    def __init__(self, folder: Path, source: Source) -> None:
        self.files, self.source = ClipFiles(folder, len(source)), source

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, number: int) -> Encoded:
        return Encoded(**self.files.read(number))

    def fill(self, encoders: Encoders, config: DreamPoseConfig, process: int = 0, processes: int = 1) -> None:
        """Encode the clips that are not there yet; each process takes every `processes`-th.

        Raises InputError where the folder holds clips of another source or of other encoders.
        """
        hashes = {name: fingerprint(part) for name, part in encoders.parts().items()}
        whose = {"source": self.source.describe(), "clip_square": config.clip_square} | hashes
        self.files.make(whose, lambda number: self._encode(number, encoders, config), process, processes)

    def _encode(self, number: int, encoders: Encoders, config: DreamPoseConfig) -> dict[str, Tensor]:
        frames, track = self.source.clip(number)
        photo = see(encoders, config, frames.to(encoders.codec.vae.device).float() / 127.5 - 1)
        uv = torch.from_numpy(cells(track, config))
        return {"latents": photo.latent.half(), "tokens": photo.tokens.half(), "uv": uv}


def cells(track: Track, config: DreamPoseConfig) -> np.ndarray:
    """U and V of a track at the cells of the latents, uint8 (K, F, 2, h, w).

    K is 2 where the track has maps of its own: those that a body fitted to the joints would give come second. A network
    that has seen both follows either, the second also where a motion was fitted to another body.
    """
    given = [dense(track, config.size).uv] if track.dense is not None else []
    fitted = dense(Track(track.keypoints, track.size, track.fps, track.layout), config.size).uv
    return np.stack([_bytes(pose_cells(uv, config)) for uv in (*given, fitted)])


def _bytes(poses: Tensor) -> np.ndarray:
    """Poses in [-1, 1] as the uint8 that they were made from."""
    return ((poses + 1) * 127.5).round().to(torch.uint8).numpy()
