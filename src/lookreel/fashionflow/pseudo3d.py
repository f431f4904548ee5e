"""Convolutions over a film: pseudo-3D (FashionFlow, section 3.2, Fig. 2a), and the two that it is measured against.

All three take and return films (B, C, F, h, w), keep their size, and at initialisation work on every frame alone, with
the weights of a 2-D convolution. In memory the channels come last (`torch.channels_last_3d`), so that moving frames
into the batch and back costs nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class PseudoConv3d(nn.Module):
    """A 2-D convolution of each frame, then a 1-D convolution over time of each cell, which begins as the identity.

    kernel: of the 2-D convolution; a kernel of 1 has no convolution over time, as in the published network.
    """

    def __init__(self, c_in: int, c_out: int, kernel: int = 3) -> None:
        super().__init__()
        self.spatial_conv = nn.Conv2d(c_in, c_out, kernel, padding=kernel // 2)
        self.temporal_conv = nn.Conv1d(c_out, c_out, 3, padding=1) if kernel > 1 else None
        if self.temporal_conv is not None:
            nn.init.dirac_(self.temporal_conv.weight)
            nn.init.zeros_(self.temporal_conv.bias)

    def forward(self, x: Tensor) -> Tensor:
        z = each_frame(self.spatial_conv, x)
        if self.temporal_conv is None:
            return z
        # The same as Conv1d on (B h w, C, F), without moving the frames to the last axis.
        return F.conv3d(z, self.temporal_conv.weight[..., None, None], self.temporal_conv.bias, padding=(1, 0, 0))


class FrameConv(nn.Module):
    """The 2-D convolution alone: no frame sees another."""

    def __init__(self, c_in: int, c_out: int, kernel: int = 3) -> None:
        super().__init__()
        self.spatial_conv = nn.Conv2d(c_in, c_out, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        return each_frame(self.spatial_conv, x)


class FullConv3d(nn.Module):
    """The full 3-D convolution that pseudo-3D stands in for; it begins with weights for the middle frame only."""

    def __init__(self, c_in: int, c_out: int, kernel: int = 3) -> None:
        super().__init__()
        reach = 3 if kernel > 1 else 1
        start = nn.Conv2d(c_in, c_out, kernel)
        self.conv = nn.Conv3d(c_in, c_out, (reach, kernel, kernel), padding=(reach // 2, kernel // 2, kernel // 2))
        with torch.no_grad():
            self.conv.weight.zero_()
            self.conv.weight[:, :, reach // 2] = start.weight
            self.conv.bias = start.bias

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


CONVOLUTIONS: dict[str, type[nn.Module]] = {"pseudo3d": PseudoConv3d, "2d": FrameConv, "3d": FullConv3d}


def each_frame(layer: nn.Module, x: Tensor) -> Tensor:
    """Apply a layer for pictures (N, C, h, w) to every frame of (B, C, F, h, w)."""
    return layer(x.transpose(1, 2).flatten(0, 1)).unflatten(0, (x.shape[0], x.shape[2])).transpose(1, 2)
