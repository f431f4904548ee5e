"""Driving motions: the bundled ones by name, or the user's own: a track, JSON poses, or a video."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lookreel.errors import InputError
from lookreel.poses.layout import to_openpose18
from lookreel.poses.track import LAYOUTS, Track

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
    """A bundled name, a track `.npz`, JSON poses, a video, a Track, or a Motion, which stays as it is -> Motion.

    A video of drawn skeletons is used as it is. Of a plain video the poses are found by `finder`, mended and smoothed;
    without one, or where an unnamed one is not sure, it is refused. progress(done, total): while poses are found.
    Raises InputError for an unknown name, a missing or unreadable file, a track without frames, with NaN or without a
    visible joint, and for a video whose poses cannot be had.
    """
    if isinstance(source, Motion):
        return source
    if isinstance(source, Track):
        _check("track", source)
        return Motion(_ready("track", source), None, "track", _hash_of(source))
    path = bundled(source) or Path(source)
    if not path.exists():
        raise InputError(
            f"motion {str(source)!r}: neither a bundled motion nor a file; bundled are {', '.join(names()) or 'none'}, "
            "files are a track .npz, OpenPose JSON or a video"
        )
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
    if path.suffix.lower() == ".npz":
        return Motion(_ready(path, Track.load(path)), None, str(source), sha256)
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
    if not finder.believes(track.keypoints):
        raise InputError(f"{refusal}; the bundled detector knows mannequins only and is not sure (--detector dwpose)")
    return Motion(_ready(path, mend(track)), None, str(path), sha256, source.notices)


def _ready(name: str | Path, track: Track) -> Track:
    """The track with 18 joints, at least one of which can be seen."""
    track = to_openpose18(track)
    if not (track.keypoints[..., 2] >= 0.3).any():
        raise InputError(f"{name}: no joint is visible in any frame; expected a person in at least one")
    return track


def _check(name: str, track: Track) -> None:
    """Refuse a Track made in memory for what `Track.load` refuses in a file."""
    keypoints = np.asarray(track.keypoints)
    if track.layout not in LAYOUTS:
        raise InputError(f"{name}: unknown layout {track.layout!r}; expected one of {', '.join(LAYOUTS)}")
    if keypoints.ndim != 3 or keypoints.shape[1:] != (LAYOUTS[track.layout], 3):
        raise InputError(f"{name}: keypoints of shape {keypoints.shape}; expected (F, {LAYOUTS[track.layout]}, 3)")
    if len(keypoints) == 0:
        raise InputError(f"{name}: it has no frames; at least one is expected")
    if not np.isfinite(keypoints).all():
        raise InputError(f"{name}: keypoints hold values that are not finite (NaN or infinity)")
    if len(track.size) != 2 or min(track.size) < 1:
        raise InputError(f"{name}: size is {track.size}; expected (H, W), both at least 1")
    if not 0 < track.fps < float("inf"):
        raise InputError(f"{name}: fps is {track.fps}; expected one positive number")


def _hash_of(track: Track) -> str:
    values = f"{tuple(track.size)} {track.fps} {track.layout}".encode()
    dense = b"" if track.dense is None else np.ascontiguousarray(track.dense).tobytes()
    return hashlib.sha256(values + np.asarray(track.keypoints, np.float32).tobytes() + dense).hexdigest()
