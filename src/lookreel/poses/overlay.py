"""A track shown over what it was read from, or over the photo it was fitted to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from lookreel.poses.draw import draw
from lookreel.poses.layout import to_openpose18
from lookreel.poses.track import Track

SUFFIXES = (".mp4", ".png")
_DIM = 0.55  # the picture behind the skeleton
_LIT = 24  # a drawn pixel


def overlay(track: Track, behind: np.ndarray | None = None) -> np.ndarray:
    """uint8 (F, 3, h, w): each frame's skeleton over its picture.

    behind: uint8 (F, 3, h, w), or (1, 3, h, w) for one picture behind all; None is black, of the track's size.
    """
    out = track.size if behind is None else behind.shape[2:]
    skeletons = draw(to_openpose18(track).keypoints, track.size, out)
    if behind is None:
        return skeletons
    lit = skeletons.max(1, keepdims=True) > _LIT
    dim = np.rint(behind.astype(np.float32) * _DIM).astype(np.uint8)
    return np.where(lit, skeletons, np.broadcast_to(dim, skeletons.shape))


def write_overlay(pictures: np.ndarray, fps: float, path: Path) -> None:
    """Write pictures (F, 3, h, w) as a video (.mp4), or as a picture (.png): one frame, or a sheet of at most 16."""
    if path.suffix.lower() == ".mp4":
        from lookreel.video import write_video

        write_video(path, iter(pictures), fps, pictures.shape[2:])
        return
    from lookreel.outputs import whole
    from lookreel.sheet import contact_sheet

    picture = pictures[0].transpose(1, 2, 0) if len(pictures) == 1 else contact_sheet(pictures)
    with whole(path) as (temporary,):
        Image.fromarray(np.ascontiguousarray(picture)).save(temporary, optimize=True)
