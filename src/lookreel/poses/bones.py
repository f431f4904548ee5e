"""A body's bones: which joint hangs on which, and how long the parts are in a picture."""

from __future__ import annotations

import numpy as np

from lookreel.poses.draw import visible
from lookreel.poses.skeleton import (
    L_ANKLE,
    L_EAR,
    L_ELBOW,
    L_EYE,
    L_HIP,
    L_KNEE,
    L_SHOULDER,
    L_WRIST,
    NECK,
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

MID_HIP = 18  # the middle of the hips, added to OpenPose's 18

# For each joint the one it hangs on and the part that the bone between them belongs to, parents before children.
TREE = {
    NECK: (MID_HIP, "torso"), R_HIP: (MID_HIP, "hips"), L_HIP: (MID_HIP, "hips"),
    R_SHOULDER: (NECK, "shoulders"), L_SHOULDER: (NECK, "shoulders"),
    R_ELBOW: (R_SHOULDER, "upper arms"), L_ELBOW: (L_SHOULDER, "upper arms"),
    R_WRIST: (R_ELBOW, "forearms"), L_WRIST: (L_ELBOW, "forearms"),
    R_KNEE: (R_HIP, "thighs"), L_KNEE: (L_HIP, "thighs"), R_ANKLE: (R_KNEE, "shins"), L_ANKLE: (L_KNEE, "shins"),
    NOSE: (NECK, "head"), R_EYE: (NOSE, "face"), L_EYE: (NOSE, "face"), R_EAR: (R_EYE, "face"), L_EAR: (L_EYE, "face"),
}  # fmt: skip
PARTS = tuple(dict.fromkeys(part for _, part in TREE.values()))
WIDTHS = ("shoulders", "hips", "face")  # parts that shrink when the body turns
UPRIGHT = ("torso", "thighs", "shins")  # parts that give a standing body its height


def with_middle(keypoints: np.ndarray) -> np.ndarray:
    """Keypoints (F, 18, 3) -> (F, 19, 3): the middle of the hips is added, absent unless both are visible."""
    hips = keypoints[:, [R_HIP, L_HIP]]
    middle = hips.mean(1, keepdims=True)
    middle[..., 2] = np.where(visible(hips).all(1)[:, None], hips[..., 2].min(1)[:, None], 0)
    return np.concatenate([keypoints, middle], axis=1)


def lengths(keypoints: np.ndarray) -> dict[str, float]:
    """The length of each part in pixels, in the median of frames (F, 18, 3); parts that no frame shows are left out.

    Of a left and a right bone the longer one counts: in a picture a bone can only look shorter than it is. Of the
    WIDTHS it is their mean: a slight turn makes one longer and the other shorter.
    """
    points = with_middle(np.asarray(keypoints, np.float64))
    there = visible(points)
    found: dict[str, list[float]] = {}
    for joint, (parent, part) in TREE.items():
        both = there[:, joint] & there[:, parent]
        if both.any():
            along = points[both, joint, :2] - points[both, parent, :2]
            found.setdefault(part, []).append(float(np.median(np.linalg.norm(along, axis=1))))
    joined = {part: float(np.mean(both)) if part in WIDTHS else max(both) for part, both in found.items()}
    return {part: length for part, length in joined.items() if length > 0}


def rebuild(keypoints: np.ndarray, scales: dict[str, float], general: float) -> np.ndarray:
    """Keypoints (F, 18, 3) with every bone of a part `scales[part]` times as long, in the direction it had.

    What a picture foreshortens stays foreshortened. The middle of the hips keeps its place. A joint whose parent is
    not visible hangs on the nearest visible one above it; one with none above it moves with the general scale, away
    from the body's middle.
    """
    old = with_middle(np.asarray(keypoints, np.float64))
    there = visible(old)
    middle = np.where(there[..., None], old[..., :2], np.nan)
    centre = np.nan_to_num(_mean(middle))
    new = old.copy()
    new[..., :2] = centre[:, None] + general * (old[..., :2] - centre[:, None])
    new[:, MID_HIP, :2] = np.where(there[:, MID_HIP, None], old[:, MID_HIP, :2], new[:, MID_HIP, :2])
    for joint, (_, part) in TREE.items():
        waiting = there[:, joint].copy()
        for above in _above(joint):
            now = waiting & there[:, above]
            # Ears hang on the neck where no eye is seen, a wrist on the shoulder: the joint's own part still fits best.
            step = scales.get(part, general) * (old[now, joint, :2] - old[now, above, :2])
            new[now, joint, :2] = new[now, above, :2] + step
            waiting &= ~now
    return new[:, :18].astype(np.float32)


def _above(joint: int) -> list[int]:
    """The joints that a joint hangs on, nearest first."""
    chain = []
    while joint in TREE:
        joint = TREE[joint][0]
        chain.append(joint)
    return chain


def _mean(points: np.ndarray) -> np.ndarray:
    """Mean over joints of (F, J, 2) with NaN for absent ones; NaN where all are."""
    count = np.isfinite(points[..., 0]).sum(1)
    return np.where(count[:, None] > 0, np.nansum(points, axis=1) / np.maximum(count, 1)[:, None], np.nan)
