"""Tubes: sleeves and trouser legs, cones round the limbs that end in cuffs."""

import numpy as np

from lookreel.data.mannequin.bare import ARM, ELBOW, KNEE, SIDES, THIGH, WRIST, arm_points
from lookreel.data.mannequin.fabric import Cloth
from lookreel.data.mannequin.labels import LOWER_ARM, LOWER_LEG, UPPER_ARM, UPPER_LEG
from lookreel.data.mannequin.limb import ROUND, Limb
from lookreel.data.mannequin.physique import ANKLE as ANKLE_HEIGHT
from lookreel.data.mannequin.physique import HIP, Physique
from lookreel.data.mannequin.physique import KNEE as KNEE_HEIGHT
from lookreel.data.mannequin.piece import Paint, Piece
from lookreel.data.mannequin.pose import Pose
from lookreel.data.mannequin.wardrobe import Outfit


def sleeves(pose: Pose, body: Physique, outfit: Outfit) -> list[Piece]:
    """Sleeves as cuffed cones over the arms."""
    pieces, ease = [], 0.004 + 0.4 * outfit.ease
    for index, side in enumerate(SIDES):
        shoulder, elbow, wrist = arm_points(pose, side)
        thick = np.array([ARM, ELBOW, WRIST]) * body.limb + ease
        wide = thick * (1 + outfit.sleeve_flare * np.array([0.1, 0.5, 1.0]))
        for start, end, first, shown, parts in (
            (shoulder, elbow, 0, outfit.sleeve, UPPER_ARM[index]),
            (elbow, wrist, 1, outfit.sleeve - 1, LOWER_ARM[index]),
        ):
            if shown <= 0:
                continue
            until = shown if shown < 1 else ROUND
            solid = Limb(start, end, (wide[first], wide[first + 1]), pose.direction(0, 1), until)
            pieces.append(Piece(solid, _limb_paint(outfit.sleeves, solid, 0.8 - 0.16 * first), parts, garment=True))
    return pieces


def legs(pose: Pose, body: Physique, outfit: Outfit) -> list[Piece]:
    """The legs of trousers or shorts."""
    pieces = []
    flare, ceiling = outfit.leg_flare, pose.lift + outfit.cover
    for index, side in enumerate(SIDES):
        hip, knee, ankle = (pose.joints[f"{side}_{name}"] for name in ("hip", "knee", "ankle"))
        thigh, low = THIGH * body.limb + 0.004, KNEE * body.limb + 0.004 + 0.008 * flare
        end = 0.026 + 0.014 * flare
        share = (HIP - outfit.leg) / (HIP - KNEE_HEIGHT)
        upper = Limb(hip, knee, (thigh, low), pose.direction(0, 1), share if share < 1 else ROUND, ceiling)
        pieces.append(Piece(upper, _limb_paint(outfit.bottom, upper, HIP), UPPER_LEG[index], garment=True))
        if share >= 1:
            until = min((KNEE_HEIGHT - outfit.leg) / (KNEE_HEIGHT - ANKLE_HEIGHT), 1)
            lower = Limb(knee, ankle, (low, end), pose.direction(0, 1), until, ceiling)
            pieces.append(Piece(lower, _limb_paint(outfit.bottom, lower, KNEE_HEIGHT), LOWER_LEG[index], garment=True))
    return pieces


def _limb_paint(cloth: Cloth, solid: Limb, top: float) -> Paint:
    """Cloth round a limb that starts at height `top`."""
    around, length = float(np.mean(solid.radii)), solid.length
    return lambda surface: cloth.color(surface.theta, surface.theta * around, top - surface.along * length)
