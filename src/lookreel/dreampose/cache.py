"""What training reads of a clip, computed once: the VAE and the image encoder are frozen, the poses known."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from lookreel.data.source import Source
from lookreel.dreampose.conditions import pose_cells, see
from lookreel.dreampose.config import DreamPoseConfig
from lookreel.encoders.shared import Encoders, fingerprint
from lookreel.errors import InputError
from lookreel.nets.weights import write_json
from lookreel.poses.densepose import dense
from lookreel.poses.track import Track
from lookreel.progress import Progress


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
        self.folder, self.source = folder, source

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, number: int) -> Encoded:
        return Encoded(**load_file(self._path(number)))

    def fill(self, encoders: Encoders, config: DreamPoseConfig, process: int = 0, processes: int = 1) -> None:
        """Encode the clips that are not there yet; each process takes every `processes`-th.

        Raises InputError where the folder holds clips of another source or of other encoders.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if process == 0:
            self._claim(encoders, config)
        absent = [i for i in range(process, len(self), processes) if not self._path(i).exists()]
        if not absent:
            return
        with Progress("latents", len(absent)) as bar:
            for done, number in enumerate(absent, start=1):
                self._encode(number, encoders, config)
                bar(done, "")

    def _claim(self, encoders: Encoders, config: DreamPoseConfig) -> None:
        """Note whose latents these are, or find that they are another's."""
        path = self.folder / "source.json"
        hashes = {name: fingerprint(part) for name, part in encoders.parts().items()}
        ours = {"source": self.source.describe(), "clip_square": config.clip_square} | hashes
        if path.is_file() and json.loads(path.read_text()) != ours:
            raise InputError(f"{path}: latents of other data or other encoders; expected a new --out for this training")
        write_json(path, ours)

    def _encode(self, number: int, encoders: Encoders, config: DreamPoseConfig) -> None:
        frames, track = self.source.clip(number)
        photo = see(encoders, config, frames.to(encoders.codec.vae.device).float() / 127.5 - 1)
        tensors = {
            "latents": photo.latent.half().cpu(),
            "tokens": photo.tokens.half().cpu(),
            "uv": torch.from_numpy(cells(track, config)),
        }
        temporary = self._path(number).with_suffix(f".{os.getpid()}.tmp")
        save_file({name: t.contiguous() for name, t in tensors.items()}, temporary)
        os.replace(temporary, self._path(number))

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:06d}.safetensors"


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
