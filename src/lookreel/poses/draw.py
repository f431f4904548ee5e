"""OpenPose-style pictures of keypoints: what the pose encoder sees.

Source: the OpenPose rendering used by DWPose, ControlNet and Animate Anyone: 17 limbs as filled ellipses, the whole
canvas dimmed to 0.6, then 18 discs in full colour. The stick is 4 px of half-width at a short side of 512 px.
"""

import cv2
import numpy as np
import torch

from lookreel.poses.skeleton import COLORS, LIMB_DIM, LIMBS

VISIBLE = 0.3  # a joint of lower confidence is not drawn

_SHIFT = 4  # fractional bits of the coordinates that OpenCV is given
_SMALL = 256  # pictures with a shorter side than this are supersampled, larger ones are drawn as DWPose draws them
_SUPER = 4
_ANGLES = np.linspace(0, 2 * np.pi, 24, endpoint=False)
_CIRCLE = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=-1)
_LIMBS = np.array(LIMBS)
_LIMB_COLORS = [tuple(round(c * LIMB_DIM) for c in color) for color in COLORS]


def stick(out: tuple[int, int]) -> float:
    """Half-width of a limb and radius of a joint in pixels of a picture of size `out` = (H, W)."""
    return max(1.0, 4 * min(out) / 512)


def visible(keypoints: np.ndarray) -> np.ndarray:
    """bool (..., J) of keypoints (..., J, 2 or 3): confident and finite; without a third column every finite joint."""
    finite = np.isfinite(keypoints).all(-1)
    return finite & (keypoints[..., 2] >= VISIBLE) if keypoints.shape[-1] == 3 else finite


def rescale(points: np.ndarray, size: tuple[int, int], out: tuple[int, int]) -> np.ndarray:
    """Points (..., 2) x, y in pixels of `size` = (H, W) -> pixels of `out`; integers are the centres of pixels."""
    scale = np.array([out[1] / size[1], out[0] / size[0]])
    return (points + 0.5) * scale - 0.5


def draw(keypoints: np.ndarray, size: tuple[int, int], out: tuple[int, int] | None = None) -> np.ndarray:
    """Draw F skeletons.

    keypoints: (F, 18, 2 or 3): x, y in pixels of `size` = (H, W), where integers are the centres of pixels, and
        confidence; joints under 0.3 and their limbs are not drawn.
    out: (H, W) of the pictures, by default `size`.
    Returns uint8 (F, 3, H, W), RGB on black. Below 256 px the edges are anti-aliased, so that small pictures keep
    the joints' exact places.
    """
    out = out or size
    factor = _SUPER if min(out) < _SMALL else 1
    canvas_size = (out[0] * factor, out[1] * factor)
    keypoints = np.asarray(keypoints)
    shown = visible(keypoints)
    points = rescale(np.where(shown[..., None], keypoints[..., :2], 0).astype(np.float64), size, canvas_size)
    points = points.clip(-4 * max(canvas_size), 5 * max(canvas_size))
    radius = stick(out) * factor
    ellipses = _fixed(_ellipses(points, radius))
    limbs = shown[:, _LIMBS].all(-1).tolist()
    discs = _fixed(points).tolist()
    pictures = np.empty((len(keypoints), 3, *out), np.uint8)
    canvas = np.empty((*canvas_size, 3), np.uint8)
    for i, picture in enumerate(pictures):
        canvas[:] = 0
        _draw_one(canvas, ellipses[i], limbs[i], discs[i], shown[i].tolist(), round(radius * (1 << _SHIFT)))
        small = cv2.resize(canvas, out[::-1], interpolation=cv2.INTER_AREA) if factor > 1 else canvas
        cv2.split(small, list(picture))
    return pictures


def drawn(keypoints: np.ndarray, size: tuple[int, int]) -> torch.Tensor:
    """Keypoints (F, 18, 2 or 3) in pixels of `size` = (H, W) -> pictures for a pose encoder, float (F, 3, H, W) in
    [0, 1]."""
    return torch.from_numpy(draw(keypoints, size)).float() / 255


def _fixed(points: np.ndarray) -> np.ndarray:
    return np.rint(points * (1 << _SHIFT)).astype(np.int32)


def _ellipses(points: np.ndarray, radius: float) -> np.ndarray:
    """Outlines (F, 17, 24, 2) of the limbs of points (F, 18, 2)."""
    a, b = points[:, _LIMBS[:, 0]], points[:, _LIMBS[:, 1]]
    along = (b - a) / 2
    length = np.linalg.norm(along, axis=-1, keepdims=True)
    across = along[..., ::-1] * [-1, 1] * (radius / np.maximum(length, 1e-6))
    centre = (a + b) / 2
    return centre[:, :, None] + _CIRCLE[:, :1] * along[:, :, None] + _CIRCLE[:, 1:] * across[:, :, None]


def _draw_one(canvas: np.ndarray, ellipses: np.ndarray, limbs: list, discs: list, shown: list, radius: int) -> None:
    for ellipse, there, color in zip(ellipses, limbs, _LIMB_COLORS, strict=False):
        if there:
            cv2.fillConvexPoly(canvas, ellipse, color, cv2.LINE_8, _SHIFT)
    for centre, there, color in zip(discs, shown, COLORS, strict=True):
        if there:
            cv2.circle(canvas, centre, radius, color, cv2.FILLED, cv2.LINE_8, _SHIFT)
