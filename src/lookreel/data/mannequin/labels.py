"""Labels: DensePose's numbering of the body, I 1-24 with U and V; clothes are labelled as the body beneath them."""

import numpy as np

from lookreel.data.mannequin.physique import HIP, KNEE, NECK

TORSO_BACK, TORSO_FRONT = 1, 2
HANDS, FEET, HEAD = (3, 4), (6, 5), (23, 24)  # right, left
UPPER_LEG, LOWER_LEG = ((9, 7), (10, 8)), ((13, 11), (14, 12))  # (right, left) of (front, back)
UPPER_ARM, LOWER_ARM = ((16, 18), (15, 17)), ((20, 22), (19, 21))
_BORDERS = ((NECK + 0.035, 1.02), (HIP - 0.05, NECK + 0.035), (KNEE, HIP - 0.05), (0.0, KNEE))


def stack_label(theta: np.ndarray, height: np.ndarray) -> np.ndarray:
    """uint8 (N, 3): part, U, V of points of a stack, by their height and the angle round the body."""
    back, left = np.abs(theta) > np.pi / 2, theta > 0
    parts = (
        np.where(left, *reversed(HEAD)),
        np.where(back, TORSO_BACK, TORSO_FRONT),
        *(
            np.where(left, np.where(back, *reversed(leg[1])), np.where(back, *reversed(leg[0])))
            for leg in (UPPER_LEG, LOWER_LEG)
        ),
    )
    part, v = parts[-1], height / KNEE
    for (low, high), choice in list(zip(_BORDERS, parts, strict=True))[-2::-1]:
        above = height > low
        part, v = np.where(above, choice, part), np.where(above, (height - low) / (high - low), v)
    return _packed(part, _round(theta), v)


def limb_label(parts: tuple[int, int], theta: np.ndarray, along: np.ndarray) -> np.ndarray:
    """uint8 (N, 3): part, U, V of points of a limb whose front and back are these parts."""
    return _packed(np.where(np.abs(theta) > np.pi / 2, parts[1], parts[0]), _round(theta), along)


def _round(theta: np.ndarray) -> np.ndarray:
    """0 on the person's right to 1 on their left, over the front as over the back.

    So U runs on round the body without a jump, and from behind it runs the other way across the picture: who is given
    U and V without the part, as DreamPose is, still can tell a back from a front.
    """
    turn = np.where(np.abs(theta) > np.pi / 2, np.copysign(np.pi, theta) - theta, theta)
    return turn / np.pi + 0.5


def _packed(part: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    columns = (part, np.clip(u, 0, 1) * 255, np.clip(v, 0, 1) * 255)
    return np.stack([column.astype(np.uint8) for column in columns], axis=1)
