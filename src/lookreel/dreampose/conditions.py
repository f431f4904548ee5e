"""What DreamPose knows of a frame: the photo, by CLIP's tokens and the VAE's latent, and five consecutive poses.

A pose is a map of two channels, U and V of DensePose, in [-1, 1] as the published weights have them: -1 off the body,
where U and V are 0. A dropped pose is all zeros; a dropped photo is a black picture (section 4.4).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from lookreel.dreampose.config import CHANNELS, DreamPoseConfig
from lookreel.encoders.shared import Encoders
from lookreel.encoders.tokens import TokenEncoder
from lookreel.errors import InputError

BLACK = -1.0


@dataclass(frozen=True)
class Photo:
    """tokens: CLIP's, (B, L, D). latent: the VAE's scaled latent, (B, 4, h, w)."""

    tokens: Tensor
    latent: Tensor

    def to(self, device: torch.device, dtype: torch.dtype = torch.float32) -> Photo:
        return Photo(self.tokens.to(device, dtype), self.latent.to(device, dtype))


@torch.no_grad()
def see(encoders: Encoders, config: DreamPoseConfig, pixels: Tensor) -> Photo:
    """What the frozen encoders make of pictures (B, 3, H, W) in [-1, 1], in float32."""
    tokens = TokenEncoder(encoders.image_encoder, centred=config.clip_square == "centred").encode(pixels)
    return Photo(tokens.float(), encoders.codec.encode(pixels).float())


def null_photo(encoders: Encoders, config: DreamPoseConfig) -> Photo:
    """The photo that says nothing, (1, ...): a black picture, in training as in sampling."""
    device = next(encoders.codec.parameters()).device
    return see(encoders, config, torch.full((1, 3, *config.size), BLACK, device=device))


def pose_windows(uv: np.ndarray, config: DreamPoseConfig) -> Tensor:
    """The poses that each frame reads: U and V uint8 (F, 2, H, W) -> float32 (F, 2 * poses, h, w) in [-1, 1].

    Raises InputError where the maps are not of the model's size.
    """
    return windows_of(pose_cells(uv, config), config.poses)


def pose_cells(uv: np.ndarray, config: DreamPoseConfig) -> Tensor:
    """U and V at the cells of the latents: uint8 (F, 2, H, W), 0-255 -> float32 (F, 2, h, w) in [-1, 1].

    The nearest value is taken: U and V jump between parts of the body, and a mean over a jump is another place on it.
    Raises InputError where the maps are not of the model's size.
    """
    expected = (CHANNELS, *config.size)
    if uv.dtype != np.uint8 or uv.ndim != 4 or uv.shape[1:] != expected:
        raise InputError(f"poses: maps {uv.dtype} {uv.shape}; expected U and V, uint8 (F, {str(expected)[1:]}")
    cells = F.interpolate(torch.from_numpy(np.ascontiguousarray(uv)), config.latent_size, mode="nearest")
    return cells.float() / 127.5 - 1


def windows_of(cells: Tensor, poses: int) -> Tensor:
    """Poses (F, 2, h, w) of consecutive frames -> (F, 2 * poses, h, w): t-2, t-1, t, t+1, t+2 for five.

    Before the first and after the last frame these are repeated.
    """
    reach = poses // 2
    near = torch.arange(-reach, reach + 1, device=cells.device)
    places = torch.arange(len(cells), device=cells.device)[:, None] + near
    return cells[places.clamp(0, len(cells) - 1)].flatten(1, 2)
