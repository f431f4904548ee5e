"""3D-ResNet50 (Hara et al. 2018, shortcut B), with kenshohara's parameter names: the network of FID-VID."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_BLOCKS = (3, 4, 6, 3)
_EXPANSION = 4
WIDTH = 512 * _EXPANSION


class Bottleneck(nn.Module):
    """1x1x1, 3x3x3 and 1x1x1 convolutions beside a shortcut, projected where the shape changes."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        after = width * _EXPANSION
        self.conv1, self.bn1 = nn.Conv3d(before, width, 1, bias=False), nn.BatchNorm3d(width)
        self.conv2, self.bn2 = nn.Conv3d(width, width, 3, stride, 1, bias=False), nn.BatchNorm3d(width)
        self.conv3, self.bn3 = nn.Conv3d(width, after, 1, bias=False), nn.BatchNorm3d(after)
        projected = nn.Sequential(nn.Conv3d(before, after, 1, stride, bias=False), nn.BatchNorm3d(after))
        self.downsample = projected if stride > 1 or before != after else None

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet3D(nn.Module):
    """Clips (B, 3, 16, 112, 112), RGB 0-255 less the mean -> features (B, 2048) after the average pool."""

    def __init__(self, classes: int = 400) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(3, 64, 7, (1, 2, 2), 3, bias=False)
        self.bn1 = nn.BatchNorm3d(64)
        before = 64
        for number, blocks in enumerate(_BLOCKS):
            width, stride = 64 << number, 1 if number == 0 else 2
            layer = [Bottleneck(before, width, stride)]
            before = width * _EXPANSION
            layer += [Bottleneck(before, width, 1) for _ in range(blocks - 1)]
            setattr(self, f"layer{number + 1}", nn.Sequential(*layer))
        self.fc = nn.Linear(WIDTH, classes)  # in the file; features are taken before it

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.max_pool3d(x, 3, 2, 1)
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x)
        return torch.flatten(F.avg_pool3d(x, (1, 4, 4), 1), 1)
