"""The pose encoder E_pose (ProFashion, section 3.2): drawn poses -> features for the latents and for the selector.

The paper feeds one feature map to both. Here the selector has its own few convolutions, because a selector on the
features of the latent path starts blind (its last convolution is zero) and the colours of OpenPose drawings are hard
to tell apart for a convolution on RGB: limb i and limb i+1 lie on one edge of the colour cube. See docs/papers.md.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lookreel.poses.skeleton import COLORS
from lookreel.profashion.config import PoseConfig, SelectorConfig


class LimbSplit(nn.Module):
    """One soft map for each of the 18 OpenPose colours: exp(-|hue - c_k|^2 / 0.02) times ink. No parameters.

    Dividing by the brightest channel makes a limb (dimmed to 0.6) and its joint alike; ink is 0 on black and on the
    noise of a codec, 1 from a limb's brightness on.
    """

    def forward(self, picture: Tensor) -> Tensor:
        """picture (B, 3, H, W) in [0, 1] -> (B, 18, H, W) in [0, 1]."""
        # No buffer: a model is built on the meta device before its tensors are read, and this is none of them.
        colors = picture.new_tensor(COLORS) / 255
        brightest = picture.amax(1, keepdim=True)
        hue = picture / brightest.clamp(min=1e-3)
        ink = ((brightest - 0.1) / 0.5).clamp(0, 1)
        # |hue - c|^2 = |hue|^2 - 2 hue.c + |c|^2, channel by channel: an einsum would run in autocast's half precision,
        # which takes a limb's own map from 1 down to 0.84.
        cross = sum(hue[:, i : i + 1] * colors[:, i, None, None] for i in range(3))
        distance = hue.square().sum(1, keepdim=True) - 2 * cross + colors.square().sum(1)[:, None, None]
        return torch.exp(-distance.clamp(min=0) / 0.02) * ink


class PoseGuider(nn.Module):
    """ControlNet's condition encoder: convolutions with SiLU, then a zero convolution to the U-Net's first width."""

    def __init__(self, config: PoseConfig, out: int, vae_factor: int) -> None:
        super().__init__()
        stride = 1
        for block in config.blocks:
            stride *= block[2]
        self.split = nn.Sequential(LimbSplit(), nn.AvgPool2d(vae_factor // stride)) if config.split_limbs else None
        self.conv_in = nn.Conv2d(len(COLORS) if config.split_limbs else 3, config.first, 3, padding=1)
        self.blocks = nn.ModuleList(nn.Conv2d(a, b, 3, stride=s, padding=1) for a, b, s in config.blocks)
        self.conv_out = nn.Conv2d(config.blocks[-1][1], out, 3, padding=1)
        nn.init.zeros_(self.conv_out.weight)
        nn.init.zeros_(self.conv_out.bias)

    def forward(self, picture: Tensor) -> Tensor:
        """picture (B, 3, H, W) in [0, 1] -> features (B, out, h, w), added to the noise latent after conv_in."""
        x = picture if self.split is None else self.split(picture)
        x = F.silu(self.conv_in(x))
        for block in self.blocks:
            x = F.silu(block(x))
        return self.conv_out(x)


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
