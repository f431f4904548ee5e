"""From one list of joints to another."""

from dataclasses import replace

import numpy as np

from lookreel.poses.skeleton import NECK
from lookreel.poses.track import Track

# The joint of COCO-WholeBody's 133 that each of OpenPose's 18 is; the neck (0 here) is made from the shoulders.
_BODY = (0, 0, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3)
_SHOULDERS = (6, 5)
_SURE = 0.3


def to_openpose18(track: Track) -> Track:
    """The same track with OpenPose's 18 joints; one that has them already is returned as it is.

    As in DWPose the neck is the mean of the shoulders, with the lower of their confidences, and absent (0) unless
    both exceed 0.3.
    """
    if track.layout == "openpose18":
        return track
    keypoints = track.keypoints[:, _BODY].astype(np.float32)
    shoulders = track.keypoints[:, _SHOULDERS]
    sure = (shoulders[..., 2] > _SURE).all(1)
    keypoints[:, NECK, :2] = shoulders[..., :2].mean(1)
    keypoints[:, NECK, 2] = np.where(sure, shoulders[..., 2].min(1), 0)
    return replace(track, keypoints=keypoints, layout="openpose18")
