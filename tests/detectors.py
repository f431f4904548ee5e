"""ONNX networks with the contracts of YOLOX-L and DW-LL whose answers are known: they look for colours."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

RED, BLUE = (250, 10, 10), (10, 10, 250)
SURE, LESS_SURE = 0.9, 0.8  # of the red box and the blue one


def write(
    network: nn.Module, size: tuple[int, int], path: Path, answers: tuple[str, ...], several: bool = False
) -> Path:
    """Export a network that takes pictures of `size`; several: any number of them at once."""
    names = ["input", *answers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(),
            (torch.zeros(1, 3, *size),),
            str(path),
            dynamo=False,
            opset_version=17,
            input_names=["input"],
            output_names=list(answers),
            dynamic_axes={name: {0: "n"} for name in names} if several else None,
        )
    return path


def _around(mask: Tensor) -> Tensor:
    """Edges x0, y0, x1, y1 (N, 4) of what is set in (N, H, W)."""
    sides = []
    for dim in (1, 2):
        line = mask.amax(dim)
        length = line.shape[1]
        number = torch.arange(length, dtype=torch.float32)
        sides.append((length - (line * (length - number)).amax(1), (line * (number + 1)).amax(1)))
    (x0, x1), (y0, y1) = sides
    return torch.stack([x0, y0, x1, y1], 1)


def _colours(pictures: Tensor) -> list[Tensor]:
    """Where pictures (N, 3, H, W) in BGR, 0 to 255, are red and blue: float (N, H, W)."""
    blue, _, red = pictures.unbind(1)
    return [((a > 180) & (b < 80)).float() for a, b in ((red, blue), (blue, red))]


class RawYolox(nn.Module):
    """Answers as YOLOX-L does, (1, A, 85), with a box round what is red in cell 0 of stride 32 and a weaker double of
    it in the next, one round what is blue in the third, and a bus everywhere else."""

    def forward(self, pictures: Tensor) -> Tensor:
        height, width = pictures.shape[2:]
        counts = [(height // s) * (width // s) for s in (8, 16, 32)]
        rows = []
        red, blue = _colours(pictures)
        for cell, (mask, score, shift) in enumerate(((red, SURE, 0.0), (red, 0.6, 3.0), (blue, LESS_SURE, 0.0))):
            box = _around(mask) + shift
            centre, extent = (box[:, :2] + box[:, 2:]) / 64, (box[:, 2:] - box[:, :2]) / 32
            there = mask.amax((1, 2))[:, None]
            place = centre - torch.tensor([[float(cell), 0.0]])
            rows.append(
                torch.cat([place, extent.clamp(min=1e-3).log(), there * score, torch.ones(1, 1), torch.zeros(1, 79)], 1)
            )
        others = torch.cat(
            [torch.zeros(1, 4), torch.ones(1, 1), torch.zeros(1, 5), torch.ones(1, 1), torch.zeros(1, 74)], 1
        )
        others = others[:, None].expand(1, sum(counts) - 3, 85)
        start = counts[0] + counts[1]
        return torch.cat([others[:, :start], torch.stack(rows, 1), others[:, start:]], 1)


class BuiltIn(nn.Module):
    """The same boxes from a file that suppresses doubles itself: (1, 3, 5), and the classes (1, 3)."""

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        rows = []
        for mask, score in zip(_colours(pictures), (SURE, LESS_SURE), strict=True):
            rows.append(torch.cat([_around(mask), mask.amax((1, 2))[:, None] * score], 1))
        bus = torch.tensor([[0.0, 0.0, 9.0, 9.0, 0.99]])
        return torch.stack([*rows, bus], 1), torch.tensor([[0, 0, 5]]) + 0 * pictures[:, 0, 0, :3].long()


class Brightest(nn.Module):
    """Answers as DW-LL does: joint j lies where channel j % 3 of the crop (RGB) is brightest, and is as sure as that is
    bright, in 0 to 1; the rows of joint 4 answer half of that, joint 5 nothing at all."""

    def __init__(self, joints: int, split: int = 2) -> None:
        super().__init__()
        self.split = split
        self.register_buffer("channel", torch.arange(joints) % 3)
        self.register_buffer("mean", torch.tensor([123.675, 116.28, 103.53])[:, None, None])
        self.register_buffer("std", torch.tensor([58.395, 57.12, 57.375])[:, None, None])
        rows, both = torch.ones(joints, 1), torch.ones(joints, 1)
        rows[4], both[5] = 0.5, 0.0
        self.register_buffer("rows", rows)
        self.register_buffer("both", both)

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        bright = ((crops * self.std + self.mean) / 255)[:, self.channel]
        columns, rows = bright.amax(2) * self.both, bright.amax(3) * self.rows * self.both
        return self._bins(columns), self._bins(rows)

    def _bins(self, line: Tensor) -> Tensor:
        """(N, J, L) to (N, J, L * split), each pixel's value at its first bin, lower between."""
        empty = [line * 0.5] * (self.split - 1)
        return torch.stack([line, *empty], 3).flatten(2)


def detector_folder(folder: Path, joints: int = 133) -> Path:
    """A folder with both networks, as small as can be: 256x256 and 64x48."""
    write(RawYolox(), (256, 256), folder / "yolox.onnx", ("output",))
    write(Brightest(joints), (64, 48), folder / "pose.onnx", ("simcc_x", "simcc_y"), several=True)
    return folder


def scene(size: tuple[int, int], **boxes: tuple[int, int, int, int]) -> np.ndarray:
    """uint8 (3, H, W), black, with filled boxes (x0, y0, x1, y1, edges) by colour: red=..., blue=..."""
    picture = np.zeros((*size, 3), np.uint8)
    for name, (x0, y0, x1, y1) in boxes.items():
        picture[y0:y1, x0:x1] = {"red": RED, "blue": BLUE}[name]
    return picture.transpose(2, 0, 1)
