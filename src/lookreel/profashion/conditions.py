"""What the denoiser reads, computed once for each film: reference features, weights, semantic and pose features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lookreel.photos import OpenedPhoto, fit_frames, fit_keypoints
from lookreel.poses.draw import drawn
from lookreel.poses.motions import Motion

if TYPE_CHECKING:
    from lookreel.profashion.system import ProFashionSystem

POSES_AT_ONCE = 32  # bounds the memory of the pose encoder for long films


@dataclass(frozen=True)
class Conditions:
    """What stays the same while a film is sampled; m, semantic and pose grow with its length, the rest does not.

    latents: (R, 4, h, w) of the photos. features: block name -> (1, R, L, C).
    m: (1, F, R, h, w), weights of the photos by frame and location. semantic: (F, M, D), Eq. 9. pose: (F, C0, h, w).
    """

    latents: Tensor
    features: dict[str, Tensor]
    m: Tensor
    semantic: Tensor
    pose: Tensor


def read(system: ProFashionSystem, pixels: Tensor, references: list[OpenedPhoto], poses: Tensor) -> Conditions:
    """pixels (R, 3, H, W) in [-1, 1], poses (F, 3, H, W) in [0, 1] -> all that does not change while sampling."""
    model = system.model
    embeddings = system.image_encoder.encode(pixels)[None]
    latents = system.codec.encode(pixels)
    features = model.reference_encoder(latents[None], embeddings)
    reference_poses = torch.cat([_drawn_pose(photo, system.size) for photo in references]).to(pixels.device)
    m, pose = [], []
    for part in poses.split(POSES_AT_ONCE):
        part = part.to(pixels.device)
        m.append(model.weights(part[None], reference_poses[None]))
        pose.append(model.pose_guider(part))
    weights = torch.cat(m, dim=1)
    return Conditions(latents, features, weights, model.semantic(embeddings, weights), torch.cat(pose))


def pose_pictures(motion: Motion, size: tuple[int, int]) -> Tensor:
    """The motion as pictures, float (F, 3, H, W) in [0, 1]: its own where it is a drawn video, else drawn here."""
    if motion.pictures is not None:
        return torch.from_numpy(fit_frames(motion.pictures, size).copy()).float() / 255
    return drawn(fit_keypoints(motion.track.keypoints, motion.track.size, size), size)


def _drawn_pose(photo: OpenedPhoto, size: tuple[int, int]) -> Tensor:
    """The photo's pose as a picture (1, 3, H, W); black where none is known, which only a single photo may be."""
    if photo.keypoints is None:
        return torch.zeros(1, 3, *size)
    return drawn(photo.keypoints[None], size)
