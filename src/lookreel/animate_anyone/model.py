"""Animate Anyone's networks (Hu et al. 2023, arXiv 2311.17117), in the layout of the open implementation.

ReferenceNet (section 3.2.1): a U-Net whose normed attention inputs are the photo's tokens. Pose guider (3.2.2). The
denoising U-Net reads the photo's tokens beside its own in every spatial self-attention, CLIP's embedding in the
cross-attention, and has a temporal layer (3.2.3, AnimateDiff's) after every site.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from lookreel.animate_anyone.config import AnimateAnyoneConfig
from lookreel.animate_anyone.references import references
from lookreel.diffusion.schedule import Schedule
from lookreel.nets.levels import Between, Context, Prototypes
from lookreel.nets.pose_guider import PoseGuider
from lookreel.nets.reference import ReferenceEncoder
from lookreel.nets.temporal import TemporalLayers, key
from lookreel.nets.unet import UNet


class Denoiser(nn.Module):
    """SD1.5's U-Net with a temporal layer after each site.

    z: (N, 4, h, w) noisy latents; t: (N,) int64; context: (N, M, D) semantic tokens, or what `unet.settle` made of
    them; photos: block name -> tokens (N, P, C) or their keys and values, empty for the unconditional half;
    pose: (N, C0, h, w) features of the driving poses.
    """

    def __init__(self, config: AnimateAnyoneConfig) -> None:
        super().__init__()
        self.checkpointing = False
        self.unet = UNet(config.unet)
        groups = config.unet.norm_num_groups
        self.temporal = TemporalLayers(self.unet.site_names(), config.motion_heads, groups, config.max_frames)

    def image(self, z: Tensor, t: Tensor, context: Context, photos: Prototypes, pose: Tensor) -> Tensor:
        """v of N unrelated pictures: no temporal layers (stage 1)."""
        return self.unet(z, t, context, photos, pose)

    def video(self, z: Tensor, t: Tensor, context: Context, photos: Prototypes, pose: Tensor, frames: int) -> Tensor:
        """v of N = B*F frames, clips of F frames one after the other."""
        return self.unet(z, t, context, photos, pose, self._between(frames))

    def step(
        self,
        z: Tensor,
        t: Tensor,
        context: Context,
        photos: Prototypes,
        pose: Tensor,
        frames: int,
        deep: Tensor | None = None,
        shallow: int = 1,
    ) -> tuple[Tensor, Tensor]:
        """`video` for a sampler: v, and the deep features that a later step may be given (`UNet.resumable`)."""
        between = self._between(frames)
        return self.unet.resumable(z, t, context, photos, pose, between, deep=deep, shallow=shallow)

    def _between(self, frames: int) -> Between:
        def between(site: str, x: Tensor) -> Tensor:
            layer = self.temporal[key(site)]
            if self.checkpointing and torch.is_grad_enabled():
                return checkpoint(layer, x, frames, use_reentrant=False)
            return layer(x, frames)

        return between

    def set_at_once(self, pictures: int | None) -> None:
        """Let the layers work on so many pictures at a time, or as many cells: the same result in less memory."""
        self.unet.set_at_once(pictures)
        for module in self.temporal.values():
            module.temporal_transformer.at_once = pictures


class AnimateAnyone(nn.Module):
    """Reference encoder, pose guider and denoiser, and the schedule that is sampled."""

    def __init__(self, config: AnimateAnyoneConfig) -> None:
        super().__init__()
        self.config = config
        self.schedule = Schedule(kind=config.beta_schedule)
        self.references = references(config)
        self.reference_encoder = ReferenceEncoder(config.unet)
        self.pose_guider = PoseGuider(config.pose, config.unet.block_out_channels[0], config.vae_factor)
        self.denoiser = Denoiser(config)

    def prototype(self, name: str, z: Tensor, m: Tensor) -> Tensor:
        """What each frame reads of the photos at one block: z (B, R, L, C) -> (B*F, P, C)."""
        grid = self.config.unet.grid(name, self.config.latent_size)
        return self.references.prototype(z, m, grid).flatten(0, 1)

    def semantic(self, x: Tensor, m: Tensor) -> Tensor:
        """CLIP embeddings (B, R, D) -> tokens of each frame (B*F, M, D)."""
        return self.references.semantic(x, m).flatten(0, 1)
