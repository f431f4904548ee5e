"""DensePose's U,V maps of a motion: where on the body's surface each pixel lies. DreamPose is driven by them.

Of DensePose's (part, U, V) only U and V are used, as the published DreamPose does; both are 0 off the body. They come
from the `dense` field of a track. For a track that has joints only, a body is fitted to them (`fitted_body.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lookreel.errors import InputError
from lookreel.framing import Window, centred, fit_keypoints
from lookreel.poses.fitted_body import fitted_body
from lookreel.poses.layout import to_openpose18
from lookreel.poses.track import Track

FITTED = "only joints are known; a body fitted to them stands for DensePose's maps"


@dataclass(frozen=True)
class Dense:
    """uv: uint8 (F, 2, H, W), U and V scaled to 0-255, 0 off the body. notices: what a user should know."""

    uv: np.ndarray
    notices: tuple[str, ...] = ()


def dense(track: Track, size: tuple[int, int], window: Window | None = None) -> Dense:
    """The maps of a track at `size` = (H, W), moved as `framing.fit` moves the pictures that belong to it.

    window: the part of the track's picture that is shown; None is the centred one.
    Raises InputError where the track's maps are not uint8 (F, 3, H, W) of its size, and where there is neither a map
    nor a frame that shows shoulders and hips.
    """
    if track.dense is None:
        body = to_openpose18(track)
        keypoints = fit_keypoints(body.keypoints, track.size, size, window)
        return Dense(fitted_body(keypoints, size)[:, 1:], (FITTED,))
    maps = np.asarray(track.dense)
    expected = (len(track), 3, *track.size)
    if maps.shape != expected or maps.dtype != np.uint8:
        raise InputError(f"dense: found {maps.dtype} {maps.shape}; expected uint8 {expected}, part, U and V")
    return Dense(surface(nearest(maps, size, window)))


def of_body(track: Track) -> Track:
    """The track with the maps of a body fitted to its joints: what drives a figure that wears something else.

    The mannequin world's own maps reach as far as its clothes do, a skirt's are those of wide legs.
    Raises InputError where no frame shows shoulders and hips.
    """
    return replace(track, dense=fitted_body(to_openpose18(track).keypoints, track.size))


def surface(maps: np.ndarray) -> np.ndarray:
    """Part, U and V, uint8 (F, 3, H, W) -> U and V alone (F, 2, H, W), 0 where there is no part."""
    return maps[:, 1:] * (maps[:, :1] > 0)


def nearest(maps: np.ndarray, size: tuple[int, int], window: Window | None = None) -> np.ndarray:
    """Maps (F, C, H, W) -> (F, C, *size) through a window, by the nearest value: a mean of two places on the body, or
    of the body and what is beside it, is a third place."""
    source = (maps.shape[2], maps.shape[3])
    window = window or centred(source, size)
    rows, columns = (
        np.clip(np.floor(first + (np.arange(count) + 0.5) / window.scale).astype(int), 0, most - 1)
        for first, count, most in zip((window.top, window.left), size, source, strict=True)
    )
    return maps[:, :, rows[:, None], columns]
