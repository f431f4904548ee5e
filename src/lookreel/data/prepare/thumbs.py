"""Strips of small pictures, for the page that shows what was taken and what was not."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from lookreel.poses.draw import draw

HEIGHT = 96
_LIT = 24  # a drawn pixel


def strip(frames: Sequence[np.ndarray], keypoints: np.ndarray | None = None) -> str:
    """Frames uint8 (3, H, W) side by side as a JPEG, in base64; with keypoints (F, 18, 3), skeletons over them."""
    height, width = frames[0].shape[1:]
    size = (HEIGHT, max(1, round(width * HEIGHT / height)))
    small = [_small(frame, size) for frame in frames]
    if keypoints is not None:
        lit = draw(keypoints, (height, width), size).transpose(0, 2, 3, 1)
        small = [np.where(pose.max(-1, keepdims=True) > _LIT, pose, f) for f, pose in zip(small, lit, strict=True)]
    file = io.BytesIO()
    Image.fromarray(np.concatenate(small, axis=1)).save(file, "JPEG", quality=75)
    return base64.b64encode(file.getvalue()).decode()


def _small(frame: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    picture = Image.fromarray(np.ascontiguousarray(frame.transpose(1, 2, 0)))
    return np.asarray(picture.resize(size[::-1], Image.Resampling.BOX))
