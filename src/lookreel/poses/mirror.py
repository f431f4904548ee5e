"""A pose in a mirror, and which way a body turns its side to the camera."""

from typing import Literal

import numpy as np

from lookreel.poses.draw import visible
from lookreel.poses.skeleton import JOINTS, L_EAR, NECK, NOSE, R_EAR
from lookreel.poses.view import view

Heading = Literal["left", "right"]

OPPOSITE: dict[Heading, Heading] = {"left": "right", "right": "left"}

_AHEAD = 0.02  # of the body's height in the picture: a nose nearer to the neck's column than this tells no side


def _partner(name: str) -> str:
    side, _, rest = name.partition("_")
    return f"{OPPOSITE[side]}_{rest}" if side in OPPOSITE else name


MIRRORED = [JOINTS.index(_partner(name)) for name in JOINTS]  # joint i takes the place of joint MIRRORED[i]


def mirrored(keypoints: np.ndarray, width: int) -> np.ndarray:
    """Joints (..., 18, 2 or 3) of a picture of that width -> those of its mirror image: left becomes right."""
    made = np.array(keypoints)[..., MIRRORED, :]
    made[..., 0] = width - 1 - made[..., 0]
    return made


def heading(keypoints: np.ndarray) -> Heading | None:
    """Where in the picture a body seen from its side looks; None from front or back, or where its head cannot tell.

    keypoints: (18, 3), x, y and confidence. The nose tells, or the one ear that is seen where the nose is not.
    """
    there = visible(keypoints)
    if view(keypoints) != "side":
        return None
    if there[NOSE] and there[NECK]:
        ahead = (keypoints[NOSE, 0] - keypoints[NECK, 0]) / max(float(np.ptp(keypoints[there, 1])), 1.0)
        return None if abs(ahead) < _AHEAD else "left" if ahead < 0 else "right"
    if there[R_EAR] == there[L_EAR]:
        return None
    return "right" if there[R_EAR] else "left"
