"""From one list of joints to another."""

from dataclasses import replace

import numpy as np

from lookreel.poses.skeleton import NECK
from lookreel.poses.track import Track

# The joint of COCO's 17, with which COCO-WholeBody's 133 begin, that each of OpenPose's 18 is; the neck (0 here) is
# made from the shoulders.
_COCO = (0, 0, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3)
_SHOULDERS = (6, 5)
# The joint of OpenPose's BODY_25 that each of its 18 is: BODY_25 has the middle of the hips at 8, and feet at the end.
_BODY_25 = (0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18)
_SURE = 0.3


def to_openpose18(track: Track) -> Track:
    """The same track with OpenPose's 18 joints; one that has them already is returned as it is.

    As in DWPose the neck is the mean of the shoulders, with the lower of their confidences, and absent (0) unless
    both exceed 0.3.
    """
    if track.layout == "openpose18":
        return track
    return replace(track, keypoints=from_coco(track.keypoints), layout="openpose18")


def from_coco(keypoints: np.ndarray) -> np.ndarray:
    """float32 (..., 18, 3) from (..., J, 3) whose first 17 joints are COCO's, as those of COCO-WholeBody are."""
    body = keypoints[..., _COCO, :].astype(np.float32)
    shoulders = keypoints[..., _SHOULDERS, :]
    sure = (shoulders[..., 2] > _SURE).all(-1)
    body[..., NECK, :2] = shoulders[..., :2].mean(-2)
    body[..., NECK, 2] = np.where(sure, shoulders[..., 2].min(-1), 0)
    return body


def from_body25(keypoints: np.ndarray) -> np.ndarray:
    """float32 (..., 18, 3) from OpenPose's BODY_25 (..., 25, 3)."""
    return keypoints[..., _BODY_25, :].astype(np.float32)
