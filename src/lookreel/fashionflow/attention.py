"""Spatio-temporal attention (FashionFlow, section 3.5, Fig. 2b): over the cells of each frame, then over the frames.

Parameter names are the published network's (a Make-A-Video U-Net), so that its checkpoint loads as it is.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class PositionBias(nn.Module):
    """A learned bias for each head and pair of positions, from how far they are apart (Swin v2, section 3.3).

    A small network reads the offset along each axis, in whole cells or frames.
    """

    def __init__(self, width: int, heads: int, axes: int) -> None:
        super().__init__()
        self.net = nn.ModuleList(
            [
                nn.Sequential(nn.Linear(axes, width), nn.SiLU()),
                nn.Sequential(nn.Linear(width, width), nn.SiLU()),
                nn.Linear(width, heads),
            ]
        )

    def forward(self, *sides: int) -> Tensor:
        """The bias (heads, N, N) of a grid with these sides, N their product, the last axis fastest."""
        device = self.net[2].weight.device
        ranges = [torch.arange(1 - side, side, device=device) for side in sides]
        bias = torch.cartesian_prod(*ranges).view(-1, len(sides)).to(self.net[2].weight.dtype)
        for layer in self.net:
            bias = layer(bias)
        return bias[_offsets(sides, device)].permute(2, 0, 1)


def _offsets(sides: tuple[int, ...], device: torch.device) -> Tensor:
    """For each pair of positions the number of their offset among all offsets, int64 (N, N)."""
    place = torch.cartesian_prod(*[torch.arange(side, device=device) for side in sides]).view(-1, len(sides))
    apart = place[:, None] - place[None]
    number = torch.zeros_like(apart[..., 0])
    for axis, side in enumerate(sides):
        number = number * (2 * side - 1) + apart[..., axis] + side - 1
    return number


class BiasedAttention(nn.Module):
    """Pre-normed self-attention with a position bias; it begins by adding nothing."""

    def __init__(self, width: int, heads: int, head_width: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.to_q = nn.Linear(width, heads * head_width, bias=False)
        self.to_kv = nn.Linear(width, 2 * heads * head_width, bias=False)
        self.to_out = nn.Linear(heads * head_width, width, bias=False)
        nn.init.zeros_(self.to_out.weight)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """x (N, L, C), bias (heads, L, L) -> (N, L, C)."""
        normed = self.norm(x)
        parts = self.to_q(normed), *self.to_kv(normed).chunk(2, dim=-1)
        q, k, v = (part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in parts)
        z = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype))
        return x + self.to_out(z.transpose(1, 2).flatten(2))


class ChannelNorm(nn.Module):
    """Layer norm over the channels of (B, C, F, h, w), with a gain and no offset; small variances count as `least`."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.g = nn.Parameter(torch.ones(width, 1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        least = 1e-5 if x.dtype == torch.float32 else 1e-3
        variance, mean = torch.var_mean(x, dim=1, unbiased=False, keepdim=True)
        return (x - mean) * variance.clamp(min=least).rsqrt() * self.g


class Gate(nn.Module):
    """Half of the channels, gated by the GELU of the other half."""

    def forward(self, x: Tensor) -> Tensor:
        value, gate = x.chunk(2, dim=1)
        return value * F.gelu(gate)


class ShiftedFeedForward(nn.Module):
    """Gated feed-forward; half of its inner channels come from the frame before. It begins by adding nothing.

    shifted: off where no frame may see another.
    """

    def __init__(self, width: int, shifted: bool) -> None:
        super().__init__()
        inner, self.shifted = int(width * 8 / 3), shifted
        self.proj_in = nn.Sequential(nn.Conv3d(width, 2 * inner, 1, bias=False), Gate())
        self.proj_out = nn.Sequential(ChannelNorm(inner), nn.Conv3d(inner, width, 1, bias=False))
        nn.init.zeros_(self.proj_out[1].weight)

    def forward(self, x: Tensor) -> Tensor:
        z = self.proj_in(x)
        if self.shifted:
            own, other = z.chunk(2, dim=1)
            z = torch.cat([own, F.pad(other, (0, 0, 0, 0, 1, -1))], dim=1)
        return x + self.proj_out(z)


class SpatioTemporalAttention(nn.Module):
    """Attention over the cells of each frame, over the frames of each cell, and a feed-forward, each with a residual.

    spatial, temporal: leave one out (FashionFlow's open question about attention variants).
    """

    def __init__(self, width: int, heads: int, head_width: int, spatial: bool = True, temporal: bool = True) -> None:
        super().__init__()
        if spatial:
            self.spatial_attn = BiasedAttention(width, heads, head_width)
            self.spatial_rel_pos_bias = PositionBias(width // 2, heads, axes=2)
        if temporal:
            self.temporal_attn = BiasedAttention(width, heads, head_width)
            self.temporal_rel_pos_bias = PositionBias(width // 2, heads, axes=1)
        self.spatial, self.temporal = spatial, temporal
        self.ff = ShiftedFeedForward(width, shifted=temporal)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, C, F, h, w) -> the same shape."""
        b, _, f, h, w = x.shape
        z = x.permute(0, 2, 3, 4, 1)  # (B, F, h, w, C)
        if self.spatial:
            z = self.spatial_attn(z.reshape(b * f, h * w, -1), self.spatial_rel_pos_bias(h, w))
        if self.temporal:
            z = z.reshape(b, f, h * w, -1).transpose(1, 2).flatten(0, 1)  # (B*h*w, F, C)
            z = self.temporal_attn(z, self.temporal_rel_pos_bias(f)).unflatten(0, (b, h * w)).transpose(1, 2)
        return self.ff(z.reshape(b, f, h, w, -1).permute(0, 4, 1, 2, 3))
