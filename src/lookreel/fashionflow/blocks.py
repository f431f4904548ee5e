"""The convolutional parts of FashionFlow's U-Net: residual block, resampling in space and time, time embedding.

Films are (B, C, F, h, w). Parameter names are the published network's.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lookreel.fashionflow.config import NetConfig
from lookreel.fashionflow.pseudo3d import CONVOLUTIONS, each_frame


class Sinusoids(nn.Module):
    """Sines, then cosines of the timestep: (B,) -> (B, width) float32. The slowest turns 10,000 times slower."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, t: Tensor) -> Tensor:
        half = self.width // 2
        rates = torch.exp(-math.log(10000) / (half - 1) * torch.arange(half, dtype=torch.float32, device=t.device))
        angles = t.float()[:, None] * rates
        return torch.cat([angles.sin(), angles.cos()], dim=1)


class FrameNorm(nn.GroupNorm):
    """GroupNorm whose statistics are each frame's own."""

    def forward(self, x: Tensor) -> Tensor:
        return each_frame(super().forward, x)


class Block(nn.Module):
    """Convolution, GroupNorm (over all frames together), scale and shift by the timestep, SiLU."""

    def __init__(self, c_in: int, c_out: int, config: NetConfig) -> None:
        super().__init__()
        self.project = CONVOLUTIONS[config.convolution](c_in, c_out)
        self.norm = (nn.GroupNorm if config.norm_over_frames else FrameNorm)(config.groups, c_out)

    def forward(self, x: Tensor, scale_shift: Tensor | None = None) -> Tensor:
        z = self.norm(self.project(x))
        if scale_shift is not None:
            scale, shift = scale_shift[:, :, None, None, None].chunk(2, dim=1)
            z = z * (scale + 1) + shift
        return F.silu(z)


class ResnetBlock(nn.Module):
    """Two blocks and a shortcut. timed: whether the timestep scales and shifts the first of them."""

    def __init__(self, c_in: int, c_out: int, config: NetConfig, timed: bool) -> None:
        super().__init__()
        self.timestep_mlp = nn.Sequential(nn.SiLU(), nn.Linear(config.time_width, 2 * c_out)) if timed else None
        self.block1 = Block(c_in, c_out, config)
        self.block2 = Block(c_out, c_out, config)
        self.res_conv = CONVOLUTIONS[config.convolution](c_in, c_out, 1) if c_in != c_out else nn.Identity()

    def forward(self, x: Tensor, time: Tensor | None = None) -> Tensor:
        """x (B, c_in, F, h, w), time (B, T) where the block is timed -> (B, c_out, F, h, w)."""
        z = self.block1(x, None if self.timestep_mlp is None else self.timestep_mlp(time))
        return self.block2(z) + self.res_conv(x)


class Downsample(nn.Module):
    """A quarter of the cells: each 2x2 cells are mixed into one; halved: each two frames too (temporal compression)."""

    def __init__(self, width: int, halved: bool) -> None:
        super().__init__()
        self.down_space = nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(4 * width, width, 1, bias=False))
        if halved:
            self.down_time = nn.Sequential(FramesToChannels(), nn.Conv3d(2 * width, width, 1, bias=False))
        self.halved = halved

    def forward(self, x: Tensor) -> Tensor:
        x = each_frame(self.down_space, x)
        return self.down_time(x) if self.halved else x


class Upsample(nn.Module):
    """The way back: one cell to 2x2, and one frame to two where the level below halved them.

    It begins by repeating: all parts of a cell or of a frame start with the same weights.
    """

    def __init__(self, width: int, doubled: bool) -> None:
        super().__init__()
        self.up_space = nn.Sequential(nn.Conv2d(width, 4 * width, 1), nn.PixelShuffle(2))
        _repeated(self.up_space[0], 4)
        if doubled:
            self.up_time = nn.Sequential(nn.Conv3d(width, 2 * width, 1), ChannelsToFrames())
            _repeated(self.up_time[0], 2)
        self.doubled = doubled

    def forward(self, x: Tensor) -> Tensor:
        x = each_frame(self.up_space, x)
        return self.up_time(x) if self.doubled else x


class FramesToChannels(nn.Module):
    """(B, C, 2 F, h, w) -> (B, 2 C, F, h, w): channel c of the pair's frame p becomes channel 2 c + p."""

    def forward(self, x: Tensor) -> Tensor:
        return x.unflatten(2, (-1, 2)).transpose(2, 3).flatten(1, 2)


class ChannelsToFrames(nn.Module):
    """The inverse: (B, 2 C, F, h, w) -> (B, C, 2 F, h, w)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.unflatten(1, (-1, 2)).transpose(2, 3).flatten(2, 3)


@torch.no_grad()
def _repeated(conv: nn.Conv2d | nn.Conv3d, parts: int) -> None:
    """Kaiming weights for every `parts`-th output, repeated for the others; no bias."""
    start = torch.empty(len(conv.weight) // parts, *conv.weight.shape[1:], device=conv.weight.device)
    nn.init.kaiming_uniform_(start)
    conv.weight.copy_(start.repeat_interleave(parts, dim=0))
    nn.init.zeros_(conv.bias)
