"""Physique: the bare body of one seed; its outline, skin and hair.

Lengths are in figure heights: 0 at the soles, 1 at the crown. The shoulders are 0.6 of neck to hips
apart.
"""

from dataclasses import dataclass

import numpy as np

from lookreel.data.mannequin.colors import HAIRS, SKINS
from lookreel.data.mannequin.streams import stream

NECK, HIP, KNEE, ANKLE = 0.82, 0.52, 0.285, 0.045  # heights of the joints
SHOULDER_HALF = 0.3 * (NECK - HIP)  # half the distance between the shoulders
HIP_HALF = 0.048
UPPER_ARM, FOREARM = 0.16, 0.14
HEAD = 0.925  # height of the head's centre
HEAD_HALF = (0.047, 0.064, 0.056)  # half-widths of the head: to the side, up, to the front

OUTLINE_HEIGHTS = np.array([0.44, 0.47, 0.50, 0.55, 0.60, 0.645, 0.70, 0.755, 0.80, 0.822, 0.836, 0.85, 0.87])
_HALF_WIDTH = np.array([0.040, 0.074, 0.088, 0.089, 0.077, 0.068, 0.076, 0.087, 0.094, 0.086, 0.060, 0.036, 0.027])
_HALF_DEPTH = np.array([0.034, 0.052, 0.061, 0.061, 0.052, 0.048, 0.055, 0.061, 0.053, 0.043, 0.036, 0.030, 0.027])
_FORWARD = np.array([-0.004, -0.006, -0.008, -0.007, -0.002, 0.001, 0.004, 0.006, 0.0, -0.003, -0.004, -0.003, 0.0])

HAIR_STYLES = ("short", "short", "bob", "long", "bun", "tail")


@dataclass(frozen=True)
class Physique:
    """half_width, half_depth, forward: (K,) the trunk's cross-sections at OUTLINE_HEIGHTS; limb: girth of limbs."""

    height: float
    limb: float
    half_width: np.ndarray
    half_depth: np.ndarray
    forward: np.ndarray
    skin: np.ndarray
    hair: np.ndarray
    hair_style: str

    @classmethod
    def average(cls) -> "Physique":
        """The body in the middle of those that seeds give."""
        return cls(1.0, 1.0, _HALF_WIDTH, _HALF_DEPTH, _FORWARD, SKINS[0], HAIRS[0], "short")

    @classmethod
    def of(cls, seed: int) -> "Physique":
        rng = stream(seed, "body")
        girth, waist, hips, bust = rng.uniform(0.94, 1.1), rng.uniform(0.9, 1.1), rng.uniform(0.94, 1.08), rng.random()
        bump = lambda centre, width: np.exp(-(((OUTLINE_HEIGHTS - centre) / width) ** 2))  # noqa: E731
        torso = (OUTLINE_HEIGHTS < 0.82) * (girth - 1) + 1
        wide = _HALF_WIDTH * torso * (1 + (waist - 1) * bump(0.65, 0.06)) * (1 + (hips - 1) * bump(0.53, 0.06))
        deep = _HALF_DEPTH * torso * (1 + (waist - 1) * bump(0.65, 0.06)) * (1 + 0.14 * bust * bump(0.74, 0.04))
        return cls(
            height=rng.uniform(0.95, 1.0),
            limb=0.6 * girth + 0.4 * rng.uniform(0.9, 1.1),
            half_width=wide,
            half_depth=deep,
            forward=_FORWARD + 0.008 * bust * bump(0.74, 0.04),
            skin=SKINS[rng.integers(len(SKINS))],
            hair=HAIRS[rng.integers(len(HAIRS))],
            hair_style=HAIR_STYLES[rng.integers(len(HAIR_STYLES))],
        )
