"""Photographs: from a file, a picture or an array to a tensor of the model's size, with the keypoints moved alike."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from lookreel.errors import InputError
from lookreel.picture_file import MIN_SIDE, check_file, flatten, read_picture
from lookreel.poses.track import Track

if TYPE_CHECKING:
    import torch

Picture = str | os.PathLike | Image.Image | np.ndarray
HOW_TO_GIVE_POSES = (
    "put a track of one frame beside the photo (front.npz beside front.png), "
    "or give --photo-pose, or Photo(image, keypoints)"
)


@dataclass(frozen=True)
class Photo:
    """One photograph of the outfit, and where its joints lie.

    image: a path, a PIL picture, or an (H, W, 3) uint8 array.
    keypoints: (18, 2 or 3) x, y and confidence in pixels of the upright picture (orientation tag applied),
        or a Track of one frame, or the path of its `.npz`; None: a `front.npz` beside `front.png` counts.
    """

    image: Picture
    keypoints: np.ndarray | Track | str | os.PathLike | None = None


@dataclass(frozen=True)
class OpenedPhoto:
    """A photograph as the model sees it.

    pixels: float32 (3, H, W) in [-1, 1].
    keypoints: float32 (18, 3) in pixels of this size, or None where no pose is known.
    name: the path as it was given, or "photo" for a picture in memory.
    sha256: of the file's bytes; for a picture in memory, of its RGB bytes.
    source_size: (H, W) of the upright picture before resizing.
    """

    pixels: torch.Tensor
    keypoints: np.ndarray | None
    name: str
    sha256: str
    source_size: tuple[int, int]


def open_photos(photos: Sequence[Photo | Picture] | Photo | Picture, size: tuple[int, int]) -> list[OpenedPhoto]:
    """Open every photo at `size` = (H, W); one photo may stand alone, without a list around it.

    A single photo needs no pose, and none is looked for beside it. Raises InputError where there is no photo,
    where one of several has no pose, and as `open_photo` does.
    """
    if isinstance(photos, Photo | str | os.PathLike | Image.Image | np.ndarray):
        photos = [photos]
    if not photos:
        raise InputError("photos: none given; at least one photo of the outfit is expected")
    several = len(photos) > 1
    opened = [open_photo(photo, size, beside=several) for photo in photos]
    without = [photo.name for photo in opened if photo.keypoints is None]
    if several and without:
        raise InputError(
            f"{', '.join(without)}: no pose known; with several photos each needs one: {HOW_TO_GIVE_POSES}"
        )
    return opened


def open_photo(photo: Photo | Picture, size: tuple[int, int], *, beside: bool = True) -> OpenedPhoto:
    """Open a photo at `size` = (H, W): upright, alpha over white, short side resized (Lanczos), centre-cropped.

    beside: use the `front.npz` beside `front.png` where the photo brings no keypoints.
    Raises InputError for a missing, damaged, oversized or tiny picture, and for keypoints that do not belong to it.
    """
    import torch

    photo = photo if isinstance(photo, Photo) else Photo(photo)
    picture, name, digest = _picture(photo.image)
    source_size = (picture.height, picture.width)
    if min(source_size) < MIN_SIDE:
        raise InputError(f"{name}: {picture.width}x{picture.height} pixels; expected at least {MIN_SIDE} a side")
    keypoints = _keypoints(photo, name, source_size, beside)
    if keypoints is not None:
        keypoints = fit_keypoints(keypoints, source_size, size)
    pixels = torch.from_numpy(_fit(picture, size).astype(np.float32)).permute(2, 0, 1) / 127.5 - 1
    return OpenedPhoto(pixels.contiguous(), keypoints, name, digest, source_size)


def fit_keypoints(keypoints: np.ndarray, source_size: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
    """Keypoints (..., 2 or 3) of a picture of `source_size`, moved as `open_photo` moves the picture to `size`.

    Sizes are (H, W); the centre of pixel i lies at coordinate i. A joint outside the crop keeps its place out there.
    """
    scale, left, top = _window(source_size, size)
    fitted = np.array(keypoints, np.float32)
    fitted[..., 0] = (fitted[..., 0] + 0.5 - left) * scale - 0.5
    fitted[..., 1] = (fitted[..., 1] + 0.5 - top) * scale - 0.5
    return fitted


def fit_frames(frames: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Frames uint8 (F, 3, H, W), each moved to `size` = (H, W) as `open_photo` moves a photo."""
    fitted = [_fit(Image.fromarray(np.ascontiguousarray(frame.transpose(1, 2, 0))), size) for frame in frames]
    return np.stack(fitted).transpose(0, 3, 1, 2)


def _window(source_size: tuple[int, int], size: tuple[int, int]) -> tuple[float, float, float]:
    """Scale, and the left and top border of the centred crop in source pixels."""
    scale = max(size[0] / source_size[0], size[1] / source_size[1])
    left = (source_size[1] - size[1] / scale) / 2
    top = (source_size[0] - size[0] / scale) / 2
    return scale, max(left, 0.0), max(top, 0.0)


def _fit(picture: Image.Image, size: tuple[int, int]) -> np.ndarray:
    """The centred crop of a picture at `size`, uint8 (H, W, 3); crop and resize are one step, so nothing is rounded."""
    scale, left, top = _window((picture.height, picture.width), size)
    right = min(left + size[1] / scale, picture.width)
    bottom = min(top + size[0] / scale, picture.height)
    return np.array(picture.resize((size[1], size[0]), Image.Resampling.LANCZOS, box=(left, top, right, bottom)))


def _picture(image: Picture) -> tuple[Image.Image, str, str]:
    """The upright RGB picture, its name and its sha256."""
    if isinstance(image, str | os.PathLike):
        path = Path(image)
        check_file(path)
        return read_picture(path), str(path), hashlib.sha256(path.read_bytes()).hexdigest()
    if isinstance(image, np.ndarray):
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
            raise InputError(f"photo: an array of {image.dtype} {image.shape}; expected uint8 (H, W, 3)")
        image = Image.fromarray(np.ascontiguousarray(image))
    if not isinstance(image, Image.Image):
        raise InputError(f"photo: a {type(image).__name__}; expected a path, a PIL picture or a uint8 (H, W, 3) array")
    picture = flatten(image, "photo")
    return picture, "photo", hashlib.sha256(picture.tobytes()).hexdigest()


def _keypoints(photo: Photo, name: str, size: tuple[int, int], beside: bool) -> np.ndarray | None:
    """The photo's keypoints (18, 3) in its own pixels: given, or found beside it."""
    given = photo.keypoints
    if given is None and beside and isinstance(photo.image, str | os.PathLike):
        sibling = Path(photo.image).with_suffix(".npz")
        given = sibling if sibling.is_file() else None
    if given is None:
        return None
    if isinstance(given, str | os.PathLike):
        return _of_track(Track.load(given), str(given), size)
    if isinstance(given, Track):
        return _of_track(given, f"the pose of {name}", size)
    keypoints = np.asarray(given, np.float32)
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
