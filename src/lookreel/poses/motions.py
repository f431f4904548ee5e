"""Driving motions: the bundled ones by name, or the user's own track or video of drawn skeletons."""

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lookreel.errors import InputError
from lookreel.poses.layout import to_openpose18
from lookreel.poses.track import LAYOUTS, Track

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
    """

    track: Track
    pictures: np.ndarray | None
    name: str
    sha256: str

    def first(self, frames: int | None) -> "Motion":
        """The first so many frames; None takes all."""
        pictures = None if self.pictures is None else self.pictures[:frames]
        return replace(self, track=self.track[:frames], pictures=pictures)


def names() -> list[str]:
    """Names of the bundled motions, sorted."""
    return sorted(path.stem for path in _BUNDLED.glob("*.npz"))


def load_motion(source: str | os.PathLike | Track) -> Motion:
    """A bundled name, a track `.npz`, a video of drawn skeletons (.mp4 ...), or a Track -> Motion.

    Raises InputError for an unknown name, a missing or unreadable file, a track without frames, with NaN or without a
    visible joint, and for a video that shows no drawn skeletons.
    """
    if isinstance(source, Track):
        _check("track", source)
        return Motion(_ready("track", source), None, "track", _hash_of(source))
    path = _BUNDLED / f"{source}.npz" if str(source) in names() else Path(source)
    if not path.exists():
        raise InputError(
            f"motion {str(source)!r}: neither a bundled motion nor a file; bundled are {', '.join(names()) or 'none'}, "
            "files are a track .npz or a video of drawn skeletons"
        )
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
    if path.suffix.lower() == ".npz":
        return Motion(_ready(path, Track.load(path)), None, str(source), sha256)
    track, pictures = _read_video(path)
    return Motion(_ready(path, track), pictures, str(source), sha256)


def _read_video(path: Path) -> tuple[Track, np.ndarray]:
    # Both bring their codecs along; a bundled motion needs neither.
    from lookreel.poses.drawn import is_drawn, read_drawn
    from lookreel.video import read_video

    pictures, fps = read_video(path)
    if not is_drawn(pictures):
        small = min(pictures.shape[2:]) < _READABLE
        hint = f" (if these are drawn skeletons: under {_READABLE} px a side they cannot be read)" if small else ""
        raise InputError(
            f"{path}: a plain video; its poses are needed first: lookreel poses {path} --out track.npz{hint}"
        )
    return read_drawn(pictures, fps), pictures


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
