"""A motion from whatever a user has: a track, JSON, DensePose maps, drawn skeletons, or plain footage of a person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from lookreel.errors import InputError
from lookreel.poses.densepose_maps import is_maps, read_maps
from lookreel.poses.draw import visible
from lookreel.poses.finder import Finder
from lookreel.poses.footage import STILL_FPS, Footage, read_footage
from lookreel.poses.layout import to_openpose18
from lookreel.poses.track import Track

Kind = Literal["track", "json", "maps", "drawn", "detected"]


@dataclass(frozen=True)
class Source:
    """track: in pixels of the source, in whatever layout it came. frames: uint8 (F, 3, h, w), the footage it was read
    from, if any. kind: how it came. notices: what a user should know. doubted: whether a detector found it that is not
    to be relied on there (`Finder.doubts`)."""

    track: Track
    kind: Kind
    frames: np.ndarray | None = None
    notices: tuple[str, ...] = ()
    doubted: bool = False


def read_source(
    path: Path,
    finder: Finder,
    fps: float | None = None,
    size: tuple[int, int] | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> Source:
    """A track `.npz`, JSON, DensePose `.npy`, a folder of these or of pictures, a picture, or a video -> its poses.

    fps: the rate that is wanted; what tells no rate of its own (JSON, pictures) is taken to have it, 25 by default.
    size: (H, W) of the picture, for JSON that does not tell it. progress(done, total): called while poses are found.
    Raises InputError where the source is missing, damaged, of an unknown kind, or shows nobody.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file or folder; expected a picture, a video, a track .npz or JSON poses")
    if path.suffix.lower() == ".npz":
        return Source(Track.load(path), "track")
    if is_maps(path):
        return Source(read_maps(path, fps or STILL_FPS), "maps")
    if path.suffix.lower() == ".json" or (path.is_dir() and any(path.glob("*.json"))):
        from lookreel.poses.openpose_json import read_json

        track, notices = read_json(path, fps or STILL_FPS, size, finder.person)
        return Source(track, "json", None, tuple(notices))
    return from_footage(read_footage(path, fps), path, finder, progress)


def from_footage(
    footage: Footage, path: Path, finder: Finder, progress: Callable[[int, int], object] | None = None
) -> Source:
    """The poses of footage: read back by colour where it shows drawn skeletons, else found by the detector."""
    from lookreel.poses.drawn import is_drawn, read_drawn

    frames = footage.frames
    if is_drawn(frames):
        track = footage.in_source(read_drawn(frames, footage.fps))
        what = "a picture of a drawn skeleton" if len(frames) == 1 else "a video of drawn skeletons"
        notices = (*footage.notices, f"{path}: {what}; its joints are read back by colour")
        return Source(_somebody(track, path), "drawn", frames, notices)
    told = None if progress is None else lambda done: progress(done, len(frames))
    track, found = finder.track(frames, footage.fps, str(path), told)
    name = finder.detector.name if finder.detector else "none"
    notices = (*footage.notices, *found, f"{path}: poses found by the detector {name}")
    doubted = finder.doubts(to_openpose18(track).keypoints, frames)
    return Source(footage.in_source(track), "detected", frames, notices, doubted)


def _somebody(track: Track, path: Path) -> Track:
    if not visible(track.keypoints).any():
        raise InputError(f"{path}: no joint can be read in any frame; expected a person")
    return track
