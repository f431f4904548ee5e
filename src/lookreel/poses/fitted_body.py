"""A body fitted to joints and rendered to part, U and V: for a motion of which no more than the joints is known.

The body is the mannequin's, without clothes: its trunk has the joints' torso length, and its limbs go from joint to
joint. A picture's joints have no depth; limbs are taken to be as far from the camera as the shoulder or hip they hang
on, which decides only what covers what.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lookreel.data.mannequin.bare import ANKLE, KNEE, THIGH, UP, arms, limb, trunk
from lookreel.data.mannequin.camera import FILL, Camera
from lookreel.data.mannequin.head import head
from lookreel.data.mannequin.labels import FEET, LOWER_LEG, UPPER_LEG
from lookreel.data.mannequin.limb import Limb
from lookreel.data.mannequin.physique import HIP, HIP_HALF, NECK, SHOULDER_HALF, Physique
from lookreel.data.mannequin.piece import Piece, plain
from lookreel.data.mannequin.pose import Pose
from lookreel.data.mannequin.render import Stage, render
from lookreel.errors import InputError
from lookreel.poses.bones import TREE, with_middle
from lookreel.poses.draw import visible
from lookreel.poses.facing import width_of, yaws
from lookreel.poses.skeleton import (
    JOINTS,
    L_ANKLE,
    L_EAR,
    L_ELBOW,
    L_EYE,
    L_HIP,
    L_KNEE,
    L_SHOULDER,
    L_WRIST,
    NOSE,
    R_ANKLE,
    R_EAR,
    R_ELBOW,
    R_EYE,
    R_HIP,
    R_KNEE,
    R_SHOULDER,
    R_WRIST,
)
from lookreel.poses.skeleton import NECK as NECK_JOINT
from lookreel.poses.view import WIDTH, orientation

TORSO = NECK - HIP  # in figure heights, as all lengths here
_ARMS = {-1: (R_SHOULDER, R_ELBOW, R_WRIST), 1: (L_SHOULDER, L_ELBOW, L_WRIST)}
_LEGS = {-1: (R_HIP, R_KNEE, R_ANKLE), 1: (L_HIP, L_KNEE, L_ANKLE)}
# Where a joint that no frame shows is put, seen from the one it hangs on: to the person's left, down, ahead.
_USUAL = {
    NECK_JOINT: (0.0, -TORSO, 0.0), NOSE: (0.0, -0.096, 0.052),
    R_SHOULDER: (-SHOULDER_HALF, 0.0, 0.0), L_SHOULDER: (SHOULDER_HALF, 0.0, 0.0),
    R_ELBOW: (-0.03, 0.157, 0.0), L_ELBOW: (0.03, 0.157, 0.0),
    R_WRIST: (-0.02, 0.138, 0.0), L_WRIST: (0.02, 0.138, 0.0),
    R_HIP: (-HIP_HALF, 0.0, 0.0), L_HIP: (HIP_HALF, 0.0, 0.0),
    R_KNEE: (0.0, 0.235, 0.0), L_KNEE: (0.0, 0.235, 0.0), R_ANKLE: (0.0, 0.24, 0.0), L_ANKLE: (0.0, 0.24, 0.0),
    R_EYE: (-0.018, -0.015, -0.005), L_EYE: (0.018, -0.015, -0.005),
    R_EAR: (-0.024, 0.006, -0.049), L_EAR: (0.024, 0.006, -0.049),
}  # fmt: skip


def fitted_body(keypoints: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Keypoints (F, 18, 3) in pixels of `size` = (H, W) -> uint8 (F, 3, H, W): part 0-24, U and V scaled to 0-255.

    Joints that are not seen are taken from the frames around, or from a body that stands.
    Raises InputError where no frame shows shoulders and hips.
    """
    r = orientation(keypoints)
    if not np.isfinite(r).any():
        raise InputError("no frame shows both shoulders and the hips; a body is fitted to nothing less")
    yaw = yaws(keypoints)
    points = with_middle(np.asarray(keypoints, np.float64))
    scale = _scale(points)
    pixels = _complete(points, yaw, scale)
    camera = Camera(size, scale / (FILL * min(size[0], size[1] * 4 / 3)))
    pose = _pose(pixels, yaw, camera)
    wide = float(np.clip(width_of(r) / WIDTH, 0.75, 1.5))
    body = Physique.average()
    body = replace(body, half_width=body.half_width * wide, limb=body.limb * wide**0.5)
    pieces = [trunk(pose, body), *arms(pose, body), *_legs(pose, body), *head(pose, body)]
    stage = Stage(np.zeros(3, np.float32), np.array([0, 0, 1], np.float32), 1.0)
    return render(pieces, stage, camera, len(keypoints)).dense


