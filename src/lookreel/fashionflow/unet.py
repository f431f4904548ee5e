"""FashionFlow's space-time U-Net (section 4.2): pseudo-3D blocks, cross-attention after each, attention innermost.

A level is a timed residual block and `depth` further ones: six pseudo-3D convolutions at depth 2; the middle has four.
Parameter names and shapes are the published checkpoint's, which loads strictly.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from lookreel.fashionflow.attention import SpatioTemporalAttention
from lookreel.fashionflow.blocks import Downsample, ResnetBlock, Sinusoids, Upsample
from lookreel.fashionflow.config import NetConfig
from lookreel.fashionflow.cross_attention import CrossAttention
from lookreel.fashionflow.pseudo3d import CONVOLUTIONS

SKIP_SCALE = 2**-0.5  # skip connections are scaled as Make-A-Video's U-Net and Imagen scale them


class DownLevel(nn.ModuleList):
    """Residual blocks, attention where the level has it, downsampling, cross-attention: published as "0" to "4"."""

    def forward(self, x: Tensor, time: Tensor, context: Tensor) -> tuple[Tensor, list[Tensor]]:
        """x (B, C, F, h, w) -> x of the next level, and the two skip connections of this one."""
        first, further, attention, down, cross = self
        x = first(x, time)
        skips = [x]
        for resnet in further.children():
            x = resnet(x)
        x = x if attention is None else attention(x)
        return cross(down(x), context), [*skips, x]


class UpLevel(nn.ModuleList):
    """Upsampling, residual blocks with the skips, attention, cross-attention: published as "3", "0", "1", "2", "4"."""

    def forward(self, x: Tensor, time: Tensor, context: Tensor, skips: list[Tensor]) -> Tensor:
        first, further, attention, up, cross = self
        early, late = skips
        x = first(torch.cat([late * SKIP_SCALE, up(x)], dim=1), time)
        x = torch.cat([early * SKIP_SCALE, x], dim=1)
        for resnet in further.children():
            x = resnet(x)
        return cross(x if attention is None else attention(x), context)


class SpaceTimeUNet(nn.Module):
    """Films in, the prediction of eps (or v) for every frame out."""

    def __init__(self, config: NetConfig) -> None:
        super().__init__()
        self.config, self.checkpointing = config, False
        conv, inner = CONVOLUTIONS[config.convolution], config.widths[-1]
        self.to_timestep_cond = nn.Sequential(
            Sinusoids(config.widths[0]), nn.Linear(config.widths[0], config.time_width), nn.SiLU()
        )
        self.conv_in = conv(config.in_channels, config.widths[0], 7)
        levels = range(len(config.widths))
        self.downs = nn.ModuleList(_down(config, level) for level in levels)
        self.ups = nn.ModuleList(_up(config, level) for level in levels)
        self.mid_block1 = ResnetBlock(inner, inner, config, timed=True)
        self.mid_attn = _attention(inner, config)
        self.mid_block2 = ResnetBlock(inner, inner, config, timed=True)
        self.conv_out = conv(config.widths[0], config.out_channels)

    def forward(self, x: Tensor, t: Tensor, context: Tensor) -> Tensor:
        """x (B, C, F, h, w), t (B,) in 0..999, context (B, M, D): the photo's tokens -> (B, C', F, h, w).

        F must be a multiple of `config.frame_multiple`, h and w of `config.cell_multiple`.
        """
        time = self.to_timestep_cond[1:](self.to_timestep_cond[0](t).to(self.to_timestep_cond[1].weight.dtype))
        x = self.conv_in(x.contiguous(memory_format=torch.channels_last_3d))
        skips = []
        for level in self.downs:
            x, kept = self._call(level, x, time, context)
            skips.append(kept)
        x = self.mid_block1(x, time)
        x = self.mid_block2(self.mid_attn(x), time)
        for level, kept in zip(reversed(self.ups), reversed(skips), strict=True):
            x = self._call(level, x, time, context, kept)
        return self.conv_out(x)

    def _call(self, level: nn.Module, *arguments: Any) -> Any:
        """A level, whose activations are computed again in the backward pass where `checkpointing` is set."""
        if self.checkpointing and torch.is_grad_enabled():
            return checkpoint(level, *arguments, use_reentrant=False)
        return level(*arguments)


def _down(config: NetConfig, level: int) -> DownLevel:
    before, width = config.widths[max(level - 1, 0)], config.widths[level]
    return DownLevel(
        [
            ResnetBlock(before, width, config, timed=True),
            nn.ModuleList(ResnetBlock(width, width, config, timed=False) for _ in range(config.depth)),
            _attention(width, config) if config.attends[level] else None,
            Downsample(width, config.halves_time[level]),
            CrossAttention(width, config.context_width, config.down_heads[level]),
        ]
    )


def _up(config: NetConfig, level: int) -> UpLevel:
    after, width = config.widths[max(level - 1, 0)], config.widths[level]
    inputs = [after + width] + [after] * (config.depth - 1)
    return UpLevel(
        [
            ResnetBlock(2 * width, after, config, timed=True),
            nn.ModuleList(ResnetBlock(c_in, after, config, timed=False) for c_in in inputs),
            _attention(after, config) if config.attends[level] else None,
            Upsample(width, config.halves_time[level]),
            CrossAttention(after, config.context_width, config.up_heads[level]),
        ]
    )


def _attention(width: int, config: NetConfig) -> nn.Module:
    over = config.attention
    if over == "none":
        return nn.Identity()
    spatial, temporal = over in ("both", "spatial"), over in ("both", "temporal")
    return SpatioTemporalAttention(width, config.heads, config.head_width, spatial, temporal)
