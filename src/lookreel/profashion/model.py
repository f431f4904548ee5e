"""ProFashion's trainable networks and the two losses they are trained with (section 3.6, Eq. 13)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lookreel.diffusion.objective import v_loss
from lookreel.diffusion.schedule import Schedule
from lookreel.nets.pose_guider import PoseGuider
from lookreel.nets.reference import ReferenceEncoder
from lookreel.profashion.aggregators import AGGREGATORS
from lookreel.profashion.config import ProFashionConfig
from lookreel.profashion.denoiser import Denoiser
from lookreel.profashion.flow_attention import offset_loss
from lookreel.profashion.pose_encoder import PoseFeatures


@dataclass(frozen=True)
class Batch:
    """B garments with R references and F target frames each, and the noise to train with.

    Pictures of poses are float in [0, 1]; latents are scaled. `drop` marks the samples trained without conditions.
    delta and mask are the flow of a clip (`poses/flow.py`, `poses/surface_flow.py`), None for single pictures.
    """

    reference_latents: Tensor  # (B, R, 4, h, w)
    reference_embeddings: Tensor  # (B, R, D)
    reference_poses: Tensor  # (B, R, 3, H, W)
    latents: Tensor  # (B, F, 4, h, w)
    poses: Tensor  # (B, F, 3, H, W)
    noise: Tensor  # (B, F, 4, h, w)
    t: Tensor  # (B, F) int64
    drop: Tensor  # (B, F) bool
    delta: Tensor | None = None  # (B, F, 2, g, g')
    mask: Tensor | None = None  # (B, F, g, g') bool


class ProFashion(nn.Module):
    """Reference encoder, pose encoder, aggregator and denoiser, and the schedule that the denoiser was trained on."""

    def __init__(self, config: ProFashionConfig) -> None:
        super().__init__()
        self.config = config
        self.schedule = Schedule(kind=config.beta_schedule)
        self.reference_encoder = ReferenceEncoder(config.unet)
        self.pose_guider = PoseGuider(config.pose, config.unet.block_out_channels[0], config.vae_factor)
        self.pose_features = PoseFeatures(config.selector, config.selection_grid)
        self.aggregator = AGGREGATORS[config.aggregator](config.selector)
        self.denoiser = Denoiser(config)

    def weights(self, poses: Tensor, reference_poses: Tensor) -> Tensor:
        """m of Eq. 5-7 from drawn poses (B, F, 3, H, W) and (B, R, 3, H, W) in [0, 1]: (B, F, R, h, w) for PPA."""
        x_p, x_rp = (self.pose_features(p.flatten(0, 1)).unflatten(0, p.shape[:2]) for p in (poses, reference_poses))
        return self.aggregator.weights(x_p, x_rp)

    def prototypes(self, features: Mapping[str, Tensor], m: Tensor) -> dict[str, Tensor]:
        """Eq. 2 at every block: features name -> (B, R, L, C) mixed by m -> name -> (B*F, P, C)."""
        return {name: self.prototype(name, z, m) for name, z in features.items()}

    def prototype(self, name: str, z: Tensor, m: Tensor) -> Tensor:
        """Eq. 2 at one block: z (B, R, L, C) mixed by m -> (B*F, P, C)."""
        grid = self.config.unet.grid(name, self.config.latent_size)
        return self.aggregator.prototype(z, m, grid).flatten(0, 1)

    def semantic(self, x: Tensor, m: Tensor) -> Tensor:
        """Eq. 3: CLIP embeddings (B, R, D) -> tokens (B*F, M, D)."""
        return self.aggregator.semantic(x, m).flatten(0, 1)

    def grids(self) -> dict[str, tuple[int, int]]:
        """The grid (h, w) of every attention block."""
        unet, latents = self.config.unet, self.config.latent_size
        return {name: unet.grid(name, latents) for name in self.denoiser.unet.attention_names()}

    def flow_grids(self) -> list[tuple[int, int]]:
        """The grid (h, w) of every flow site."""
        return [self.config.unet.grid(site, self.config.latent_size) for site in self.config.flow_sites]


class PictureStage(nn.Module):
    """Stage 1: single target frames, no motion layers; everything but VAE and CLIP learns."""

    def __init__(self, model: ProFashion) -> None:
        super().__init__()
        self.model = model
        self.model.requires_grad_(True)
        self.model.denoiser.motion.requires_grad_(False)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """{"loss": L_d}."""
        model = self.model
        m = model.weights(batch.poses, batch.reference_poses)
        features = model.reference_encoder(batch.reference_latents, batch.reference_embeddings)
        z_R, x_R = model.prototypes(features, m), model.semantic(batch.reference_embeddings, m)
        pose = model.pose_guider(batch.poses.flatten(0, 1))
        x0, noise, t, drop = (part.flatten(0, 1) for part in (batch.latents, batch.noise, batch.t, batch.drop))
        z = model.schedule.add_noise(x0, noise, t)
        v = torch.zeros_like(z)
        for rows, told in ((~drop, True), (drop, False)):
            if rows.any():
                read = {name: tokens[rows] for name, tokens in z_R.items()} if told else {}
                semantic = x_R[rows] if told else torch.zeros_like(x_R[rows])
                v[rows] = model.denoiser.image(z[rows], t[rows], semantic, read, pose[rows]).to(v.dtype)
        return {"loss": v_loss(v, model.schedule.velocity(x0, noise, t), t, model.schedule)}


class ClipStage(nn.Module):
    """Stage 2: clips; only the motion layers learn, with the offset loss weighted by offset_weight (lambda, Eq. 13)."""

    def __init__(self, model: ProFashion, offset_weight: float = 1.0) -> None:
        super().__init__()
        self.model, self.offset_weight = model, offset_weight
        self.model.requires_grad_(False)
        self.model.denoiser.motion.requires_grad_(True)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """{"loss": L_d + lambda L_o, "denoising": L_d, "offset": L_o}; a clip is dropped as a whole."""
        with torch.no_grad():
            m = self.model.weights(batch.poses, batch.reference_poses)
            features = self.model.reference_encoder(batch.reference_latents, batch.reference_embeddings)
        clips = [self._clip(batch, features, m, i) for i in range(len(batch.latents))]
        denoising, offset = (torch.stack(parts).mean() for parts in zip(*clips, strict=True))
        return {"loss": denoising + self.offset_weight * offset, "denoising": denoising, "offset": offset}

    def _clip(self, batch: Batch, features: Mapping[str, Tensor], m: Tensor, i: int) -> tuple[Tensor, Tensor]:
        """L_d and L_o of clip i. One clip at a time, since dropped clips read other keys than the rest."""
        model, told = self.model, not bool(batch.drop[i].any())
        x0, noise, t = batch.latents[i], batch.noise[i], batch.t[i]
        with torch.no_grad():
            here = {name: z[i : i + 1] for name, z in features.items()}
            z_R = model.prototypes(here, m[i : i + 1]) if told else {}
            x_R = model.semantic(batch.reference_embeddings[i : i + 1], m[i : i + 1])
            pose = model.pose_guider(batch.poses[i])
        x_R = x_R if told else torch.zeros_like(x_R)
        v, offsets = model.denoiser.video(model.schedule.add_noise(x0, noise, t), t, x_R, z_R, pose, len(x0))
        loss = v_loss(v, model.schedule.velocity(x0, noise, t), t, model.schedule)
        if batch.delta is None or batch.mask is None:
            return loss, loss.new_zeros(())
        return loss, offset_loss(offsets, batch.delta[i], batch.mask[i])
