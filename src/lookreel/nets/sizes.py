"""Sizes of published networks, read from the shapes of their tensors."""

from __future__ import annotations

import re

from lookreel.nets.naming import Shapes
from lookreel.nets.pose_config import PoseConfig


def unet_widths(shapes: Shapes) -> tuple[int, ...]:
    """Channels of each level of a U-Net, finest first; empty where there are no down blocks."""
    found = {}
    for name, shape in shapes.items():
        if match := re.fullmatch(r"down_blocks\.(\d+)\.resnets\.0\.conv2\.weight", name):
            found[int(match[1])] = shape[0]
    return tuple(found[level] for level in sorted(found))


def pose_config(shapes: Shapes) -> PoseConfig | None:
    """The pose guider's convolutions: (in, out) from their weights; every second one halves the picture.

    None where the first convolution is not there.
    """
    if "conv_in.weight" not in shapes:
        return None
    indices = sorted(int(m[1]) for name in shapes if (m := re.fullmatch(r"blocks\.(\d+)\.weight", name)))
    blocks = [shapes[f"blocks.{i}.weight"] for i in indices]
    sizes = tuple((shape[1], shape[0], 1 + i % 2) for i, shape in zip(indices, blocks, strict=True))
    return PoseConfig(first=shapes["conv_in.weight"][0], blocks=sizes)


def max_frames(shapes: Shapes) -> int | None:
    """The longest window that motion modules know: the length of their table of positions (1, F, C); None without."""
    return next((shape[1] for name, shape in shapes.items() if name.endswith("pos_encoder.pe")), None)
