"""Photographs: from a file, a picture or an array to a tensor of the model's size, with the keypoints moved alike."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from PIL import Image

from lookreel.backdrop import backdrop, framed
from lookreel.errors import InputError
from lookreel.framing import Window, around, centred, fit_frames, fit_keypoints
from lookreel.photo_pose import pose_of
from lookreel.picture_file import MIN_SIDE, check_file, read_upright, upright, upright_size
from lookreel.poses.track import Track

if TYPE_CHECKING:
    import torch

__all__ = ["OpenedPhoto", "Photo", "Picture", "fit_frames", "fit_keypoints", "open_photo", "open_photos"]

Picture = str | os.PathLike | Image.Image | np.ndarray
Crop = Literal["none", "person"]
CROPS = ("none", "person")
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
    crop: "none" shows the middle of the picture, as large as it goes; "person" the person with a margin, which takes
        keypoints.
    mask: a grey picture of the photo's shape, white on the person; for `background` alone.
    background: what to put behind the person, a colour (`"white"`, `"#e0e0e0"`) or a picture; it takes a mask, or a
        photo with transparent parts. None keeps what is there, and puts white behind transparent parts.
    name: what reports call it; by default its path, or "photo".
    """

    image: Picture
    keypoints: np.ndarray | Track | str | os.PathLike | None = None
    crop: Crop = "none"
    mask: Picture | None = None
    background: Picture | None = None
    name: str | None = None


