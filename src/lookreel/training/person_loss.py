"""What PersonNetwork learns from: the cells in the middle of a person say so and give the box (after YOLOX, 2021)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from lookreel.poses.yolox import STRIDES, cells

_LEVELS = ((0, 60), (60, 115), (115, 1e9))  # heights of boxes, in pixels, that each stride is for
_BOTH = 1.25  # boxes this near a border, as a factor, are learned by both of its strides
_REACH = 1.5  # strides from the middle of a box, on each axis, to the cells that learn it


def targets(boxes: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (P, 4), edges, of a picture of `size` -> there, bool (A,), and the box each of those cells learns (A, 4).

    Where several boxes claim a cell, the smallest has it.
    """
    corner, stride = cells(size)
    middle = (corner + 0.5) * stride
    there, box_of = np.zeros(len(corner), bool), np.zeros((len(corner), 4), np.float32)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    for box in boxes[np.argsort(-areas)]:
        tall = box[3] - box[1]
        fits = [(low / _BOTH < tall <= high * _BOTH) for low, high in _LEVELS]
        level = np.isin(stride[:, 0], [s for s, fit in zip(STRIDES, fits, strict=True) if fit])
        near = (np.abs(middle - (box[:2] + box[2:]) / 2) <= _REACH * stride).all(1)
        mine = level & near & ((middle > box[:2]) & (middle < box[2:])).all(1)
        there |= mine
        box_of[mine] = box
    return there, box_of


def person_loss(found: Tensor, there: Tensor, box_of: Tensor, size: tuple[int, int]) -> dict[str, Tensor]:
    """found: PersonNetwork's output (N, A, 6); there (N, A) and box_of (N, A, 4) from `targets`.

    Returns "there", the cross-entropy of the cells for each that should fire, and "box", 1 - IoU plus a part of the
    distance in strides and log sizes.
    """
    corner, stride = (torch.from_numpy(a).to(found) for a in cells(size))
    count = there.sum().clamp(min=1)
    entropy = F.binary_cross_entropy_with_logits(found[..., 4], there.to(found), reduction="sum") / count
    number = there.nonzero()[:, 1]
    guess, truth = found[there][:, :4], box_of[there]
    corner, stride = corner[number], stride[number]
    middle, extent = (truth[:, :2] + truth[:, 2:]) / 2, truth[:, 2:] - truth[:, :2]
    wanted = torch.cat([middle / stride - corner, torch.log(extent / stride)], dim=1)
    centre, half = (guess[:, :2] + corner) * stride, guess[:, 2:].clamp(max=6).exp() * stride / 2
    iou = _iou(torch.cat([centre - half, centre + half], 1), truth)
    near = F.smooth_l1_loss(guess, wanted, reduction="sum")
    return {"there": entropy, "box": ((1 - iou).sum() + 0.2 * near) / count}


def _iou(one: Tensor, other: Tensor) -> Tensor:
    low, high = torch.maximum(one[:, :2], other[:, :2]), torch.minimum(one[:, 2:], other[:, 2:])
    both = (high - low).clamp(min=0).prod(1)
    areas = (one[:, 2:] - one[:, :2]).prod(1) + (other[:, 2:] - other[:, :2]).prod(1)
    return both / (areas - both).clamp(min=1e-6)
