"""Latents and embeddings of training clips, computed once: the VAE and the image encoder are frozen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lookreel.data.clip_files import ClipFiles
from lookreel.data.source import Source
from lookreel.encoders.image_encoder import ImageEncoder
from lookreel.encoders.shared import fingerprint
from lookreel.encoders.vae import LatentCodec
from lookreel.poses.densepose import of_body
from lookreel.poses.layout import to_openpose18
from lookreel.poses.surface_flow import surface_flow
from lookreel.poses.track import Track
from lookreel.poses.view import orientation


@dataclass(frozen=True)
class Encoded:
    """A clip as the networks see it."""

    latents: Tensor  # float16 (F, 4, h, w), scaled
    embeddings: Tensor  # float16 (F, D)
    keypoints: Tensor  # float32 (F, 18, 3) in pixels of the film
    flow: Tensor | None = None  # float16 (F, 2, h, w) in cells of the latents, `surface_flow`, where it is cached
    flow_mask: Tensor | None = None  # bool (F, h, w)


class LatentCache:
    """One safetensors file for each clip of a source, in a folder.

    surface: cache the flow of the body's surface too, from a track's dense maps, else from a body fitted to its joints;
    of a clip in which no frame shows a whole torso nothing is known, and nothing is supervised.
    """

    def __init__(self, folder: Path, source: Source, surface: bool = False) -> None:
        self.files, self.source, self.surface = ClipFiles(folder, len(source)), source, surface

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, number: int) -> Encoded:
        return Encoded(**self.files.read(number))

    def fill(self, codec: LatentCodec, encoder: ImageEncoder, process: int = 0, processes: int = 1) -> None:
        """Encode the clips that are not there yet; each process takes every `processes`-th.

        Raises InputError where the folder holds latents of another source or of other encoders.
        """
        scale = codec.vae.config.scaling_factor
        whose = {"source": self.source.describe(), "scale": scale}
        whose |= {"vae": fingerprint(codec), "image_encoder": fingerprint(encoder), "surface": self.surface}
        self.files.make(whose, lambda number: self._encode(number, codec, encoder), process, processes)

    @torch.no_grad()
    def _encode(self, number: int, codec: LatentCodec, encoder: ImageEncoder) -> dict[str, Tensor]:
        frames, track = self.source.clip(number)
        pixels = frames.to(codec.vae.device).float() / 127.5 - 1
        latents = codec.encode(pixels).half()
        tensors = {"latents": latents, "embeddings": encoder.encode(pixels).half()}
        tensors["keypoints"] = torch.as_tensor(track.keypoints)
        return tensors | (_flow(track, tuple(latents.shape[2:])) if self.surface else {})


def _flow(track: Track, grid: tuple[int, int]) -> dict[str, Tensor]:
    flow, mask = surface_flow(_dense(track), grid)
    return {"flow": torch.from_numpy(flow).half(), "flow_mask": torch.from_numpy(mask)}


def _dense(track: Track) -> np.ndarray:
    if track.dense is not None:
        return track.dense
    if not np.isfinite(orientation(to_openpose18(track).keypoints)).any():
        return np.zeros((len(track), 3, *track.size), np.uint8)
    return np.asarray(of_body(track).dense)
