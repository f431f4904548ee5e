"""Keypoints: the skeleton as a detector would report it."""

import numpy as np

from lookreel.data.mannequin.camera import Camera
from lookreel.data.mannequin.pose import Pose
from lookreel.poses.skeleton import JOINTS

HIDDEN = 0.055  # an elbow or wrist this far behind the nearest surface is not reported, in figure heights
# Seen while cos(yaw + angle) is above the second number.
_FACING = {
    "nose": (0.0, 0.05), "right_eye": (-0.35, 0.12), "left_eye": (0.35, 0.12),
    "right_ear": (-1.57, -0.3), "left_ear": (1.57, -0.3),
}  # fmt: skip


def keypoints(pose: Pose, camera: Camera, depth: np.ndarray) -> np.ndarray:
    """float32 (F, 18, 3): x, y in pixels and confidence; (0, 0, 0) for joints that are not seen.

    Parts of the face are seen while they face the camera; elbows and wrists unless the trunk or another limb covers
    them (depth: (F, H, W) of the nearest surface); the rest always, as detectors guess them well.
    """
    points = np.stack([pose.joints[name] for name in JOINTS], axis=1)
    x, y = camera.pixels(points[..., 0], points[..., 1])
    seen = np.ones(x.shape, bool)
    for name, (angle, least) in _FACING.items():
        seen[:, JOINTS.index(name)] = np.cos(pose.yaw + angle) > least
    rows, columns = np.clip(y.astype(int), 0, camera.size[0] - 1), np.clip(x.astype(int), 0, camera.size[1] - 1)
    near = depth[np.arange(len(x))[:, None], rows, columns]
    for joint, name in enumerate(JOINTS):
        if name.endswith(("elbow", "wrist")):
            seen[:, joint] = near[:, joint] - points[:, joint, 2] < HIDDEN
    # Whole numbers are the centres of pixels, as everywhere in poses/.
    return (np.stack((x - 0.5, y - 0.5, np.ones_like(x)), axis=2) * seen[..., None]).astype(np.float32)
