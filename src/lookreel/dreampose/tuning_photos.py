"""The photos that a model is tuned to, each with its U,V map: from a file beside it, a detector, or DensePose."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from torch import Tensor

from lookreel.errors import InputError
from lookreel.photos import HOW_TO_GIVE_POSES, Photo, Picture, as_photos, name_of, open_photo, photo_size, whole_photo
from lookreel.poses.densepose import dense
from lookreel.poses.densepose_maps import read_maps
from lookreel.poses.densepose_network import DensePoseNetwork
from lookreel.poses.finder import Finder
from lookreel.poses.layout import to_openpose18
from lookreel.poses.track import Track

_LOOKED_AT = 1280  # pixels of a photo's longer side; detectors see no more


@dataclass(frozen=True)
class TuningPhoto:
    """pixels: (3, H, W) in [-1, 1]. uv: uint8 (2, H, W), U and V at the same pixels. sha256: of the file."""

    pixels: Tensor
    uv: np.ndarray
    name: str
    sha256: str


def tuning_photos(
    photos: Sequence[Photo | Picture] | Photo | Picture,
    size: tuple[int, int],
    finder: Finder | None = None,
    network: DensePoseNetwork | None = None,
) -> tuple[list[TuningPhoto], list[str]]:
    """Open photos of one subject at `size` = (H, W) with their poses; and notices.

    The pose of a photo is what `network` finds, where one is given; else the pose that the Photo brings, or the file of
    its name beside it (`.npz`, a track of one frame; `.npy`, a U,V map); else joints that `finder` finds.
    Raises InputError where photos differ in size, a pose belongs to another picture, and where none is known or found.
    """
    given = as_photos(photos)
    sizes = [photo_size(photo) for photo in given]
    for photo, found in zip(given, sizes, strict=True):
        if found != sizes[0]:
            shapes = [f"{width}x{height}" for height, width in (found, sizes[0])]
            raise InputError(f"{name_of(photo)}: {shapes[0]}; expected {shapes[1]}, the size of {name_of(given[0])}")
    made, notices = [], []
    for photo in given:
        track, told = _pose(photo, finder, network)
        opened = open_photo(replace(photo, keypoints=None), size, beside=False)
        try:
            body = dense(track, size)
        except InputError as error:
            raise InputError(f"{opened.name}: {error}") from error
        notices += [*told, *(f"{opened.name}: {line}" for line in body.notices)]
        made.append(TuningPhoto(opened.pixels, body.uv[0], opened.name, opened.sha256))
    return made, notices


def _pose(photo: Photo, finder: Finder | None, network: DensePoseNetwork | None) -> tuple[Track, list[str]]:
    """The pose of a photo as a track of one frame."""
    name = name_of(photo)
    if network is not None:
        seen = whole_photo(photo, _LOOKED_AT)
        person = finder.person if finder is not None else None
        maps, notices = network.maps(seen.transpose(2, 0, 1)[None], name, person)
        return Track(np.zeros((1, 18, 3), np.float32), (seen.shape[0], seen.shape[1]), dense=maps), notices
    given = photo.keypoints if photo.keypoints is not None else _beside(photo.image)
    if given is None:
        return _found(photo, name, finder)
    track = _as_track(given, photo)
    height, width = photo_size(photo)
    if len(track) != 1:
        raise InputError(f"{name}: its pose has {len(track)} frames; the pose of a photo has exactly one")
    if abs(track.size[0] * width / (track.size[1] * height) - 1) > 0.02:
        shapes = [f"{shape[1]}x{shape[0]}" for shape in (track.size, (height, width))]
        raise InputError(f"{name}: a pose for a picture of {shapes[0]}; expected one for this photo of {shapes[1]}")
    return track, []


def _beside(image: Picture) -> Path | None:
    """The pose that lies beside a photo."""
    if not isinstance(image, str | os.PathLike):
        return None
    beside = [Path(image).with_suffix(suffix) for suffix in (".npz", ".npy")]
    return next((path for path in beside if path.is_file()), None)


def _as_track(given: object, photo: Photo) -> Track:
    if isinstance(given, Track):
        return given
    if isinstance(given, str | os.PathLike):
        path = Path(given)
        return read_maps(path, 1.0) if path.suffix.lower() == ".npy" else Track.load(path)
    from lookreel.photo_pose import pose_of

    size = photo_size(photo)
    keypoints = pose_of(given, photo.image, name_of(photo), size)
    assert keypoints is not None  # it was given
    return Track(keypoints[None], size)


def _found(photo: Photo, name: str, finder: Finder | None) -> tuple[Track, list[str]]:
    """The pose that the detector finds. Raises InputError where it finds none, several people, or is not sure."""
    if finder is None:
        raise InputError(f"{name}: no pose known; tuning needs one: {HOW_TO_GIVE_POSES}")
    seen = whole_photo(photo, _LOOKED_AT).transpose(2, 0, 1)[None]
    try:
        track, notices = finder.track(seen, 1.0, name)
    except InputError as error:
        raise InputError(f"{name}: no pose known, and none found ({error}); {HOW_TO_GIVE_POSES}") from error
    if not finder.believes(to_openpose18(track).keypoints, seen):
        raise InputError(
            f"{name}: no pose known, and the bundled detector, which knows mannequins, is not sure of a person there; "
            f"{HOW_TO_GIVE_POSES}, or --detector dwpose"
        )
    detector = finder.detector.name if finder.detector else "none"
    return track, [*notices, f"{name}: pose found by the detector {detector}"]
