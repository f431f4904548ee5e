"""YOLOX's side of the road: a picture to its square, the network's raw answers to boxes round people.

Source: Ge et al. 2021 and the files that its authors and DWPose publish. Two kinds of file are told apart by the shape
of what they answer: raw, (1, A, 5 + classes) with A cells of the strides 8, 16 and 32; and with the suppression of
doubles built in, (1, P, 5) boxes and scores, as OpenMMLab exports them (a second output then names classes).

Pictures go in as BGR in 0 to 255: YOLOX learned from what OpenCV reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from lookreel.errors import InputError

if TYPE_CHECKING:
    from lookreel.poses.network import Network

STRIDES = (8, 16, 32)
GREY = 114  # fills the square beside and below the picture
SCORE = 0.3  # boxes under it are dropped
DOUBLE = 0.45  # of two boxes with more intersection over union than this the weaker is dropped
PERSON = 0  # the class, of COCO's 80 or of a file's own


class PersonFinder:
    """Finds people with a YOLOX network. Raises InputError where the network answers in no known shape."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.size = network.picture_size()
        self._check(network.answer_shapes)

    def find(self, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Boxes (P, 4) and scores (P,) of the people in a picture uint8 (H, W, 3) RGB, best first.

        A box is x0, y0, x1, y1 in pixels, edges: (0, 0, W, H) is the whole picture; it never reaches outside.
        """
        square, scale = letterbox(picture, self.size)
        answers = self.network.run(square[None, ::-1].astype(np.float32))
        boxes, scores = decode(answers[0][0], self.size) if self.raw else built_in(answers)
        boxes, scores = one_each(boxes[scores > SCORE], scores[scores > SCORE])
        height, width = picture.shape[:2]
        return (boxes / np.tile(scale, 2)).clip(0, [width, height, width, height]), scores

    def _check(self, shapes: list[tuple[int, ...]]) -> None:
        height, width = self.size
        count = sum((height // stride) * (width // stride) for stride in STRIDES)
        first = shapes[0]
        self.raw = len(first) == 3 and first[2] > 5
        fits = (first[1] == count and not (height % 32 or width % 32)) if self.raw else first[1:][1:] == (5,)
        if len(first) != 3 or not fits:
            raise InputError(
                f"{self.network.path}: answers {first} to a picture of {height}x{width}; expected a YOLOX person "
                f"detector: (1, {count}, 6 or more), or (1, P, 5) where it suppresses doubles itself"
            )


def letterbox(picture: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The picture (H, W, 3) scaled into the top left of `size`, the rest grey: uint8 (3, h, w), and the scale (x, y).

    The scale is what the rounded sides really give, so that boxes come back to the pixel.
    """
    height, width = picture.shape[:2]
    ratio = min(size[0] / height, size[1] / width)
    rows, columns = max(int(height * ratio), 1), max(int(width * ratio), 1)
    square = np.full((*size, 3), GREY, np.uint8)
    square[:rows, :columns] = cv2.resize(picture, (columns, rows), interpolation=cv2.INTER_LINEAR)
    return square.transpose(2, 0, 1), np.array([columns / width, rows / height])


def cells(size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The cells of a picture of `size` in the network's order: their corners (A, 2) in strides, strides (A, 1)."""
    corners, strides = [], []
    for stride in STRIDES:
        y, x = np.mgrid[: size[0] // stride, : size[1] // stride]
        corners.append(np.stack([x.ravel(), y.ravel()], axis=1))
        strides.append(np.full((corners[-1].shape[0], 1), stride))
    return np.concatenate(corners).astype(np.float32), np.concatenate(strides).astype(np.float32)


def decode(raw: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Raw answers (A, 5 + classes) -> boxes (A, 4), edges in pixels of `size`, and scores (A,) that it is a person."""
    corner, stride = cells(size)
    centre = (raw[:, :2] + corner) * stride
    half = np.exp(np.minimum(raw[:, 2:4], 20)) * stride / 2
    return np.concatenate([centre - half, centre + half], axis=1), raw[:, 4] * raw[:, 5 + PERSON]


def built_in(answers: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Answers (1, P, 5), and classes (1, P) where there are any -> boxes (P, 4) and scores (P,) of people."""
    found = answers[0][0]
    if len(answers) > 1:
        found = found[answers[1][0] == PERSON]
    return found[:, :4], found[:, 4]


def one_each(boxes: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Drop each box that overlaps a better one by more than DOUBLE; best first."""
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    for i in order:
        if not kept or overlap(boxes[i][None], boxes[kept]).max() <= DOUBLE:
            kept.append(int(i))
    return boxes[kept], scores[kept]


def overlap(one: np.ndarray, many: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes (N, 4) with boxes (M, 4): (N, M)."""
    low = np.maximum(one[:, None, :2], many[None, :, :2])
    high = np.minimum(one[:, None, 2:], many[None, :, 2:])
    both = (high - low).clip(0).prod(2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(1) for boxes in (one, many)]
    return both / np.maximum(areas[0][:, None] + areas[1][None] - both, 1e-9)
