"""Which part of a picture the model sees: one window, and the same geometry for pixels, keypoints and masks.

Nothing is ever stretched: the window has the model's shape, and pictures are resized from it in one step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from lookreel.poses.draw import visible

# Margins around the joints of a person, in heights from the highest to the lowest of them: the crown lies above the
# eyes, soles below the ankles, and sleeves and skirts beside the joints.
_ABOVE, _BELOW, _BESIDE = 0.16, 0.1, 0.16


@dataclass(frozen=True)
class Window:
    """A part of a picture. left, top: its border in source pixels. scale: pixels of the result for each of its own."""

    left: float
    top: float
    scale: float


def centred(source_size: tuple[int, int], size: tuple[int, int]) -> Window:
    """The largest window of the shape of `size` in the middle of a picture of `source_size`; both (H, W)."""
    scale = max(size[0] / source_size[0], size[1] / source_size[1])
    left = (source_size[1] - size[1] / scale) / 2
    top = (source_size[0] - size[0] / scale) / 2
    return Window(max(left, 0.0), max(top, 0.0), scale)


def around(keypoints: np.ndarray, source_size: tuple[int, int], size: tuple[int, int]) -> Window:
    """The window of the shape of `size` around the visible joints (18, 3) of a person, with a margin.

    It stays inside the picture: where the person stands too near the border it is moved, and where the picture has not
    the height or width it is as large as it can be.
    """
    points = keypoints[visible(keypoints), :2].astype(np.float64)
    (x0, y0), (x1, y1) = points.min(0), points.max(0)
    tall = max(y1 - y0, 1.0)
    x0, x1 = x0 - _BESIDE * tall, x1 + _BESIDE * tall
    y0, y1 = y0 - _ABOVE * tall, y1 + _BELOW * tall
    least = max(size[0] / source_size[0], size[1] / source_size[1])
    scale = max(min(size[0] / (y1 - y0), size[1] / (x1 - x0)), least)
    height, width = size[0] / scale, size[1] / scale
    left = np.clip((x0 + x1 + 1) / 2 - width / 2, 0, max(source_size[1] - width, 0))
    top = np.clip((y0 + y1 + 1) / 2 - height / 2, 0, max(source_size[0] - height, 0))
    return Window(float(left), float(top), scale)


def fit_keypoints(
    keypoints: np.ndarray, source_size: tuple[int, int], size: tuple[int, int], window: Window | None = None
) -> np.ndarray:
    """Keypoints (..., 2 or 3) of a picture of `source_size`, moved as `fit` moves the picture to `size`.

    Sizes are (H, W); the centre of pixel i lies at coordinate i; None is the centred window. A joint outside the
    window keeps its place out there.
    """
    window = window or centred(source_size, size)
    fitted = np.array(keypoints, np.float32)
    fitted[..., 0] = (fitted[..., 0] + 0.5 - window.left) * window.scale - 0.5
    fitted[..., 1] = (fitted[..., 1] + 0.5 - window.top) * window.scale - 0.5
    return fitted


def fit(
    picture: Image.Image,
    size: tuple[int, int],
    window: Window | None = None,
    source_size: tuple[int, int] | None = None,
) -> np.ndarray:
    """The window of a picture at `size`, uint8 (H, W, 3) or (H, W); crop and resize are one step (Lanczos).

    source_size: (H, W) in whose pixels the window is given, where the picture was read smaller than it is.
    """
    source_size = source_size or (picture.height, picture.width)
    window = window or centred(source_size, size)
    across, down = picture.width / source_size[1], picture.height / source_size[0]
    right = min((window.left + size[1] / window.scale) * across, picture.width)
    bottom = min((window.top + size[0] / window.scale) * down, picture.height)
    box = (window.left * across, window.top * down, right, bottom)
    return np.array(picture.resize((size[1], size[0]), Image.Resampling.LANCZOS, box=box))


def fit_frames(frames: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Frames uint8 (F, 3, H, W), each moved to `size` = (H, W) through the centred window."""
    fitted = [fit(Image.fromarray(np.ascontiguousarray(frame.transpose(1, 2, 0))), size) for frame in frames]
    return np.stack(fitted).transpose(0, 3, 1, 2)
