"""The two small networks of the bundled detector, in torch; they run as ONNX files (`training/detector_export.py`).

PersonNetwork keeps YOLOX's contract (Ge et al. 2021), PoseNetwork that of SimCC (Li et al. 2022) as RTMPose exports it,
so that both go through the very code that runs YOLOX-L and DWPose (`yolox.py`, `simcc.py`). Inside they are plain:
strided convolutions down, sums with upsampled features back up.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lookreel.poses.skeleton import JOINTS, NECK
from lookreel.poses.yolox import STRIDES

PERSON_SIZE = (192, 192)  # of PersonNetwork's pictures, (H, W)
POSE_SIZE = (128, 96)  # of PoseNetwork's crops
SPLIT = 2  # bins per pixel of a crop, on each axis

_CELL = 4  # pixels of a crop per cell of PoseNetwork's finest map
_PRIOR = -4.6  # logit of "a person" before training: one cell in a hundred


class Block(nn.Sequential):
    """Convolution 3x3, group norm, SiLU."""

    def __init__(self, inside: int, outside: int, stride: int = 1) -> None:
        conv = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        super().__init__(conv, nn.GroupNorm(4, outside), nn.SiLU())


class Residual(nn.Module):
    """x plus two blocks of it; begins as the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.one, self.two = Block(width, width), nn.Conv2d(width, width, 3, 1, 1)
        nn.init.zeros_(self.two.weight)
        nn.init.zeros_(self.two.bias)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.two(self.one(x))


class Modulation(nn.Module):
    """x (N, width, H, W), each channel scaled and shifted by what a code (N, code) says; begins as the identity."""

    def __init__(self, width: int, code: int) -> None:
        super().__init__()
        self.scale, self.shift = nn.Linear(code, width), nn.Linear(code, width)
        for layer in (self.scale, self.shift):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        return x * (1 + self.scale(code))[:, :, None, None] + self.shift(code)[:, :, None, None]


