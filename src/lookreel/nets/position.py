"""Where a cell lies in the picture, told to a small U-Net.

Stable Diffusion's U-Net guesses places from the zeros that pad its convolutions, which a long training teaches it. A
small network learns to find the same place in a photo and in its own picture much sooner where it is told.
"""

import math

import torch
from torch import Tensor, nn

SHARPNESS = 1.2  # of the first attention: logits fall by about 2 from a cell to its neighbour on a 32x24 grid


def waves(h: int, w: int, octaves: int, like: Tensor) -> Tensor:
    """Sines and cosines of the places of h by w cells, pi to pi 2^(octaves - 1) across: (h*w, 4 * octaves)."""
    exact = {"device": like.device, "dtype": torch.float32}  # angles in half precision are off by a good part of a wave
    angles = math.pi * 2.0 ** torch.arange(octaves, **exact)
    y, x = (((torch.arange(n, **exact) + 0.5) / n)[:, None] * angles for n in (h, w))
    y, x = (torch.cat([torch.sin(t), torch.cos(t)], dim=1) for t in (y, x))
    return torch.cat([y[:, None].expand(h, w, -1), x[None].expand(h, w, -1)], dim=2).flatten(0, 1).to(like.dtype)


class Position(nn.Module):
    """Places through a 1x1 convolution, to be added to the U-Net's first features."""

    def __init__(self, octaves: int, width: int) -> None:
        super().__init__()
        self.octaves = octaves
        self.conv = nn.Conv2d(4 * octaves, width, 1)

    def forward(self, h: int, w: int) -> Tensor:
        """(1, width, h, w), for a picture of h by w cells."""
        return self.conv(waves(h, w, self.octaves, self.conv.weight).T.unflatten(1, (h, w))[None])


def near(heads: int, width: int, octaves: int) -> nn.Linear:
    """Waves -> what is added to queries or keys; half of the heads, one at least, start by looking near their place."""
    linear, inner = nn.Linear(4 * octaves, width, bias=False), width // heads
    nn.init.zeros_(linear.weight)
    for head in range((heads + 1) // 2):
        block = linear.weight.data[head * inner : (head + 1) * inner]
        block.copy_(torch.eye(*block.shape) * math.sqrt(SHARPNESS * math.sqrt(inner)))
    return linear
