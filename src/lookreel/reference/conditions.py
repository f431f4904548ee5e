"""What the denoiser reads, computed once for each film: keys and values of the photos, their weights, poses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lookreel.diffusion.windows import rows
from lookreel.nets.attention import Answer, KeyValue
from lookreel.photos import OpenedPhoto, fit_frames, fit_keypoints
from lookreel.poses.draw import draw
from lookreel.poses.motions import Motion

if TYPE_CHECKING:
    from lookreel.reference.system import ReferenceModel, ReferenceSystem

POSES_FOR_A_PICTURE = 4  # that many poses take less memory than one picture in the VAE


@dataclass(frozen=True)
class Seen:
    """What the encoders made of photos and poses.

    latents (R, 4, h, w), embeddings (1, R, D) and features, block name -> (1, R, L, C), of the photos;
    m: (1, F, R, h, w), weights of the photos by frame and location; pose: (F, C0, h, w).
    """

    latents: Tensor
    embeddings: Tensor
    features: dict[str, Tensor]
    m: Tensor
    pose: Tensor


@dataclass(frozen=True)
class Conditions:
    """What stays the same while a film is sampled; m, semantic and pose grow with its length, the rest does not.

    memory: block name -> keys and values of the photos side by side, (1, R, L, 2C). m: (1, F, R, h, w).
    semantic: block name -> what the cross-attention settles of the photos' embeddings, F rows. nothing: the same for a
    zero embedding, one row. pose: (F, C0, h, w).
    """

    memory: dict[str, Tensor]
    m: Tensor
    semantic: dict[str, Answer | KeyValue]
    nothing: dict[str, Answer | KeyValue]
    pose: Tensor

    def of(self, window: range, device: torch.device) -> tuple[Tensor, dict[str, Answer | KeyValue], Tensor]:
        """m, semantic and pose of the window's frames; a window may run past the last frame, to the first ones."""
        place = rows(window, self.m.shape[1])
        semantic = {name: type(given)(*(part[place] for part in given)) for name, given in self.semantic.items()}
        return self.m[:, place], semantic, self.pose[place].to(device)


def see(system: ReferenceSystem, pixels: Tensor, references: list[OpenedPhoto], driving: Motion, poses: Tensor) -> Seen:
    """The encoders' part. pixels: (R, 3, H, W) in [-1, 1], of the references. poses: the motion's `pose_pictures`."""
    model, plan, device = system.model, system.plan, pixels.device
    embeddings = system.image_encoder.encode(pixels)[None]
    latents = system.codec.encode(pixels, plan.pictures_at_once)
    features = model.reference_encoder(latents[None], embeddings)
    pose = [
        model.pose_guider(unit(part, device)).to("cpu" if plan.offload else device, plan.dtype)
        for part in poses.split(POSES_FOR_A_PICTURE * plan.pictures_at_once)
    ]
    m = system.weights(references, driving, poses).to(device)
    return Seen(latents, embeddings, features, m, torch.cat(pose))


def settle(model: ReferenceModel, seen: Seen) -> Conditions:
    """The denoiser's part: what it makes of photos and embeddings, whatever the latents and the timestep."""
    unet = model.denoiser.unet
    semantic = unet.settle(model.semantic(seen.embeddings, seen.m))
    nothing = unet.settle(torch.zeros_like(seen.embeddings[:, :1]))
    return Conditions(unet.keys_values(seen.features), seen.m, semantic, nothing, seen.pose)


def pose_pictures(motion: Motion, size: tuple[int, int]) -> Tensor:
    """The motion as pictures, uint8 (F, 3, H, W): its own where it is a drawn video, else drawn here."""
    if motion.pictures is not None:
        return torch.from_numpy(fit_frames(motion.pictures, size).copy())
    return torch.from_numpy(draw(fit_keypoints(motion.track.keypoints, motion.track.size, size), size))


def unit(pictures: Tensor, device: torch.device) -> Tensor:
    """uint8 -> float in [0, 1], on the device."""
    return pictures.to(device).float() / 255
