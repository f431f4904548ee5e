"""The pose of a photo: as it was given, or the track of one frame beside it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from lookreel.errors import InputError
from lookreel.poses.track import Track


def pose_of(given: Any, image: Any, name: str, size: tuple[int, int], beside: bool = True) -> np.ndarray | None:
    """Keypoints (18, 3) in pixels of a photo of `size` = (H, W), or None where no pose is known.

    given: (18, 2 or 3), a Track of one frame, or the path of its `.npz`. beside: with None, `front.npz` beside the
    image `front.png` counts.
    Raises InputError where they do not belong to the photo `name`.
    """
    if given is None and beside and isinstance(image, str | os.PathLike):
        sibling = Path(image).with_suffix(".npz")
        given = sibling if sibling.is_file() else None
    if given is None:
        return None
    if isinstance(given, str | os.PathLike):
        return _of_track(Track.load(given), str(given), size)
    if isinstance(given, Track):
        return _of_track(given, f"the pose of {name}", size)
    try:
        keypoints = np.asarray(given, np.float32)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: keypoints that are no numbers ({error}); expected (18, 2) or (18, 3)") from error
    if keypoints.shape not in ((18, 2), (18, 3)) or not np.isfinite(keypoints).all():
        raise InputError(f"{name}: keypoints of shape {keypoints.shape}; expected finite numbers (18, 2) or (18, 3)")
    if keypoints.shape[1] == 2:
        keypoints = np.concatenate([keypoints, np.ones((18, 1), np.float32)], axis=1)
    return keypoints


def _of_track(track: Track, name: str, size: tuple[int, int]) -> np.ndarray:
    """The keypoints (18, 3) of a track of one frame, in pixels of a photo of `size`."""
    if len(track) != 1:
        raise InputError(f"{name}: a track of {len(track)} frames; the pose of a photo has exactly one")
    ratio = size[0] / track.size[0], size[1] / track.size[1]
    if abs(ratio[0] / ratio[1] - 1) > 0.02:
        found, photo = (f"{width}x{height}" for height, width in (track.size, size))
        raise InputError(f"{name}: a pose for a {found} picture; expected one for this photo of {photo}")
    if track.layout != "openpose18":
        from lookreel.poses.layout import to_openpose18

        track = to_openpose18(track)
    return track.keypoints[0] * np.array([ratio[1], ratio[0], 1], np.float32)
