"""LPIPS: the distance of two pictures in a classifier's features, weighted as people judged.

Zhang et al. 2018, "The Unreasonable Effectiveness of Deep Features", equation 1, version 0.1. The trunk's file is the
user's; the trained heads come in torchmetrics' wheel (and in lpips'), from which they are read without importing it.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch
from torch import Tensor, nn

from lookreel.metrics.checkpoint import fill, read_tensors
from lookreel.metrics.trunks import Trunk, alexnet, vgg16
from lookreel.metrics.weights import WeightFile, check

WIDTHS = {"alex": (64, 192, 384, 256, 256), "vgg": (64, 128, 256, 512, 512)}
TRUNKS = {"alex": alexnet, "vgg": vgg16}
FILES = {"alex": "alexnet", "vgg": "vgg16"}  # the trunk's key in the register

_WHEELS = {"torchmetrics": "functional/image/lpips_models", "lpips": "weights/v0.1"}
_SOURCE = "the wheels of torchmetrics and lpips: pip install 'lookreel[eval]'"
HEADS = {
    "alex": WeightFile(
        "alex.pth", _SOURCE, "LPIPS heads", "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0"
    ),
    "vgg": WeightFile(
        "vgg.pth", _SOURCE, "LPIPS heads", "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868"
    ),
}


class LPIPS(nn.Module):
    """Pictures (B, 3, H, W) in [-1, 1] -> distance (B,); 0 for equal ones."""

    def __init__(self, trunk: Trunk, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.trunk = trunk
        self.heads = nn.ModuleList(nn.Conv2d(width, 1, 1, bias=False) for width in widths)
        self.register_buffer("shift", torch.tensor([-0.030, -0.088, -0.188])[None, :, None, None], persistent=False)
        self.register_buffer("scale", torch.tensor([0.458, 0.448, 0.450])[None, :, None, None], persistent=False)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        features = zip(self.trunk(self._scaled(a)), self.trunk(self._scaled(b)), self.heads, strict=True)
        distance = torch.zeros(len(a), device=a.device)
        for left, right, head in features:
            distance = distance + head((_unit(left) - _unit(right)) ** 2).mean((1, 2, 3))
        return distance

    def _scaled(self, x: Tensor) -> Tensor:
        return (x - self.shift) / self.scale


def load(net: str, trunk_file: Path, heads_file: Path) -> LPIPS:
    """LPIPS of net "alex" or "vgg". Raises InputError where a file does not fit."""
    model = LPIPS(TRUNKS[net]().load(trunk_file), WIDTHS[net])
    check(heads_file, HEADS[net])
    heads = read_tensors(heads_file)
    fill(model.heads, {f"{name[3]}.weight": tensor for name, tensor in heads.items()}, heads_file)
    return model.eval()


def heads_file(net: str) -> Path | None:
    """The heads in an installed wheel, or None; the wheel is not imported."""
    for package, folder in _WHEELS.items():
        spec = importlib.util.find_spec(package)
        for place in (spec.submodule_search_locations or []) if spec else []:
            path = Path(place) / folder / HEADS[net].file
            if path.is_file():
                return path
    return None


def _unit(x: Tensor) -> Tensor:
    return x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10)
