"""VGG16, VGG19 and AlexNet up to their last convolution, in plain torch with torchvision's parameter names.

Simonyan and Zisserman 2015, table 1, columns D and E; Krizhevsky 2014 ("One weird trick") for AlexNet. A classifier's
weights in the file are left out.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from lookreel.metrics.checkpoint import fill, read_tensors

VGG16 = (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M")
VGG19 = (64, 64, "M", 128, 128, "M", 256, 256, 256, 256, "M", 512, 512, 512, 512, "M", 512, 512, 512, 512, "M")


class Trunk(nn.Module):
    """Convolutions whose activations are read at `taps`, indices into `features`."""

    def __init__(self, features: nn.Sequential, taps: tuple[int, ...]) -> None:
        super().__init__()
        self.features, self.taps = features, taps

    def forward(self, x: Tensor) -> list[Tensor]:  # (B, 3, H, W)
        found = []
        for i, layer in enumerate(self.features[: self.taps[-1] + 1]):
            x = layer(x)
            if i in self.taps:
                found.append(x)
        return found

    def load(self, path: Path) -> Trunk:
        """Fill from torchvision's weight file. Raises InputError where it does not fit."""
        tensors = read_tensors(path)
        return fill(self, {name: t for name, t in tensors.items() if name.startswith("features.")}, path)


def vgg16() -> Trunk:
    """Read at relu1_2, 2_2, 3_3, 4_3 and 5_3, as LPIPS does."""
    return Trunk(_vgg(VGG16), (3, 8, 15, 22, 29))


def vgg19() -> Trunk:
    """Read at relu1_1, 2_1, 3_1, 4_1 and 5_1, as pix2pixHD does."""
    return Trunk(_vgg(VGG19), (1, 6, 11, 20, 29))


def alexnet() -> Trunk:
    """Read at its five ReLUs, as LPIPS does."""
    pool = lambda: nn.MaxPool2d(3, 2)  # noqa: E731
    layers = [nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), pool(), nn.Conv2d(64, 192, 5, 1, 2), nn.ReLU(), pool()]
    for before, after in ((192, 384), (384, 256), (256, 256)):
        layers += [nn.Conv2d(before, after, 3, 1, 1), nn.ReLU()]
    return Trunk(nn.Sequential(*layers, pool()), (1, 4, 7, 9, 11))


def _vgg(widths: tuple[int | str, ...]) -> nn.Sequential:
    """3x3 convolutions with ReLU; "M" halves the picture."""
    layers, before = [], 3
    for width in widths:
        if isinstance(width, str):
            layers.append(nn.MaxPool2d(2, 2))
        else:
            layers += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU()]
            before = width
    return nn.Sequential(*layers)
