"""SimCC's side of the road: a box to the network's crop, its two classifications of each joint to pixels.

Source: Li et al. 2022 (SimCC), Jiang et al. 2023 (RTMPose), whose exports DWPose and RTMW are. The network answers a
crop (3, H, W) with simcc_x (J, W * split) and simcc_y (J, H * split); a joint lies at the highest bin of each, divided
by split, and is as sure as the lower of the two maxima.

Crops go in as RGB, as RTMPose's training config has it (bgr_to_rgb=True with the mean below). Several open tools feed
BGR here, from OpenCV, which costs accuracy (Tau-J/rtmlib#48).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from lookreel.errors import InputError

if TYPE_CHECKING:
    from lookreel.poses.network import Network

MEAN = (123.675, 116.28, 103.53)
STD = (58.395, 57.12, 57.375)
PADDING = 1.25  # a crop is this much larger than the box

LAYOUT_OF = {133: "wholebody133", 18: "openpose18", 17: "openpose18"}  # by joints that a network answers
AT_ONCE = 16  # crops in one call, where a network takes several


class PoseReader:
    """Reads the joints of people in boxes. Raises InputError where the network answers in no known shape.

    joints: how many it answers, 133 (COCO-WholeBody), 18 (OpenPose) or 17 (COCO).
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.size = network.picture_size()
        self.joints, self.split = self._checked(network.answer_shapes)

    def read(self, picture: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """Keypoints float32 (P, joints, 3) of the people in boxes (P, 4) of a picture uint8 (H, W, 3) RGB.

        x, y in its pixels, whole numbers their centres, and confidence: the network's maximum, cut to [0, 1].
        """
        found = [np.zeros((0, self.joints, 3), np.float32)]
        step = AT_ONCE if self.network.takes_several() else 1
        for start in range(0, len(boxes), step):
            matrices = [crop_matrix(box, self.size) for box in boxes[start : start + step]]
            crops = np.stack([_crop(picture, matrix, self.size) for matrix in matrices])
            columns, rows = self.network.run(crops)
            found.append(decode(columns, rows, self.split, matrices))
        return np.concatenate(found)

    def _checked(self, shapes: list[tuple[int, ...]]) -> tuple[int, int]:
        """The number of joints and the bins per pixel."""
        height, width = self.size
        two = len(shapes) == 2 and all(len(shape) == 3 for shape in shapes)
        split = shapes[0][2] // width if two else 0
        if not two or shapes != [(1, shapes[0][1], width * split), (1, shapes[0][1], height * split)] or split < 1:
            raise InputError(
                f"{self.network.path}: answers {', '.join(map(str, shapes))} to a crop of {height}x{width}; expected a "
                f"SimCC pose network: simcc_x (1, J, {width} * split) and simcc_y (1, J, {height} * split)"
            )
        if shapes[0][1] not in LAYOUT_OF:
            raise InputError(
                f"{self.network.path}: answers {shapes[0][1]} joints; expected 133 (COCO-WholeBody), 18 (OpenPose) or "
                "17 (COCO)"
            )
        return shapes[0][1], split


def crop_matrix(box: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Matrix (2, 3) from the picture's pixels to those of a crop of `size`, round a box (4,) of x0, y0, x1, y1.

    The box, 1.25 times as large, is widened or heightened to the crop's shape; its middle comes to the crop's middle.
    """
    height, width = size
    centre = (box[:2] + box[2:]) / 2
    wide, tall = np.maximum((box[2:] - box[:2]) * PADDING, 1e-3)
    scale = width / max(wide, tall * width / height)
    return np.array([[scale, 0, width / 2 - scale * centre[0]], [0, scale, height / 2 - scale * centre[1]]])


def _crop(picture: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """float32 (3, h, w), normalised; black outside the picture."""
    crop = cv2.warpAffine(picture, matrix, size[::-1], flags=cv2.INTER_LINEAR)
    return ((crop.astype(np.float32) - np.float32(MEAN)) / np.float32(STD)).transpose(2, 0, 1)


def decode(columns: np.ndarray, rows: np.ndarray, split: int, matrices: list[np.ndarray]) -> np.ndarray:
    """simcc_x (P, J, W * split), simcc_y (P, J, H * split), matrices to their crops -> keypoints (P, J, 3).

    A joint whose maximum is not positive is absent: all three numbers 0.
    """
    place = np.stack([columns.argmax(2), rows.argmax(2)], axis=2) / split
    sure = np.minimum(columns.max(2), rows.max(2)).clip(0, 1)
    offset = np.stack([matrix[:, 2] for matrix in matrices])[:, None]
    scale = np.stack([matrix[0, 0] for matrix in matrices])[:, None, None]
    points = np.concatenate([(place - offset) / scale, sure[..., None]], axis=2)
    return (points * (sure > 0)[..., None]).astype(np.float32)
