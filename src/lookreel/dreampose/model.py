"""DreamPose's trainable networks and their loss (sections 4.2 and 4.3).

A U-Net whose first convolution also reads five poses, and the adapter that mixes CLIP's tokens with the VAE's. At the
start neither pose nor VAE changes anything: the network is the one it was made from.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from lookreel.diffusion.objective import eps_loss, v_loss
from lookreel.diffusion.schedule import Schedule
from lookreel.dreampose.conditions import Photo
from lookreel.dreampose.config import LATENT, DreamPoseConfig
from lookreel.encoders.adapter import Adapter
from lookreel.errors import InputError
from lookreel.nets.levels import Context
from lookreel.nets.unet import UNet

FIRST = "conv_in.weight"


class DreamPose(nn.Module):
    """The U-Net and the adapter, with fresh weights."""

    def __init__(self, config: DreamPoseConfig) -> None:
        super().__init__()
        self.config = config
        self.schedule = Schedule(kind=config.beta_schedule, zero_snr=config.zero_snr)
        self.unet = UNet(config.unet)
        nn.init.zeros_(self.unet.conv_in.weight[:, LATENT:])
        self.adapter = Adapter(config.photo_tokens, config.unet.cross_attention_dim, config.latent_size)

    def context(self, photo: Photo) -> Tensor:
        """What cross-attention reads of photos (Eq. 3): (B, L, D)."""
        return self.adapter(photo.tokens, photo.latent) if self.config.vae_tokens else photo.tokens

    def forward(self, x: Tensor, t: Tensor, context: Context, poses: Tensor) -> Tensor:
        """eps or v (B, 4, h, w) of noisy latents x of that shape at t (B,); poses (B, 2 * poses, h, w) in [-1, 1].

        context: (B, L, D), or what the U-Net's `settle` made of it.
        """
        return self.resumable(x, t, context, poses)[0]

    def resumable(
        self, x: Tensor, t: Tensor, context: Context, poses: Tensor, deep: Tensor | None = None, shallow: int = 1
    ) -> tuple[Tensor, Tensor]:
        """`forward`, and the deep features of `UNet.resumable`; deep and shallow as there."""
        return self.unet.resumable(torch.cat([x, poses], dim=1), t, context, deep=deep, shallow=shallow)


def from_base(config: DreamPoseConfig, base: UNet) -> DreamPose:
    """DreamPose that begins as Stable Diffusion's U-Net, and so predicts what that predicts, whatever the poses.

    Raises InputError where its levels are not the config's.
    """
    wanted = replace(config.unet, in_channels=LATENT)
    if base.config != wanted:
        raise InputError(f"unet: levels of {base.config.block_out_channels} channels; expected {wanted}")
    model = DreamPose(config)
    model.unet.load_state_dict(widened(base.state_dict(), config.unet.in_channels))
    return model


def widened(state: dict[str, Tensor], channels: int) -> dict[str, Tensor]:
    """A U-Net's tensors with a first convolution of so many input channels; the new ones are zero, the bias stays."""
    first = state[FIRST]
    wide = first.new_zeros(len(first), channels, *first.shape[2:])
    wide[:, : first.shape[1]] = first
    return state | {FIRST: wide}


@dataclass(frozen=True)
class Batch:
    """B pairs of a photo and a frame to make of it, and the noise to train with.

    photo: B photos. null: the photo that says nothing, (1, ...). no_image, no_pose: what each sample does not see.
    """

    latents: Tensor  # (B, 4, h, w), of the frame
    noise: Tensor  # (B, 4, h, w)
    t: Tensor  # (B,) int64
    poses: Tensor  # (B, 2 * poses, h, w) in [-1, 1]
    photo: Photo
    null: Photo
    no_image: Tensor  # (B,) bool
    no_pose: Tensor  # (B,) bool

    def seen(self) -> tuple[Photo, Tensor]:
        """Photos and poses with the dropped ones replaced: by the null photo, by zeros."""
        given = zip((self.photo.tokens, self.photo.latent), (self.null.tokens, self.null.latent), strict=True)
        kept = [torch.where(_like(self.no_image, own), null.to(own), own) for own, null in given]
        return Photo(*kept), self.poses.masked_fill(_like(self.no_pose, self.poses), 0.0)


class PictureStage(nn.Module):
    """The training of both phases (Eq. 1): the error of what is predicted, with photos and poses dropped."""

    def __init__(self, model: DreamPose) -> None:
        super().__init__()
        self.model = model.requires_grad_(True)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """{"loss": mean over the samples}."""
        model = self.model
        photo, poses = batch.seen()
        x = model.schedule.add_noise(batch.latents, batch.noise, batch.t)
        predicted = model(x, batch.t, model.context(photo), poses)
        if model.config.prediction == "eps":
            return {"loss": eps_loss(predicted, batch.noise, batch.t, model.schedule)}
        target = model.schedule.velocity(batch.latents, batch.noise, batch.t)
        return {"loss": v_loss(predicted, target, batch.t, model.schedule)}


def _like(mask: Tensor, value: Tensor) -> Tensor:
    """A mask (B,) with as many axes as the value has."""
    return mask.reshape(-1, *(1,) * (value.ndim - 1))