@dataclass(frozen=True)
class OpenedPhoto:
    """A photograph as the model sees it.

    pixels: float32 (3, H, W) in [-1, 1].
    keypoints: float32 (18, 3) in pixels of this size, or None where no pose is known.
    name: the path as it was given, or "photo" for a picture in memory.
    sha256: of the file's bytes; for a picture in memory, of its pixels.
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
    from lookreel.poses.draw import visible

    photos = as_photos(photos)
    several = len(photos) > 1
    opened = [open_photo(photo, size, beside=several) for photo in photos]
    without = [p.name for p in opened if p.keypoints is None or not visible(p.keypoints).any()]
    if several and without:
        raise InputError(
            f"{', '.join(without)}: no pose known; with several photos each needs one: {HOW_TO_GIVE_POSES}"
        )
    return opened


def open_only(photos: Sequence[Photo | Picture] | Photo | Picture, size: tuple[int, int], reader: str) -> OpenedPhoto:
    """Open the one photo that `reader` reads. Raises InputError for none or several: nothing is left out unasked."""
    given = as_photos(photos)
    if len(given) != 1:
        raise InputError(
            f"photos: {len(given)} given; {reader} makes a film from exactly one (--first takes the first)"
        )
    return open_photo(given[0], size, beside=given[0].crop == "person")


def as_photos(photos: Sequence[Photo | Picture] | Photo | Picture) -> list[Photo]:
    """Whatever a caller gives as photos, as a list of Photo. Raises InputError where there is none."""
    if isinstance(photos, Photo | str | os.PathLike | Image.Image | np.ndarray):
        photos = [photos]
    try:
        photos = [] if photos is None else list(photos)
    except TypeError as error:
        raise InputError(f"photos: a {type(photos).__name__}; expected one photo or a list of them") from error
    if not photos:
        raise InputError("photos: none given; at least one photo of the outfit is expected")
    return [photo if isinstance(photo, Photo) else Photo(photo) for photo in photos]


def open_photo(photo: Photo | Picture, size: tuple[int, int], *, beside: bool = True) -> OpenedPhoto:
    """Open a photo at `size` = (H, W): upright, cropped and resized in one step (Lanczos), its background as it asks.

    beside: use the `front.npz` beside `front.png` where the photo brings no keypoints.
    Raises InputError for a missing, damaged, oversized or tiny picture, and for keypoints, a mask or a background that
    do not belong to it.
    """
    import torch

    photo = photo if isinstance(photo, Photo) else Photo(photo)
    name, source_size = name_of(photo), photo_size(photo)
    keypoints = pose_of(photo.keypoints, photo.image, name, source_size, beside)
    window = _window(photo, name, keypoints, source_size, size)
    picture, digest = _picture(photo.image, name, _least(source_size, window))
    if photo.background is not None and photo.mask is None and _opaque(picture):
        raise InputError(f"{name}: neither transparent parts nor a mask; a background needs one of them (--photo-mask)")
    mask = None if photo.mask is None else _mask(photo.mask, name, source_size, picture.size)
    behind = None if photo.background is None else backdrop(photo.background)
    shown = framed(picture, mask, behind, size, window, source_size)
    pixels = torch.from_numpy(shown.astype(np.float32)).permute(2, 0, 1) / 127.5 - 1
    if keypoints is not None:
        keypoints = fit_keypoints(keypoints, source_size, size, window)
    return OpenedPhoto(pixels.contiguous(), keypoints, name, digest, source_size)


def name_of(photo: Photo) -> str:
    """What reports and error lines call a photo."""
    return photo.name or (str(photo.image) if isinstance(photo.image, str | os.PathLike) else "photo")


def photo_size(photo: Photo) -> tuple[int, int]:
    """(H, W) of the upright picture; of a file only the header is read. Raises InputError as `open_photo` does."""
    name = name_of(photo)
    if isinstance(photo.image, str | os.PathLike):
        check_file(Path(photo.image))
        height, width = upright_size(Path(photo.image))
    else:
        width, height = upright(_in_memory(photo.image), name).size
    if min(height, width) < MIN_SIDE:
        raise InputError(f"{name}: {width}x{height} pixels; expected at least {MIN_SIDE} a side")
    return height, width


def whole_photo(photo: Photo, most: int | None = None) -> np.ndarray:
    """The whole upright photo, uint8 (H, W, 3), white behind transparent parts; what a pose detector looks at.

    most: pixels of the longer side, above which it is made smaller.
    """
    height, width = photo_size(photo)
    scale = min(1.0, (most or max(height, width)) / max(height, width))
    size = max(1, round(height * scale)), max(1, round(width * scale))
    picture, _ = _picture(photo.image, name_of(photo), size)
    window = Window(0, 0, scale)
    return framed(picture, None, None, size, window, (height, width))


def _window(photo: Photo, name: str, keypoints: np.ndarray | None, source_size: tuple, size: tuple) -> Window:
    if photo.crop not in CROPS:
        raise InputError(f"crop: found {photo.crop!r}; expected one of {', '.join(CROPS)}")
    if photo.crop == "none":
        return centred(source_size, size)
    if keypoints is None:
        raise InputError(f"{name}: no pose known, so the person cannot be found; {HOW_TO_GIVE_POSES}")
    return around(keypoints, source_size, size)


def _opaque(picture: Image.Image) -> bool:
    return picture.mode != "RGBA" or picture.getchannel("A").getextrema()[0] == 255


def _least(source_size: tuple[int, int], window: Window) -> tuple[int, int]:
    """The size that a picture may be read at: twice as fine as it is shown."""
    return tuple(max(1, round(side * min(1.0, 2 * window.scale))) for side in source_size)


def _picture(image: Picture, name: str, least: tuple[int, int]) -> tuple[Image.Image, str]:
    """The upright picture, RGB or RGBA, and its sha256."""
    if isinstance(image, str | os.PathLike):
        path = Path(image)
        return read_upright(path, least), hashlib.sha256(path.read_bytes()).hexdigest()
    picture = upright(_in_memory(image), name)
    return picture, hashlib.sha256(picture.tobytes()).hexdigest()


def _in_memory(image: Picture) -> Image.Image:
    if isinstance(image, np.ndarray):
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
            raise InputError(f"photo: an array of {image.dtype} {image.shape}; expected uint8 (H, W, 3)")
        image = Image.fromarray(np.ascontiguousarray(image))
    if not isinstance(image, Image.Image):
        raise InputError(f"photo: a {type(image).__name__}; expected a path, a PIL picture or a uint8 (H, W, 3) array")
    return image


def _mask(given: Picture, name: str, source_size: tuple[int, int], read_at: tuple[int, int]) -> Image.Image:
    """The mask L of a photo, at the size (W, H) that the photo was read at."""
    if isinstance(given, np.ndarray) and given.ndim == 2:
        if given.dtype not in (bool, np.uint8):
            raise InputError(f"mask of {name}: an array of {given.dtype}; expected bool or uint8 (H, W)")
        given = Image.fromarray(given.astype(np.uint8) * (255 if given.dtype == bool else 1))
    if isinstance(given, str | os.PathLike):
        check_file(Path(given))
        mask = read_upright(Path(given))
    else:
        mask = upright(_in_memory(given), "mask")
    height, width = source_size
    if abs(mask.width * height / (mask.height * width) - 1) > 0.02:
        raise InputError(f"mask of {name}: {mask.width}x{mask.height}; expected the photo's shape, {width}x{height}")
    grey = mask.convert("RGBA").getchannel("A") if mask.mode == "RGBA" else mask.convert("L")
    return grey.resize(read_at, Image.Resampling.BILINEAR)


def to_uint8(pixels: torch.Tensor) -> torch.Tensor:
    """Pixels in [-1, 1] as uint8 of the same shape."""
    return ((pixels + 1) * 127.5).round().clamp(0, 255).byte()
