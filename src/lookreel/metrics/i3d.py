"""I3D: Inception inflated to video (Carreira and Zisserman 2017, figure 3), with piergiaj's parameter names.

One architecture, two files that hold different networks: i3d_pretrained_400.pt (TF-hub's, for FVD) and rgb_imagenet.pt
(piergiaj's, for VFID).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# Widths of b0, b1a, b1b, b2a, b2b, b3b of each mixed block, and the pools between them: kernel and stride.
_MIXED = {
    "3b": (64, 96, 128, 16, 32, 32), "3c": (128, 128, 192, 32, 96, 64),
    "4b": (192, 96, 208, 16, 48, 64), "4c": (160, 112, 224, 24, 64, 64), "4d": (128, 128, 256, 24, 64, 64),
    "4e": (112, 144, 288, 32, 64, 64), "4f": (256, 160, 320, 32, 128, 128),
    "5b": (256, 160, 320, 32, 128, 128), "5c": (384, 192, 384, 48, 128, 128),
}  # fmt: skip
WIDTH = 1024  # channels of Mixed_5c


@dataclass(frozen=True)
class I3DConfig:
    """eps: of the batch norms; VideoGPT, TATS and cd-fvd have 1e-5, piergiaj and DisCo 1e-3. classes: of Kinetics."""

    eps: float = 1e-5
    classes: int = 400


class Unit3D(nn.Module):
    """Convolution, batch norm and ReLU, padded as TensorFlow's SAME does."""

    def __init__(self, before: int, after: int, kernel: int, eps: float, stride: int = 1) -> None:
        super().__init__()
        self.kernel, self.stride = (kernel,) * 3, (stride,) * 3
        self.conv3d = nn.Conv3d(before, after, kernel, stride, bias=False)
        self.bn = nn.BatchNorm3d(after, eps=eps, momentum=0.01)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv3d(_same(x, self.kernel, self.stride))))


class Pool(nn.Module):
    """Maximum over windows, padded as TensorFlow's SAME does."""

    def __init__(self, kernel: tuple[int, int, int], stride: tuple[int, int, int]) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, x: Tensor) -> Tensor:
        return F.max_pool3d(_same(x, self.kernel, self.stride), self.kernel, self.stride)


class Mixed(nn.Module):
    """The Inception block: four branches side by side."""

    def __init__(self, before: int, widths: tuple[int, ...], eps: float) -> None:
        super().__init__()
        self.b0 = Unit3D(before, widths[0], 1, eps)
        self.b1a, self.b1b = Unit3D(before, widths[1], 1, eps), Unit3D(widths[1], widths[2], 3, eps)
        self.b2a, self.b2b = Unit3D(before, widths[3], 1, eps), Unit3D(widths[3], widths[4], 3, eps)
        self.b3a, self.b3b = Pool((3, 3, 3), (1, 1, 1)), Unit3D(before, widths[5], 1, eps)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.b0(x), self.b1b(self.b1a(x)), self.b2b(self.b2a(x)), self.b3b(self.b3a(x))], dim=1)


class Logits(nn.Module):
    """The classifier: a 1x1x1 convolution."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.conv3d = nn.Conv3d(WIDTH, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv3d(x)


class I3D(nn.Module):
    """Clips (B, 3, T, H, W) in [-1, 1], T of at least 9, 224x224 for logits."""

    def __init__(self, config: I3DConfig = I3DConfig()) -> None:  # noqa: B008
        super().__init__()
        eps = config.eps
        self.Conv3d_1a_7x7 = Unit3D(3, 64, 7, eps, stride=2)
        self.MaxPool3d_2a_3x3 = Pool((1, 3, 3), (1, 2, 2))
        self.Conv3d_2b_1x1 = Unit3D(64, 64, 1, eps)
        self.Conv3d_2c_3x3 = Unit3D(64, 192, 3, eps)
        self.MaxPool3d_3a_3x3 = Pool((1, 3, 3), (1, 2, 2))
        before = 192
        for name, widths in _MIXED.items():
            if name == "4b":
                self.MaxPool3d_4a_3x3 = Pool((3, 3, 3), (2, 2, 2))
            if name == "5b":
                self.MaxPool3d_5a_2x2 = Pool((2, 2, 2), (2, 2, 2))
            setattr(self, f"Mixed_{name}", Mixed(before, widths, eps))
            before = widths[0] + widths[2] + widths[4] + widths[5]
        self.logits = Logits(config.classes)

    def maps(self, x: Tensor) -> Tensor:
        """Mixed_5c: (B, 1024, T/8, H/32, W/32)."""
        for name, layer in self.named_children():
            if name != "logits":
                x = layer(x)
        return x

    def features(self, x: Tensor) -> Tensor:
        """Mixed_5c averaged over time and place: (B, 1024)."""
        return self.maps(x).mean((2, 3, 4))

    def forward(self, x: Tensor) -> Tensor:
        """Logits before the softmax, averaged over time: (B, classes)."""
        return self.logits(F.avg_pool3d(self.maps(x), (2, 7, 7), 1)).squeeze(4).squeeze(3).mean(2)


def _same(x: Tensor, kernel: tuple[int, ...], stride: tuple[int, ...]) -> Tensor:
    """Zeros around (B, C, T, H, W), the odd one at the end, so that ceil(side / stride) windows fit."""
    pads: list[int] = []
    for side, k, s in reversed(list(zip(x.shape[2:], kernel, stride, strict=True))):
        extra = max(k - (side % s or s), 0)
        pads += [extra // 2, extra - extra // 2]
    return F.pad(x, pads)
