"""Head: neck, face and hair."""

import numpy as np

from lookreel.data.mannequin.bare import UP, limb
from lookreel.data.mannequin.column import column, heights
from lookreel.data.mannequin.labels import HEAD, TORSO_BACK, TORSO_FRONT
from lookreel.data.mannequin.limb import Limb
from lookreel.data.mannequin.physique import HEAD as CENTRE
from lookreel.data.mannequin.physique import HEAD_HALF, Physique
from lookreel.data.mannequin.piece import Paint, Piece, plain
from lookreel.data.mannequin.pose import Pose
from lookreel.data.mannequin.surface import Surface

LOW = {"short": 0.882, "bob": 0.845, "long": 0.785, "bun": 0.888, "tail": 0.888}  # where hair ends, by style


def head(pose: Pose, body: Physique) -> list[Piece]:
    """Neck, head with a face, nose and hair."""
    throat = limb(pose, pose.joints["neck"], _ears(pose), (0.027, 0.026), body, (TORSO_FRONT, TORSO_BACK))
    wide, high, deep = HEAD_HALF
    at = heights(CENTRE - high, CENTRE + high)
    round_, chin = np.sqrt(np.maximum(1 - ((at - CENTRE) / high) ** 2, 0)), np.clip((CENTRE - at) / high, 0, 1)
    bow = round_ * (1 - 0.1 * chin) + 1e-4
    skull = Piece(column(pose, at, wide * bow, deep * bow), _face(body.skin, body.hair))
    tip, ahead = pose.joints["nose"], pose.direction(0, 1)
    nose = Limb(tip + 0.004 * ahead - 0.003 * UP, tip + 0.012 * UP, (0.008, 0.005), ahead)
    return [throat, skull, Piece(nose, plain(body.skin), HEAD), *_cap(pose, body), *_tied(pose, body)]


def _ears(pose: Pose) -> np.ndarray:
    """The middle of the head, between the ears (F, 3)."""
    return 0.5 * (pose.joints["right_ear"] + pose.joints["left_ear"])


def _face(skin: np.ndarray, hair: np.ndarray) -> Paint:
    """Eyes, brows and mouth on the front of the head."""

    def paint(surface: Surface) -> np.ndarray:
        rgb = np.repeat(skin[None], len(surface.theta), axis=0)
        x, y = np.abs(surface.theta), surface.along - CENTRE
        rgb[((x - 0.42) / 0.17) ** 2 + ((y - 0.006) / 0.0065) ** 2 < 1] = (0.08, 0.08, 0.1)
        rgb[(np.abs(x - 0.42) < 0.24) & (np.abs(y - 0.021) < 0.003)] = 0.6 * hair + 0.4 * skin
        rgb[(x < 0.3) & (np.abs(y + 0.034) < 0.0045)] = skin * (0.78, 0.42, 0.42)
        return rgb

    return paint


def _cap(pose: Pose, body: Physique) -> list[Piece]:
    """Hair round the head, open at the face, inside and outside; a bob or long hair falls behind the neck."""
    wide, high, deep = (half + 0.008 for half in HEAD_HALF)
    long = body.hair_style in ("bob", "long")
    at = heights(LOW[body.hair_style], CENTRE + high)
    bow = np.sqrt(np.maximum(1 - (np.maximum(at - CENTRE, -0.6 * high if long else -1) / high) ** 2, 0)) + 1e-4
    forward = -0.004 - (0.034 if long else 0.0) * np.clip((CENTRE - at) / 0.18, 0, 1)
    edge, line = (1.15, 0.03) if long else (1.4, 0.034)

    def keep(theta: np.ndarray, height: np.ndarray) -> np.ndarray:
        return (np.abs(theta) > edge) | (height - CENTRE > line - 0.006 * np.cos(2 * theta))

    walls = [column(pose, at, wide * bow, deep * bow, forward, keep=keep, inner=inner) for inner in (False, True)]
    return [Piece(wall, plain(body.hair), shade=_strands) for wall in walls]


def _tied(pose: Pose, body: Physique) -> list[Piece]:
    """A bun on the crown or a tail at the back, or neither."""
    crown, behind = _ears(pose) - 0.052 * pose.direction(0, 1), pose.direction(0, -1)
    if body.hair_style == "bun":
        knot = Limb(crown + 0.05 * UP, crown + 0.052 * UP, (0.027, 0.027), behind)
        return [Piece(knot, plain(body.hair), HEAD)]
    if body.hair_style == "tail":
        tail = Limb(crown + 0.03 * UP, crown - 0.09 * UP + 0.03 * behind, (0.022, 0.012), behind)
        return [Piece(tail, plain(body.hair), HEAD)]
    return []


def _strands(surface: Surface) -> np.ndarray:
    return 1 + 0.1 * np.sin(13 * surface.theta + 2)
