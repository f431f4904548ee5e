"""What PoseNetwork learns from: SimCC's two classifications of a joint, its column and its row (Li et al. 2022)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from lookreel.poses.detector_model import SPLIT, PoseAnswers

SIGMA = 4.0  # bins; the labels are Gaussians of this deviation


def pose_loss(answers: PoseAnswers, keypoints: Tensor, yaw: Tensor) -> dict[str, Tensor]:
    """keypoints (N, 18, 3) in pixels of the crop, confidence 0 where unseen; yaw (N,) of the body in radians.

    Returns "place", the cross-entropy of both axes over the joints that are seen, less that of perfect answers;
    "first", the same of the first, rough places; "seen", the cross-entropy of whether they are; and "facing", the
    squared error of the yaw's sine and cosine, without which it takes the network very long to tell left from right.
    """
    shown = keypoints[..., 2] > 0
    points = keypoints[shown]
    return {
        "place": _apart(answers.x[shown], points[:, 0]) + _apart(answers.y[shown], points[:, 1]),
        "first": _apart(answers.first_x[shown], points[:, 0]) + _apart(answers.first_y[shown], points[:, 1]),
        "seen": F.binary_cross_entropy_with_logits(answers.seen, shown.to(answers.seen)),
        "facing": F.mse_loss(answers.facing, torch.stack([yaw.sin(), yaw.cos()], dim=1)),
    }


def _apart(logits: Tensor, position: Tensor) -> Tensor:
    """Mean divergence of softmax(logits) (M, bins) from Gaussians round positions (M,) in pixels."""
    bins = torch.arange(logits.shape[1], device=logits.device, dtype=logits.dtype)
    label = torch.softmax(-((bins - position[:, None] * SPLIT) ** 2) / (2 * SIGMA**2), dim=1)
    return F.kl_div(logits.log_softmax(1), label, reduction="batchmean")


def located(x: Tensor, y: Tensor) -> Tensor:
    """Pixels (N, 18, 2) of the likeliest bins."""
    return torch.stack([x.argmax(2), y.argmax(2)], dim=2) / SPLIT
