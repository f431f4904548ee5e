"""Several films at once, as `ProFashionSystem.animate` makes each: for measuring hundreds of short films on a CPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lookreel.data.mannequin import Clip
from lookreel.diffusion.guidance import single
from lookreel.diffusion.sampler import SAMPLERS, initial_noise
from lookreel.poses.draw import drawn
from lookreel.poses.track import Track
from lookreel.profashion.system import ProFashionSystem

Network = Callable[[Tensor, int, bool], Tensor]


@dataclass(frozen=True)
class Order:
    """A film to make. photos: R pictures with their poses, of the system's size; motion: F poses of that size."""

    photos: Clip
    motion: Track
    seed: int


@dataclass(frozen=True)
class Made:
    """frames: uint8 (F, 3, H, W). shares: (F, R), each photo's mean weight in each frame."""

    frames: Tensor
    shares: Tensor


@torch.no_grad()
def films(system: ProFashionSystem, orders: Sequence[Order], steps: int, guidance: float) -> list[Made]:
    """The films of orders with equally many photos and equally many frames, at most one window long."""
    model, device = system.model, system.device
    pixels = torch.stack([order.photos.frames for order in orders]).to(device).float() / 127.5 - 1  # (B, R, 3, H, W)
    photo_poses, poses = (
        torch.stack([drawn(track.keypoints, system.size) for track in tracks]).to(device)
        for tracks in ([order.photos.track for order in orders], [order.motion for order in orders])
    )
    count, frames = poses.shape[:2]
    m = model.weights(poses, photo_poses)
    v_of = _network(system, pixels, m, model.pose_guider(poses.flatten(0, 1)), frames)

    def predict(z: Tensor, t: int) -> Tensor:
        told = v_of(z, t, True)
        return told if guidance == 1 else single(v_of(z, t, False), told, guidance)

    shape, scale = (frames, 4, *system.config.latent_size), system.config.noise_scale
    noise = torch.cat([initial_noise(shape, order.seed, scale) for order in orders]).to(device)
    latents = SAMPLERS[system.config.sampler](predict, noise, model.schedule, steps)
    pictures = system.codec.pictures(latents, 64).unflatten(0, (count, frames))
    return [Made(made, weights) for made, weights in zip(pictures, shares(m).cpu(), strict=True)]


def _network(system: ProFashionSystem, pixels: Tensor, m: Tensor, pose: Tensor, frames: int) -> Network:
    """v(z, t, told) of all films' frames, z (B*F, 4, h, w); prototypes and embeddings are mixed once."""
    model, flat = system.model, pixels.flatten(0, 1)
    latents, embeddings = (
        encode(flat).unflatten(0, pixels.shape[:2]) for encode in (system.codec.encode, system.image_encoder.encode)
    )
    z_R = model.prototypes(model.reference_encoder(latents, embeddings), m)  # Eq. 8
    x_R = model.semantic(embeddings, m)  # Eq. 9

    def v_of(z: Tensor, t: int, told: bool) -> Tensor:
        times = torch.full((len(z),), t, device=z.device)
        read, semantic = (z_R, x_R) if told else ({}, torch.zeros_like(x_R))
        return model.denoiser.video(z, times, semantic, read, pose, frames)[0]

    return v_of


def shares(m: Tensor) -> Tensor:
    """(B, F, R) of the weights (B, F, R, h, w), or of the attention maps (B, F, Q, R, h, w) of full attention."""
    return m.mean((3, 4)) if m.ndim == 5 else m.mean(2).sum((3, 4))
