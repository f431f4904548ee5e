"""The split CLIP-VAE adapter (DreamPose, section 4.1; FashionFlow, section 3.4): a photo's tokens for cross-attention.

CLIP says what the picture shows, the VAE's latent how it looks; the adapter mixes both into as many tokens as CLIP has.
Parameter names and shapes are the published ones: 986,558 parameters at 640x512 with CLIP ViT-B/32.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Adapter(nn.Module):
    """Each of the latent's channels becomes one token more; a linear map over the tokens mixes them.

    tokens, width: L and D of CLIP's tokens. latent_size, channels: (h, w), both even, and C of the VAE's latent.
    It begins by handing CLIP's tokens through: the VAE's tokens change nothing yet.
    """

    def __init__(self, tokens: int, width: int, latent_size: tuple[int, int], channels: int = 4) -> None:
        super().__init__()
        self.vae2clip = nn.Linear(latent_size[0] // 2 * (latent_size[1] // 2), width)
        self.linear1 = nn.Linear(tokens + channels, tokens)
        with torch.no_grad():
            self.linear1.weight.zero_()
            self.linear1.weight[:, :tokens].fill_diagonal_(1)
            self.linear1.bias.zero_()

    def forward(self, clip_tokens: Tensor, latent: Tensor) -> Tensor:
        """clip_tokens (B, L, D), latent (B, C, h, w) -> (B, L, D)."""
        cells = F.max_pool2d(latent, 2).flatten(2)  # (B, C, h*w/4)
        both = torch.cat([clip_tokens, self.vae2clip(cells)], dim=1)  # (B, L + C, D)
        return self.linear1(both.transpose(1, 2)).transpose(1, 2)
