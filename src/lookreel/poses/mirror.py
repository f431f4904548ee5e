"""A pose in a mirror."""

import numpy as np

from lookreel.poses.skeleton import JOINTS

_SIDES = {"left": "right", "right": "left"}


def _partner(name: str) -> str:
    side, _, rest = name.partition("_")
    return f"{_SIDES[side]}_{rest}" if side in _SIDES else name


MIRRORED = [JOINTS.index(_partner(name)) for name in JOINTS]  # joint i takes the place of joint MIRRORED[i]


def mirrored(keypoints: np.ndarray, width: int) -> np.ndarray:
    """Joints (..., 18, 2 or 3) of a picture of that width -> those of its mirror image: left becomes right."""
    made = np.array(keypoints)[..., MIRRORED, :]
    made[..., 0] = width - 1 - made[..., 0]
    return made
