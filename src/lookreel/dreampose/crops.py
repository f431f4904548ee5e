"""Random crops of a picture and of its pose, by the same window (section 4.3).

Without them the network learns the one picture by heart, and its texture sticks to the screen. In the published code
only the pose is cropped, which teaches that poses lie beside their pictures; here both are.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from lookreel.framing import Window
from lookreel.poses.densepose import nearest


def random_window(choices: np.random.Generator, size: tuple[int, int], cropped: float, least: float) -> Window:
    """A window of the shape of `size` = (H, W) within it: for a share `cropped` of the draws smaller than the whole,
    by a factor from `least` to 1."""
    smaller, share, right, down = choices.random(4)
    share = least + (1 - least) * share if smaller < cropped else 1.0
    return Window(right * (1 - share) * size[1], down * (1 - share) * size[0], 1 / share)


def crop_picture(pixels: Tensor, window: Window) -> Tensor:
    """pixels (C, H, W) through a window of its shape, bilinear, at the size that they had."""
    size = (pixels.shape[1], pixels.shape[2])
    rows, columns = (
        (first + (torch.arange(count) + 0.5) / window.scale) / count * 2 - 1
        for first, count in zip((window.top, window.left), size, strict=True)
    )
    grid = torch.stack(torch.meshgrid(rows, columns, indexing="ij")[::-1], dim=2)[None].to(pixels)
    return F.grid_sample(pixels[None], grid, "bilinear", "border", align_corners=False)[0]


def crop_pose(uv: np.ndarray, window: Window) -> np.ndarray:
    """uv uint8 (2, H, W) through the same window, at the size that it had."""
    return nearest(uv[None], (uv.shape[1], uv.shape[2]), window)[0]
