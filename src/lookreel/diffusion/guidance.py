"""Classifier-free guidance (Ho and Salimans 2022), single and dual, as pure functions of predictions.

Guidance is linear, so it may come before or after the averaging over windows.
"""

import torch
from torch import Tensor


def single(v_uncond: Tensor, v_cond: Tensor, scale: float) -> Tensor:
    """v_uncond + scale (v_cond - v_uncond); exactly v_cond at scale 1 and v_uncond at scale 0."""
    return torch.lerp(v_uncond, v_cond, scale)


def dual(e0: Tensor, e_image: Tensor, e_both: Tensor, image_scale: float, pose_scale: float) -> Tensor:
    """DreamPose eq. 4: e0 + image_scale (e_image - e0) + pose_scale (e_both - e_image).

    e0 sees neither condition, e_image the image only, e_both the image and the pose.
    Scales (1, 1) give e_both and (1, 0) give e_image, exactly; (0, 0) gives e0 up to rounding.
    """
    image_part = torch.lerp(e0, e_image, image_scale) - e_image
    return image_part + torch.lerp(e_image, e_both, pose_scale)


def dual_weights(image_scale: float, pose_scale: float) -> tuple[float, float, float]:
    """What each of e0, e_image and e_both weighs in `dual`; they sum to 1. One that weighs 0 need not be asked for."""
    return 1 - image_scale, image_scale - pose_scale, pose_scale
