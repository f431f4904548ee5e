"""What tells whether the selector selects: figures on held-out mannequins. The loss does not show it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from lookreel.data import mannequin
from lookreel.diffusion.objective import v_loss
from lookreel.poses.draw import drawn
from lookreel.poses.skeleton import L_HIP, L_SHOULDER, R_HIP, R_SHOULDER
from lookreel.profashion.model import ProFashion

if TYPE_CHECKING:
    from lookreel.profashion.system import ProFashionSystem


@dataclass(frozen=True)
class Selection:
    """Figures of the weights m over N targets near front or back, with photos of front, back and side."""

    sel_acc: float
    """Share of targets whose nearest photo in yaw has the largest mean weight."""
    w_near: float
    """Mean weight of the nearest photo."""
    pose_std: float
    """Deviation of m over targets with the same photos: near 0 the selector is blind to the pose."""
    entropy: float
    """Mean entropy of m over log R: 1 is uniform."""


@torch.no_grad()
def selection(model: ProFashion, seeds: range, targets: int = 4, box: str = "torso") -> Selection:
    """Probe the selector on the mannequins of `seeds`, photos in shuffled order, targets within 40 degrees of
    front or back. box: where m is averaged: "torso" (the shoulder-hip box of the target) or "all"."""
    shares, right, entropies, spreads = [], [], [], []
    for seed in seeds:
        m, near, torso = _one(model, seed, targets)
        mean = _mean(m, torso if box == "torso" else torch.ones_like(torso))  # (F, R)
        shares.append(mean[torch.arange(targets), near])
        right.append(mean.argmax(1) == near)
        entropies.append(-(m.clamp(min=1e-9).log() * m).sum(1).mean() / math.log(m.shape[1]))
        spreads.append(m.std(0).mean())
    return Selection(
        sel_acc=torch.cat(right).float().mean().item(),
        w_near=torch.cat(shares).mean().item(),
        pose_std=torch.stack(spreads).mean().item(),
        entropy=torch.stack(entropies).mean().item(),
    )


def _one(model: ProFashion, seed: int, targets: int) -> tuple[Tensor, Tensor, Tensor]:
    """m (F, R, h, w), the number of the nearest photo (F,), the torso box on m's grid (F, h, w)."""
    rng = np.random.default_rng([seed, 2])
    size, device = model.config.size, next(model.parameters()).device
    order = rng.permutation(3)
    photo_yaws = np.array([0.0, math.pi, math.pi / 2])[order]
    yaws = rng.choice([0.0, math.pi], targets) + rng.uniform(-1, 1, targets) * math.radians(40)
    photos = mannequin.frames_at(seed, photo_yaws.tolist(), size).track
    film = mannequin.frames_at(seed, yaws.tolist(), size).track
    poses, references = (drawn(track.keypoints, size).to(device)[None] for track in (film, photos))
    m = model.weights(poses, references)[0].float().cpu()
    apart = np.abs(np.angle(np.exp(1j * (yaws[:, None] - photo_yaws[None]))))
    near = torch.from_numpy(apart.argmin(1))
    return m, near, torso_box(film.keypoints, size, tuple(m.shape[-2:]))


def torso_box(keypoints: np.ndarray, size: tuple[int, int], grid: tuple[int, int]) -> Tensor:
    """Cells of `grid` within the box of shoulders and hips, float (F, h, w); keypoints in pixels of `size`."""
    corners = keypoints[:, [R_SHOULDER, L_SHOULDER, R_HIP, L_HIP], :2]
    low, high = corners.min(1), corners.max(1)  # (F, 2)
    y, x = np.meshgrid(*[(np.arange(n) + 0.5) / n * side for n, side in zip(grid, size, strict=True)], indexing="ij")
    reach = np.array([size[1] / grid[1], size[0] / grid[0]]) / 2
    low, high = low - reach, high + reach
    inside = (
        (x >= low[:, 0, None, None])
        & (x <= high[:, 0, None, None])
        & (y >= low[:, 1, None, None])
        & (y <= high[:, 1, None, None])
    )
    return torch.from_numpy(inside).float()


def _mean(m: Tensor, box: Tensor) -> Tensor:
    """Mean of m (F, R, h, w) over the box (F, h, w)."""
    return (m * box[:, None]).sum((2, 3)) / box.sum((1, 2)).clamp(min=1)[:, None]


@torch.no_grad()
def gain(system: ProFashionSystem, seeds: range, targets: int = 4) -> float:
    """What m is worth: the denoising loss with uniform weights minus the loss with m, same noise, t >= 600.

    Over `targets` poses of each mannequin of `seeds`, with photos of front, back and side.
    """
    model, losses = system.model, {"m": [], "uniform": []}
    for seed in seeds:
        photos = mannequin.frames_at(seed, [0.0, math.pi, math.pi / 2], system.size)
        film = mannequin.clip(seed, "turn", targets, system.size)
        pixels, truth = ((f.to(system.device).float() / 127.5 - 1) for f in (photos.frames, film.frames))
        z_r, x_r, x0 = (
            system.codec.encode(pixels)[None],
            system.image_encoder.encode(pixels)[None],
            system.codec.encode(truth),
        )
        poses, references = (drawn(c.track.keypoints, system.size).to(system.device) for c in (film, photos))
        m, features = model.weights(poses[None], references[None]), model.reference_encoder(z_r, x_r)
        generator = torch.Generator().manual_seed(seed)
        noise = torch.randn(x0.shape, generator=generator).to(x0)
        t = torch.randint(600, 1000, (targets,), generator=generator).to(system.device)
        z, pose = model.schedule.add_noise(x0, noise, t), model.pose_guider(poses)
        for name, weights in (("m", m), ("uniform", torch.full_like(m, 1 / m.shape[2]))):
            v = model.denoiser.image(z, t, model.semantic(x_r, weights), model.prototypes(features, weights), pose)
            losses[name].append(v_loss(v, model.schedule.velocity(x0, noise, t), t, model.schedule).item())
    return float(np.mean(losses["uniform"]) - np.mean(losses["m"]))
