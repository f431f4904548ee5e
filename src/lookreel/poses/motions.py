"""Driving motions: the bundled ones by name, or the user's own: a track, JSON poses, DensePose maps, or a video."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lookreel.errors import InputError
from lookreel.poses.densepose_maps import is_maps, read_maps
from lookreel.poses.layout import to_openpose18
from lookreel.poses.track import Track, checked

if TYPE_CHECKING:
    from lookreel.poses.finder import Finder

_BUNDLED = Path(__file__).parents[1] / "assets" / "motions"
_READABLE = 256  # pixels; the joints of smaller drawn skeletons do not survive video compression


@dataclass(frozen=True)
class Motion:
    """What drives a film.

    track: F frames of 18 joints ("openpose18").
    pictures: uint8 (F, 3, H, W), the user's own drawn skeletons, to be used as they are; None where the track is to
        be drawn.
    name: a bundled name, a file's path, or "track" for a Track in memory.
    sha256: of the file, or of the Track's values.
    notices: what a user should know of how it was read.
    """

    track: Track
    pictures: np.ndarray | None
    name: str
    sha256: str
    notices: tuple[str, ...] = ()

    def with_joints(self) -> Motion:
        """The same, or InputError where no joint is known: DensePose's maps alone drive DreamPose only."""
        if not (self.track.keypoints[..., 2] >= 0.3).any():
            raise InputError(f"motion {self.name}: DensePose maps without joints; this model is driven by joints")
        return self

    def first(self, frames: int | None) -> Motion:
        """The first so many frames; None takes all."""
        pictures = None if self.pictures is None else self.pictures[:frames]
        return replace(self, track=self.track[:frames], pictures=pictures)


def names() -> list[str]:
    """Names of the bundled motions, sorted."""
    return sorted(path.stem for path in _BUNDLED.glob("*.npz"))


def bundled(name: str | os.PathLike) -> Path | None:
    """The file of a bundled motion; None for any other name."""
    return _BUNDLED / f"{name}.npz" if str(name) in names() else None


def load_motion(
    source: str | os.PathLike | Track | Motion,
    finder: Finder | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> Motion:
    """A bundled name, a track `.npz`, JSON poses, DensePose maps (a `.npy` or a folder of them), a video, a Track, or a
    Motion, which stays as it is -> Motion.

    A video of drawn skeletons is used as it is. Of a plain video the poses are found by `finder`, mended and smoothed;
    without one, or where an unnamed one is not sure, it is refused. progress(done, total): while poses are found.
    Raises InputError for an unknown name, a missing or unreadable file, a track without frames, with NaN or without a
    visible joint, and for a video whose poses cannot be had.
    """
    if isinstance(source, Motion):
        return source
    if isinstance(source, Track):
        track = checked("track", source)
        return Motion(_ready("track", track), None, "track", _hash_of(track))
    if not isinstance(source, str | os.PathLike):
        raise InputError(f"motion: a {type(source).__name__}; expected a bundled name, a path or a Track")
    path = bundled(source) or Path(source)
    if not path.exists():
        raise InputError(
            f"motion {str(source)!r}: neither a bundled motion nor a file; bundled are {', '.join(names()) or 'none'}, "
            "files are a track .npz, OpenPose JSON, DensePose maps .npy or a video"
        )
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
    if path.suffix.lower() == ".npz":
        return Motion(_ready(path, Track.load(path)), None, str(source), sha256)
    if is_maps(path):
        from lookreel.poses.footage import STILL_FPS

        track = read_maps(path, STILL_FPS)
        return Motion(track, None, str(path), sha256 or _hash_of(track))
    if path.suffix.lower() == ".json" or path.is_dir():
        return _of_json(path, sha256)
    return _of_video(path, sha256, finder, progress)


def _of_json(path: Path, sha256: str) -> Motion:
    from lookreel.poses.footage import STILL_FPS
    from lookreel.poses.openpose_json import read_json

    track, notices = read_json(path, STILL_FPS)
    return Motion(_ready(path, track), None, str(path), sha256 or _hash_of(track), tuple(notices))


def _of_video(path: Path, sha256: str, finder: Finder | None, progress: Callable[[int, int], object] | None) -> Motion:
    # Both bring their codecs along; a bundled motion needs neither.
    from lookreel.poses.drawn import is_drawn, read_drawn
    from lookreel.poses.footage import read_footage

    footage = read_footage(path)
    if is_drawn(footage.frames):
        track = footage.in_source(read_drawn(footage.frames, footage.fps))
        return Motion(_ready(path, track), footage.frames, str(path), sha256, footage.notices)
    small = min(footage.size) < _READABLE
    hint = f" (if these are drawn skeletons: under {_READABLE} px a side they cannot be read)" if small else ""
    refusal = f"{path}: a plain video; its poses are needed first: lookreel poses {path} --out track.npz{hint}"
    if finder is None or finder.detector is None:
        raise InputError(refusal)
    from lookreel.poses.mend import mend
    from lookreel.poses.source import from_footage

    source = from_footage(footage, path, finder, progress)
    track = to_openpose18(source.track)
    if finder.name is None and source.doubted:
        raise InputError(f"{refusal}; the bundled detector knows mannequins only and is not sure (--detector dwpose)")
    return Motion(_ready(path, mend(track)), None, str(path), sha256, source.notices)


def _ready(name: str | Path, track: Track) -> Track:
    """The track with 18 joints, at least one of which can be seen unless DensePose's maps are there."""
    track = to_openpose18(track)
    points = track.keypoints[track.keypoints[..., 2] >= 0.3]
    if track.dense is None and not len(points):
        raise InputError(f"{name}: no joint is visible in any frame; expected a person in at least one")
    height, width = track.size
    places = points[:, :2]
    if len(places) and places.max() <= 1 and np.ptp(places) > 0.1 and min(height, width) > 2:
        raise InputError(f"{name}: x and y are at most {places.max():g}; expected pixels, not parts of the size")
    if len(places) and not ((places >= 0) & (places < (width, height))).all(1).any():
        raise InputError(f"{name}: no joint lies within the picture of {width}x{height}; expected a person in it")
    return track


def _hash_of(track: Track) -> str:
    values = f"{tuple(track.size)} {track.fps} {track.layout}".encode()
    dense = b"" if track.dense is None else np.ascontiguousarray(track.dense).tobytes()
    return hashlib.sha256(values + np.asarray(track.keypoints, np.float32).tobytes() + dense).hexdigest()