def _scale(points: np.ndarray) -> float:
    """Pixels of a figure height, from the longest torso of points (F, 19, 3) but for outliers."""
    there = visible(points)
    both = there[:, NECK_JOINT] & there[:, 18]
    chosen = points[both] if both.any() else None
    if chosen is None:  # a neck or a hip is never seen: the shoulders and the other hip stand for them
        return float(np.ptp(points[there][:, 1])) if there.any() else 1.0
    torso = np.linalg.norm(chosen[:, NECK_JOINT, :2] - chosen[:, 18, :2], axis=1)
    return max(float(np.percentile(torso, 90)) / TORSO, 1.0)


def _complete(points: np.ndarray, yaw: np.ndarray, scale: float) -> np.ndarray:
    """Pixels (F, 19, 2) of every joint. What a frame does not show hangs on its parent as in the frames around."""
    there = visible(points)
    full = np.where(there[..., None], points[..., :2], np.nan)
    full[:, 18] = _root(full, scale)
    for joint, (parent, _) in TREE.items():
        left, down, ahead = _USUAL[joint]
        usual = scale * np.stack([left * np.cos(yaw) + ahead * np.sin(yaw), np.full_like(yaw, down)], axis=1)
        offset = _filled(full[:, joint] - full[:, parent], usual)
        full[:, joint] = np.where(np.isfinite(full[:, joint]), full[:, joint], full[:, parent] + offset)
    return full


def _root(full: np.ndarray, scale: float) -> np.ndarray:
    """The middle of the hips (F, 2): seen, or one hip, or below the neck; else as in the frames around."""
    hips = np.where(np.isfinite(full[:, R_HIP]), full[:, R_HIP], full[:, L_HIP])
    shoulders = (full[:, R_SHOULDER] + full[:, L_SHOULDER]) / 2
    below = np.where(np.isfinite(full[:, NECK_JOINT]), full[:, NECK_JOINT], shoulders) + [0, TORSO * scale]
    root = np.where(np.isfinite(full[:, 18]), full[:, 18], np.where(np.isfinite(hips), hips, below))
    return _filled(root, np.zeros_like(root))


def _filled(values: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """Values (F, 2) with NaN taken from the frames around; `usual` where all are."""
    known = np.flatnonzero(np.isfinite(values).all(1))
    if not len(known):
        return usual
    frames = np.arange(len(values))
    return np.stack([np.interp(frames, known, values[known, axis]) for axis in range(2)], axis=1)


def _pose(pixels: np.ndarray, yaw: np.ndarray, camera: Camera) -> Pose:
    """The mannequin's skeleton through these pixels (F, 19, 2)."""
    x = (pixels[..., 0] + 0.5 - camera.middle) / camera.scale
    height = (camera.floor - pixels[..., 1] - 0.5) / camera.scale
    depth = np.zeros_like(x)
    for half, chains in ((SHOULDER_HALF, _ARMS), (HIP_HALF, _LEGS)):
        for sign, joints in chains.items():
            depth[:, joints] = (-sign * half * np.sin(yaw))[:, None]
    depth[:, NOSE] = 0.052 * np.cos(yaw)
    points = np.stack([x, height, depth], axis=2).astype(np.float32)
    crown = points[:, [R_EAR, L_EAR], 0].mean(1)
    knots = np.stack([x[:, 18], (x[:, 18] + x[:, NECK_JOINT]) / 2, x[:, NECK_JOINT], crown], axis=1)
    axis = np.stack([knots * np.cos(yaw)[:, None], knots * np.sin(yaw)[:, None]], axis=2)
    still = np.zeros(len(yaw))
    joints = {name: _apart(points, i) for i, name in enumerate(JOINTS)}
    return Pose(yaw, axis, height[:, 18] - HIP, joints, np.zeros((len(yaw), 2)), still, still)


def _apart(points: np.ndarray, joint: int) -> np.ndarray:
    """A joint (F, 3), never exactly where its parent is: a bone without length has no direction."""
    parent = TREE[joint][0]
    if parent >= points.shape[1]:
        return points[:, joint]
    near = np.linalg.norm(points[:, joint] - points[:, parent], axis=1) < 1e-3
    return points[:, joint] - near[:, None] * np.float32(2e-3) * UP


def _legs(pose: Pose, body: Physique) -> list[Piece]:
    """Thighs, shins and feet."""
    pieces = []
    for index, side in enumerate(("right", "left")):
        hip, knee, ankle = (pose.joints[f"{side}_{name}"] for name in ("hip", "knee", "ankle"))
        out = 0.25 if side == "left" else -0.25
        heel, toe = ankle - 0.018 * UP, ankle + 0.055 * pose.direction(out, 1.0) - 0.024 * UP
        foot = Limb(heel, toe, (0.024, 0.016), pose.direction(0.0, 0.3) + UP)
        pieces += [
            limb(pose, hip, knee, (THIGH, KNEE), body, UPPER_LEG[index]),
            limb(pose, knee, ankle, (KNEE, ANKLE), body, LOWER_LEG[index]),
            Piece(foot, plain(body.skin), (FEET[index],) * 2),
        ]
    return pieces
