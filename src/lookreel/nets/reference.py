"""The reference encoder: a U-Net whose attention features describe a photo.

ProFashion, section 3.3, Eq. 1; Animate Anyone's ReferenceNet (section 3.2 there).
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from lookreel.nets.unet import UNet
from lookreel.nets.unet_config import UNetConfig


class ReferenceEncoder(nn.Module):
    """SD1.5's U-Net without its output head, run once for each photo at timestep 0."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.unet = UNet(replace(config, out_channels=0))

    def forward(self, z: Tensor, x: Tensor) -> dict[str, Tensor]:
        """Eq. 1: z (B, R, 4, h, w) latents, x (B, R, D) CLIP embeddings -> block name -> tokens (B, R, h*w, C).

        The tokens are the normed inputs of the spatial self-attentions (as the open Animate Anyone keeps them), so
        that keys and values stay linear in the mix of references: K(sum m z) = sum m K(z).
        """
        flat = z.flatten(0, 1)
        timestep = torch.zeros(len(flat), dtype=torch.int64, device=z.device)
        features = self.unet.features(flat, timestep, x.flatten(0, 1)[:, None])
        return {name: tokens.unflatten(0, z.shape[:2]) for name, tokens in features.items()}
