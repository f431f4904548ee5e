"""A motion with DensePose's maps, from footage of a person and the network that a user names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from lookreel.errors import InputError
from lookreel.poses.densepose_network import DensePoseNetwork
from lookreel.poses.finder import Finder
from lookreel.poses.footage import read_footage
from lookreel.poses.source import Source
from lookreel.poses.track import Track

_NO_FOOTAGE = (".npz", ".json", ".npy")


def read_dense(
    path: Path,
    network: DensePoseNetwork,
    finder: Finder,
    fps: float | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> Source:
    """A video, a picture or a folder of pictures -> a track with maps, and with joints where the detector finds them.

    The track is in pixels of the frames as they were read. Arguments and errors as for `source.read_source`; also
    InputError where DensePose finds nobody, or several people and no number is given.
    """
    if path.suffix.lower() in _NO_FOOTAGE:
        raise InputError(f"--densepose: {path} has no pictures; expected a video, a picture or a folder of them")
    footage = read_footage(path, fps)
    maps, notices = network.maps(footage.frames, str(path), finder.person, progress)
    notices = [*footage.notices, *notices, f"{path}: U,V maps by DensePose, {network.path}"]
    try:
        track, found = finder.track(footage.frames, footage.fps, str(path))
        notices += found
    except InputError as error:
        if finder.name:
            raise
        size = footage.frames.shape[2], footage.frames.shape[3]
        track = Track(np.zeros((len(maps), 18, 3), np.float32), size, footage.fps)
        notices.append(f"{path}: no joints ({error}); only DreamPose is driven by maps alone")
    return Source(replace(track, dense=maps), "detected", footage.frames, tuple(notices))
