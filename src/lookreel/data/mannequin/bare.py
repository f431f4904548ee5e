"""Bare: trunk, arms and legs under the clothes, and the shoes."""

import numpy as np

from lookreel.data.mannequin.column import column, heights, smooth
from lookreel.data.mannequin.labels import FEET, HANDS, LOWER_ARM, LOWER_LEG, UPPER_ARM, UPPER_LEG
from lookreel.data.mannequin.limb import Limb
from lookreel.data.mannequin.physique import OUTLINE_HEIGHTS, Physique
from lookreel.data.mannequin.piece import Paint, Piece, plain
from lookreel.data.mannequin.pose import Pose
from lookreel.data.mannequin.wardrobe import Outfit

UP = np.array([0, 1, 0], np.float32)
SIDES = ("right", "left")
ARM, ELBOW, WRIST, THIGH, KNEE, ANKLE = 0.028, 0.021, 0.018, 0.046, 0.034, 0.021  # radii at girth 1
DROP = 0.018  # the arm's ball sits this far below the shoulder's keypoint


def trunk(pose: Pose, body: Physique) -> Piece:
    """Chest, belly and hips."""
    at = heights(OUTLINE_HEIGHTS[0], OUTLINE_HEIGHTS[-1])
    outline = (smooth(at, OUTLINE_HEIGHTS, values) for values in (body.half_width, body.half_depth, body.forward))
    return Piece(column(pose, at, *outline), plain(body.skin))


def arms(pose: Pose, body: Physique) -> list[Piece]:
    """Upper arms, forearms and hands."""
    pieces = []
    for index, side in enumerate(SIDES):
        shoulder, elbow, wrist = arm_points(pose, side)
        hand = wrist + 0.3 * (wrist - elbow)
        for start, end, radii, parts in (
            (shoulder, elbow, (ARM, ELBOW), UPPER_ARM[index]),
            (elbow, wrist, (ELBOW, WRIST), LOWER_ARM[index]),
            (wrist, hand, (0.015, 0.017), (HANDS[index],) * 2),
        ):
            pieces.append(limb(pose, start, end, radii, body, parts))
    return pieces


def legs(pose: Pose, body: Physique, outfit: Outfit) -> list[Piece]:
    """Thighs, shins and shoes."""
    pieces = []
    for index, side in enumerate(SIDES):
        hip, knee, ankle = (pose.joints[f"{side}_{name}"] for name in ("hip", "knee", "ankle"))
        thigh = limb(pose, hip, knee, (THIGH, KNEE), body, UPPER_LEG[index], outfit.cover)
        shin = limb(pose, knee, ankle, (KNEE, ANKLE), body, LOWER_LEG[index], outfit.cover)
        if outfit.boots:
            shin = Piece(shin.solid, _boot(body.skin, outfit.shoes), shin.parts)
        out = 0.25 if side == "left" else -0.25
        heel, toe = ankle - 0.018 * UP, ankle + 0.055 * pose.direction(out, 1.0) - 0.024 * UP
        sole = Limb(heel, toe, (0.024, 0.016), pose.direction(0.0, 0.3) + UP)
        pieces += [thigh, shin, Piece(sole, plain(outfit.shoes), (FEET[index],) * 2)]
    return pieces


def limb(
    pose: Pose,
    start: np.ndarray,
    end: np.ndarray,
    radii: tuple[float, float],
    body: Physique,
    parts: tuple[int, int],
    cover: float = 2.0,
) -> Piece:
    """A piece of bare limb; radii at girth 1; hidden above the height `cover`."""
    thick = (radii[0] * body.limb, radii[1] * body.limb)
    return Piece(Limb(start, end, thick, pose.direction(0, 1), ceiling=pose.lift + cover), plain(body.skin), parts)


def arm_points(pose: Pose, side: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where the arm's balls are: shoulder, elbow, wrist, (F, 3) each."""
    shoulder, elbow, wrist = (pose.joints[f"{side}_{name}"] for name in ("shoulder", "elbow", "wrist"))
    return shoulder - DROP * UP, elbow, wrist


def _boot(skin: np.ndarray, shoe: np.ndarray) -> Paint:
    """A shin whose lower half is a boot."""
    return lambda surface: np.where((surface.along > 0.55)[:, None], shoe, skin).astype(np.float32)
