"""Pose: the skeleton in space, frame by frame, and how the cloth hangs behind it."""

from dataclasses import dataclass

import numpy as np

from lookreel.data.mannequin.moves import Moves
from lookreel.data.mannequin.physique import (
    ANKLE,
    FOREARM,
    HEAD,
    HIP,
    HIP_HALF,
    KNEE,
    NECK,
    SHOULDER_HALF,
    UPPER_ARM,
)  # fmt: skip
from lookreel.data.mannequin.stance import Stance

_AXIS = np.array([HIP, 0.66, NECK, HEAD])  # heights of the knots of the spine
_THIGH, _SHIN = HIP - KNEE, KNEE - ANKLE


@dataclass(frozen=True)
class Pose:
    """axis: (F, 4, 2) the spine's shift to the left and ahead at four heights. lift: (F,) rise of the body. joints: by
    name, (F, 3) world x, height, z. hem: (F, 2) shift of a long hem to the left and ahead; twist: (F,) how far it
    turns behind the body, radians; spread: (F,) how far the knees are apart from front to back."""

    yaw: np.ndarray
    axis: np.ndarray
    lift: np.ndarray
    joints: dict[str, np.ndarray]
    hem: np.ndarray
    twist: np.ndarray
    spread: np.ndarray

    @classmethod
    def of(cls, stance: Stance, moves: Moves) -> "Pose":
        spine = _spine(stance, moves)
        legs, lift = _legs(stance, moves, spine)
        local = _head(spine) | _arms(stance, moves, spine) | legs
        lag = np.sin(moves.stride - 0.9) * 0.02 * (moves.step > 0) - moves.sway * 0.006
        hem = np.stack((lag, 0.15 * (legs["right_knee"][:, 2] + legs["left_knee"][:, 2])), axis=1)
        joints = {name: _world(point, moves.yaw, lift) for name, point in local.items()}
        spread = np.abs(legs["right_knee"][:, 2] - legs["left_knee"][:, 2])
        return cls(moves.yaw, spine, lift, joints, hem, -0.07 * np.clip(moves.rate, -5, 5), spread)

    def shift(self, heights: np.ndarray) -> np.ndarray:
        """The spine's shift (F, K, 2) to the left and ahead at these heights."""
        hats = np.stack([np.interp(heights, _AXIS, row) for row in np.eye(len(_AXIS))], axis=1)
        return np.einsum("kj,fjc->fkc", hats, self.axis)

    def direction(self, side: float, ahead: float) -> np.ndarray:
        """The world direction (F, 3) that lies this far to the left and this far ahead of the body."""
        local = np.broadcast_to(np.array([side, 0.0, ahead]), (len(self.yaw), 3))
        return _world(local, self.yaw, np.zeros(1))


def _world(local: np.ndarray, yaw: np.ndarray, lift: np.ndarray) -> np.ndarray:
    """(F, 3) to the left, height, ahead of the body -> world x, height, z."""
    side, height, ahead = local.T
    cos, sin = np.cos(yaw), np.sin(yaw)
    return np.stack((side * cos + ahead * sin, height + lift, ahead * cos - side * sin), axis=1).astype(np.float32)


def _spine(stance: Stance, moves: Moves) -> np.ndarray:
    hip, lean = stance.hip * moves.sway, stance.lean - 0.3 * stance.hip * moves.sway
    side = np.stack((hip, 0.4 * hip + 0.3 * lean, lean, lean * 1.2), axis=1)
    return np.stack((side, np.zeros_like(side)), axis=2)


def _points(side: np.ndarray, height: np.ndarray, ahead: np.ndarray) -> np.ndarray:
    return np.stack(np.broadcast_arrays(side, height, ahead), axis=1)


def _head(spine: np.ndarray) -> dict[str, np.ndarray]:
    at = lambda knot, side, height, ahead: _points(spine[:, knot, 0] + side, height, spine[:, knot, 1] + ahead)  # noqa: E731
    return {
        "neck": at(2, 0.0, NECK, 0.0),
        "nose": at(3, 0.0, HEAD - 0.009, 0.052),
        "right_eye": at(3, -0.018, HEAD + 0.006, 0.047),
        "left_eye": at(3, 0.018, HEAD + 0.006, 0.047),
        "right_ear": at(3, -0.042, HEAD, -0.002),
        "left_ear": at(3, 0.042, HEAD, -0.002),
    }


def _arms(stance: Stance, moves: Moves, spine: np.ndarray) -> dict[str, np.ndarray]:
    joints = {}
    for index, (name, sign) in enumerate((("right", -1), ("left", 1))):
        swing = sign * np.sin(moves.stride) * 4.5 * moves.step
        drift = 0.04 * moves.sway * sign
        shoulder = _points(spine[:, 2, 0] + sign * SHOULDER_HALF, NECK, spine[:, 2, 1])
        upper = _bone(sign, stance.upper_out[index] + drift, stance.upper_ahead[index] + swing, UPPER_ARM)
        bend = stance.fore_ahead[index] + swing + 0.5 * np.abs(swing)
        fore = _bone(sign, stance.fore_out[index] + drift, bend, FOREARM)
        joints |= {
            f"{name}_shoulder": shoulder,
            f"{name}_elbow": shoulder + upper,
            f"{name}_wrist": shoulder + upper + fore,
        }
    return joints


def _bone(sign: int, out: np.ndarray, ahead: np.ndarray, length: float) -> np.ndarray:
    """A hanging bone turned outwards and forwards by these angles."""
    return length * _points(sign * np.sin(out), -np.cos(out) * np.cos(ahead), np.cos(out) * np.sin(ahead))


def _legs(stance: Stance, moves: Moves, spine: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Leg joints, with the body's rise taken off, and that rise: low enough for both feet to reach the floor."""
    feet, reach = {}, []
    for name, sign in (("right", -1), ("left", 1)):
        ahead = -moves.step * np.sin(moves.stride) * sign
        height = ANKLE + 0.4 * moves.step * np.maximum(0, -sign * np.cos(moves.stride))
        side = spine[:, 0, 0] + sign * HIP_HALF
        ankle = sign * stance.feet * (1 - 4 * moves.step)
        feet[name] = (side, ankle, height, ahead)
        reach.append(np.sqrt((_THIGH + _SHIN) ** 2 - ahead**2 - (ankle - side) ** 2) + ANKLE - HIP)
    lift = np.minimum(np.minimum(*reach), 0) - 0.002
    joints = {}
    for name, (side, ankle, height, ahead) in feet.items():
        hip, foot = _points(side, HIP, 0.0 * side), _points(ankle + 0.0 * side, height - lift, ahead)
        joints |= {f"{name}_hip": hip, f"{name}_knee": _knee(hip, foot), f"{name}_ankle": foot}
    return joints, lift


def _knee(hip: np.ndarray, foot: np.ndarray) -> np.ndarray:
    """Where thigh and shin meet: two bones of fixed length, bent forwards."""
    line = foot - hip
    length = np.linalg.norm(line, axis=1, keepdims=True)
    share = (length**2 + _THIGH**2 - _SHIN**2) / (2 * length**2)
    bend = np.sqrt(np.maximum(_THIGH**2 - (share * length) ** 2, 0))
    line = line / length
    ahead = np.array([0.0, 0.0, 1.0]) - line * line[:, 2:]
    return hip + share * length * line + bend * ahead / np.linalg.norm(ahead, axis=1, keepdims=True)
