"""Training pictures for the bundled detector: mannequins cut out, set before other backgrounds, recoloured, moved."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from lookreel.data import mannequin
from lookreel.poses.mirror import MIRRORED
from lookreel.poses.yolox import GREY, overlap

RENDERED = (128, 96)
PER_GARMENT = 4  # figures of one garment, rendered together

_PEOPLE = (0, 1, 2, 3, 4)
_HOW_OFTEN = (0.1, 0.5, 0.2, 0.12, 0.08)
_OVERLAP = 0.3  # boxes in one scene may overlap by this intersection over union


@dataclass(frozen=True)
class Figure:
    """One rendered figure: picture uint8 (H, W, 3) RGB; mask uint8 (H, W), 1 on the person; keypoints (18, 3);
    box (4,): edges of the mask, x0 y0 x1 y1; yaw in radians."""

    picture: np.ndarray
    mask: np.ndarray
    keypoints: np.ndarray
    box: np.ndarray
    yaw: float


def figures(seed: int, choices: np.random.Generator) -> list[Figure]:
    """Four figures in the garment of `seed`: stills at random yaws, or moments of one of the motions."""
    if choices.random() < 0.6:
        made = mannequin.frames_at(seed, choices.uniform(-np.pi, np.pi, PER_GARMENT).tolist(), RENDERED)
    else:
        fps = float(choices.uniform(2, 8))
        made = mannequin.clip(seed, str(choices.choice(mannequin.MOTIONS)), PER_GARMENT, RENDERED, fps)
    pictures = made.frames.permute(0, 2, 3, 1).numpy()
    masks = made.masks["person"].numpy().astype(np.uint8)
    parts = zip(pictures, masks, made.track.keypoints, made.yaw.tolist(), strict=True)
    return [Figure(picture, mask, keypoints, _box(mask), yaw) for picture, mask, keypoints, yaw in parts]


def _box(mask: np.ndarray) -> np.ndarray:
    x, y, w, h = cv2.boundingRect(mask)
    return np.array([x, y, x + w, y + h], np.float64)


def backdrop(size: tuple[int, int], choices: np.random.Generator) -> np.ndarray:
    """uint8 (H, W, 3): a plain colour, a gradient, blotches, or blocks; sometimes grainy."""
    height, width = size
    colors = choices.uniform(0, 255, (4, 3)).astype(np.float32)
    kind = choices.integers(4)
    if kind == 0:
        picture = np.broadcast_to(colors[0], (*size, 3)).copy()
    elif kind == 1:
        picture = cv2.resize(colors.reshape(2, 2, 3), (width, height), interpolation=cv2.INTER_LINEAR)
    elif kind == 2:
        grid = choices.uniform(0, 255, (*choices.integers(3, 24, 2), 3)).astype(np.float32)
        picture = cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
    else:
        picture = np.broadcast_to(colors[0], (*size, 3)).copy()
        for color in choices.uniform(0, 255, (choices.integers(1, 7), 3)):
            x, y = choices.integers(0, width), choices.integers(0, height)
            w, h = choices.integers(4, width), choices.integers(4, height)
            picture[y : y + h, x : x + w] = color
    return picture.clip(0, 255).astype(np.uint8)


def relit(picture: np.ndarray, choices: np.random.Generator) -> np.ndarray:
    """The picture uint8 (H, W, 3) in another light, sometimes coarser or grainy."""
    height, width = picture.shape[:2]
    if choices.random() < 0.25:
        share = choices.uniform(0.6, 0.95)
        small = cv2.resize(picture, (round(width * share), round(height * share)), interpolation=cv2.INTER_AREA)
        picture = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    light = choices.uniform(0.75, 1.3) * choices.uniform(0.88, 1.12, 3)
    result = picture.astype(np.float32) * light.astype(np.float32) + np.float32(choices.uniform(-20, 20))
    if choices.random() < 0.25:
        grain = np.random.Generator(np.random.SFC64(choices.integers(2**31))).standard_normal(picture.shape, np.float32)
        result += grain * np.float32(choices.uniform(2, 12))
    return result.clip(0, 255).astype(np.uint8)


def _set_before(figure: Figure, background: np.ndarray, matrix: np.ndarray) -> None:
    """Paint the figure, moved by `matrix` (2, 3), onto the background, in place."""
    size = background.shape[1::-1]
    mask = cv2.warpAffine(figure.mask * np.float32(1), matrix, size)[..., None]
    picture = cv2.warpAffine(figure.picture, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    background[:] = (picture * mask + background * (1 - mask) + 0.5).astype(np.uint8)


def crop(
    figure: Figure, beside: Figure, size: tuple[int, int], choices: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, float]:
    """A crop round the figure as a person detector with some error would cut it: uint8 (H, W, 3) RGB of `size`, and
    keypoints (18, 3) in its pixels, confidence 0 where unseen or outside, and the yaw. beside: who may stand behind."""
    stage, offset = figure.picture, np.zeros(2)
    if choices.random() < 0.6:
        wide = (RENDERED[0] + 44, RENDERED[1] + 64)
        stage, offset = backdrop(wide, choices), np.array([32.0, 22.0])
        if choices.random() < 0.25:
            aside = offset + [choices.choice([-1, 1]) * choices.uniform(24, 54), choices.uniform(-20, 20)]
            _set_before(beside, stage, np.float64([[1, 0, aside[0]], [0, 1, aside[1]]]))
        _set_before(figure, stage, np.float64([[1, 0, offset[0]], [0, 1, offset[1]]]))
    matrix, mirrored = _cut(figure.box + np.tile(offset, 2), size, choices)
    edge = cv2.BORDER_CONSTANT if choices.random() < 0.6 else cv2.BORDER_REPLICATE
    picture = cv2.warpAffine(stage, matrix, size[::-1], flags=cv2.INTER_LINEAR, borderMode=edge)
    keypoints = figure.keypoints.astype(np.float64)
    keypoints[:, :2] = (keypoints[:, :2] + offset) @ matrix[:, :2].T + matrix[:, 2]
    inside = ((keypoints[:, :2] >= 0) & (keypoints[:, :2] <= np.array(size[::-1]) - 1)).all(1)
    keypoints[:, 2] *= inside
    if mirrored:
        return relit(picture, choices), keypoints[MIRRORED], -figure.yaw
    return relit(picture, choices), keypoints, figure.yaw


def _cut(box: np.ndarray, size: tuple[int, int], choices: np.random.Generator) -> tuple[np.ndarray, bool]:
    """Matrix (2, 3) from a picture to the crop of a box, padded, shifted, turned; and whether it mirrors."""
    height, width = size
    centre, extent = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
    centre = centre + choices.uniform(-0.06, 0.06, 2) * extent
    tall = max(extent[1], extent[0] * height / width) * 1.25 * choices.uniform(0.85, 1.25)
    scale, turn = height / tall, np.radians(choices.uniform(-8, 8))
    mirrored = bool(choices.random() < 0.5)
    across = -scale if mirrored else scale
    linear = np.array([[across * np.cos(turn), -across * np.sin(turn)], [scale * np.sin(turn), scale * np.cos(turn)]])
    return np.column_stack([linear, np.array([width, height]) / 2 - linear @ centre]), mirrored


def scene(people: list[Figure], size: tuple[int, int], choices: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Nobody to four of the people in one picture of any shape, padded with YOLOX's grey to `size` at right and bottom:
    uint8 (H, W, 3) RGB and boxes (P, 4), the edges of what is in the picture."""
    sides = np.array(size) * np.where(choices.permutation(2) == 0, 1.0, choices.uniform(0.42, 1.0))
    height, width = (int(side) for side in sides)
    count = int(choices.choice(_PEOPLE, p=_HOW_OFTEN))
    chosen = [people[i] for i in choices.permutation(len(people))[:count]]
    if chosen and choices.random() < 0.4:
        stage = np.broadcast_to(chosen[0].picture[0, 0], (height, width, 3)).copy()
    else:
        stage = backdrop((height, width), choices)
    boxes = np.zeros((0, 4))
    for figure in chosen:
        matrix, box = _place(figure, (height, width), count, choices)
        if len(boxes) == 0 or overlap(box[None], boxes).max() < _OVERLAP:
            _set_before(figure, stage, matrix)
            boxes = np.vstack([boxes, box])
    picture = np.full((*size, 3), GREY, np.uint8)
    picture[:height, :width] = relit(stage, choices)
    return picture, boxes


def _place(
    figure: Figure, size: tuple[int, int], count: int, choices: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Where a figure goes in a scene: matrix (2, 3) and box (4,), cut at the picture's edges."""
    height, width = size
    extent = figure.box[2:] - figure.box[:2]
    largest = min(1.05 * height / extent[1], 1.1 * width / extent[0])
    scale = largest * np.exp(choices.uniform(np.log(0.55 if count == 1 else 0.35), 0))
    room = np.array([width, height]) - scale * extent
    slack = 0.08 * scale * extent
    low, high = np.minimum(-slack, room), np.maximum(room + slack, 0)
    corner = np.where(choices.random(2) < 0.2, choices.uniform(low, high), choices.uniform(0, 1, 2) * room)
    matrix = np.column_stack([np.eye(2) * scale, corner - scale * figure.box[:2]])
    box = np.concatenate([corner, corner + scale * extent]).clip(0, [width, height, width, height])
    return matrix, box
