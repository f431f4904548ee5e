"""The selector's pose features x_p (ProFashion, section 3.2).

The paper feeds one feature map to latents and selector (`nets/pose_guider.py`). Here the selector has its own few
convolutions, because a selector on the features of the latent path starts blind (its last convolution is zero) and the
colours of OpenPose drawings are hard to tell apart for a convolution on RGB: limb i and limb i+1 lie on one edge of
the colour cube. See docs/papers.md.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lookreel.nets.limb_split import LimbSplit
from lookreel.poses.skeleton import COLORS
from lookreel.profashion.config import SelectorConfig


class PoseFeatures(nn.Module):
    """Features x_p for the selector: limb maps pooled to the selection grid, three convolutions, global context."""

    def __init__(self, config: SelectorConfig, grid: tuple[int, int]) -> None:
        super().__init__()
        self.grid = grid
        self.split = LimbSplit() if config.split_limbs else nn.Identity()
        widths = (len(COLORS) if config.split_limbs else 3, config.width, config.width, config.width)
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in zip(widths, widths[1:], strict=False))
        self.context = nn.Linear(config.width, config.width) if config.context else None
        for conv in self.convs:
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
            nn.init.zeros_(conv.bias)

    def forward(self, picture: Tensor) -> Tensor:
        """picture (B, 3, H, W) in [0, 1] -> x_p (B, d, h, w) on the selection grid."""
        x = F.adaptive_avg_pool2d(self.split(picture), self.grid)
        x = F.silu(self.convs[0](x))
        x = F.silu(self.convs[1](x))
        pooled = x.mean((2, 3))
        x = self.convs[2](x)
        if self.context is not None:
            pooled = pooled * torch.rsqrt(pooled.square().mean(1, keepdim=True) + 1e-6)
            x = x + self.context(pooled)[:, :, None, None]
        return x