def _up(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


class PersonNetwork(nn.Module):
    """Finds people: pictures (N, 3, H, W), BGR, 0 to 255, sides multiples of 32 -> (N, A, 6).

    A counts the cells of the strides 8, 16 and 32, row by row. A cell's six numbers are the box's centre from the
    cell's corner and the logarithm of its width and height, both in strides; the logit of "a person here"; and one
    class's logit, a constant, since there is but one.
    """

    def __init__(self, widths: tuple[int, int, int, int, int] = (8, 16, 32, 48, 64)) -> None:
        super().__init__()
        a, b, c, d, e = widths
        self.stem = nn.Sequential(Block(3, a, 2), Block(a, b, 2), Block(b, c, 2), Residual(c))
        self.down16 = nn.Sequential(Block(c, d, 2), Residual(d))
        self.down32 = nn.Sequential(Block(d, e, 2), Residual(e), Residual(e))
        self.lateral = nn.ModuleList(nn.Conv2d(width, c, 1) for width in (c, d, e))
        self.heads = nn.ModuleList(nn.Sequential(Block(c, c), nn.Conv2d(c, 5, 1)) for _ in STRIDES)
        for head in self.heads:
            nn.init.zeros_(head[1].weight)
            nn.init.zeros_(head[1].bias)
            nn.init.constant_(head[1].bias[2:4], 1.2)  # a box of about three cells
            nn.init.constant_(head[1].bias[4:], _PRIOR)

    def forward(self, pictures: Tensor) -> Tensor:
        fine = self.stem((pictures - 114) / 64)
        middle = self.down16(fine)
        coarse = self.down32(middle)
        features = [lateral(x) for lateral, x in zip(self.lateral, (fine, middle, coarse), strict=True)]
        features[1] = features[1] + _up(features[2])
        features[0] = features[0] + _up(features[1])
        cells = [head(x).flatten(2) for head, x in zip(self.heads, features, strict=True)]
        found = torch.cat(cells, dim=2).transpose(1, 2)
        return torch.cat([found, torch.full_like(found[..., :1], 10.0)], dim=2)


class PoseAnswers(NamedTuple):
    """What PoseNetwork says of N crops. x (N, 18, 192), y (N, 18, 256): logits of each joint's column and row, in bins
    of half a pixel. seen (N, 18): logit of whether it is seen. Two more, of which only the training makes use: facing
    (N, 2), sine and cosine of the yaw; first_x and first_y, as x and y, before the network has decided on the facing.
    """

    x: Tensor
    y: Tensor
    seen: Tensor
    facing: Tensor
    first_x: Tensor
    first_y: Tensor


class Head(nn.Module):
    """Looks at the head: crops (N, 3, H, W) and the neck's place (N, 2), x and y in pixels -> code (N, 64).

    A window of 28 pixels, the neck 8 above its lower edge, is cut out and read with its layout kept: where in a head
    the face is tells where it faces.
    """

    _WIDE, _BELOW = 28, 8

    def __init__(self, code: int) -> None:
        super().__init__()
        self.look = nn.Sequential(Block(3, 16), Block(16, 32, 2), Block(32, 48, 2), nn.Flatten())
        self.code = nn.Sequential(nn.Linear(48 * (self._WIDE // 4) ** 2, code), nn.SiLU())
        line = torch.arange(self._WIDE) - (self._WIDE - 1) / 2
        y, x = torch.meshgrid(line - self._WIDE / 2 + self._BELOW, line, indexing="ij")
        self.register_buffer("window", torch.stack([x, y], dim=2), persistent=False)

    def forward(self, crops: Tensor, neck: Tensor) -> Tensor:
        sides = torch.tensor([crops.shape[3], crops.shape[2]], device=crops.device)
        places = (self.window + neck[:, None, None] + 0.5) * 2 / sides - 1
        return self.code(self.look(F.grid_sample(crops, places, align_corners=False)))


class PoseNetwork(nn.Module):
    """Reads the joints of one person: crops (N, 3, 128, 96), RGB less mean over deviation -> PoseAnswers.

    Which of two arms is the left one shows elsewhere, in the head. So the joints are placed twice: first roughly, which
    the neck's place suffices for; then, once the head was looked at, with every channel scaled and shifted by what it
    showed.
    """

    def __init__(self, widths: tuple[int, int, int, int] = (12, 24, 48, 64), joints: int = len(JOINTS)) -> None:
        super().__init__()
        a, b, c, d = widths
        self.down4 = nn.Sequential(Block(3, a, 2), Block(a, b, 2), Residual(b))
        self.down8 = nn.Sequential(Block(b, c, 2), Residual(c))
        self.down16 = nn.Sequential(Block(c, d, 2), Residual(d), Residual(d))
        self.lateral8, self.lateral4 = nn.Conv2d(d, c, 1), nn.Conv2d(c, b, 1)
        self.merge8, self.merge4 = Block(c, c), Block(b, 2 * b)
        self.first = nn.Conv2d(2 * b, joints, 1)
        self.head, self.facing, self.turn = Head(d), nn.Linear(d, 2), Modulation(2 * b, d)
        self.heat, self.near, self.far = nn.Conv2d(2 * b, joints, 1), nn.Conv2d(2 * b, joints, 1), nn.Linear(d, joints)
        self.columns, self.rows = (_spread(side // _CELL, side * SPLIT) for side in POSE_SIZE[::-1])

    def forward(self, crops: Tensor) -> PoseAnswers:
        fine = self.down4(crops)
        middle = self.down8(fine)
        middle = self.merge8(middle + _up(self.lateral8(self.down16(middle))))
        fine = self.merge4(fine + _up(self.lateral4(middle)))
        first = self._bins(self.first(fine))
        neck = torch.stack([line[:, NECK].argmax(1) for line in first], dim=1) / SPLIT
        code = self.head(crops, neck)
        fine = self.turn(fine, code)
        heat = self.heat(fine)
        seen = (heat.flatten(2).softmax(2) * self.near(fine).flatten(2)).sum(2) + self.far(code)
        return PoseAnswers(*self._bins(heat), seen, self.facing(code), *first)

    def _bins(self, heat: Tensor) -> tuple[Tensor, Tensor]:
        return self.columns(heat.logsumexp(2)), self.rows(heat.logsumexp(3))


class PersonOutputs(nn.Module):
    """PersonNetwork as it is exported: the same numbers, logits turned into probabilities."""

    def __init__(self, network: PersonNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> Tensor:
        found = self.network(pictures)
        return torch.cat([found[..., :4], found[..., 4:].sigmoid()], dim=2)


class PoseOutputs(nn.Module):
    """PoseNetwork as it is exported: crops -> simcc_x (N, 18, 192) and simcc_y (N, 18, 256).

    Each row's maximum is the probability that the joint is seen, so that it can serve as confidence.
    """

    def __init__(self, network: PoseNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        answers = self.network(crops)
        chance = answers.seen.sigmoid()[..., None]
        return chance * _peaked(answers.x), chance * _peaked(answers.y)


def _peaked(logits: Tensor) -> Tensor:
    return (logits - logits.amax(2, keepdim=True)).exp()


def _spread(cells: int, bins: int) -> nn.Linear:
    """From cells to bins, learned; begins as linear interpolation."""
    layer = nn.Linear(cells, bins)
    with torch.no_grad():
        layer.weight.copy_(F.interpolate(torch.eye(cells)[:, None], size=bins, mode="linear")[:, 0].T)
        layer.bias.zero_()
    return layer
