"""A drawn pose as one map for each limb colour, which convolutions read far better than RGB (docs/papers.md)."""

import torch
from torch import Tensor, nn

from lookreel.poses.skeleton import COLORS


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
