"""Photos taken from a film of the garment: its best front, back and side frames."""

from __future__ import annotations

from pathlib import Path

from lookreel.errors import InputError
from lookreel.photos import Photo
from lookreel.poses.finder import Finder
from lookreel.poses.footage import Footage, read_footage
from lookreel.poses.layout import to_openpose18
from lookreel.poses.pick import pick
from lookreel.poses.track import Track


def photos_from(path: Path, finder: Finder) -> tuple[list[Photo], list[str]]:
    """The best front, back and side frames of a video as photos with their poses, and notices.

    The poses are those of `clip.npz` beside `clip.mp4`, or the finder's.
    Raises InputError where the video cannot be read, its poses cannot be had, or no frame shows shoulders and hips.
    """
    footage = read_footage(path)
    if len(footage.frames) < 2:
        raise InputError(f"{path}: a single picture; expected a film of the garment (--photo takes pictures)")
    track, notices = _track(path, footage, finder)
    picked = pick(footage.frames, track)
    if not picked:
        raise InputError(f"{path}: no frame shows shoulders and hips; expected a film of a person")
    height, width = footage.frames.shape[2:]
    scale = [width / track.size[1], height / track.size[0], 1]
    photos = []
    for one in picked:
        keypoints = track.keypoints[one.frame] * scale
        photos.append(Photo(footage.frames[one.frame].transpose(1, 2, 0), keypoints, name=f"{path} frame {one.frame}"))
    told = ", ".join(f"frame {one.frame} ({one.view})" for one in picked)
    return photos, [*footage.notices, *notices, f"{path}: taken as photos: {told}"]


def _track(path: Path, footage: Footage, finder: Finder) -> tuple[Track, list[str]]:
    """The poses of the footage's frames, 18 joints."""
    beside = path.with_suffix(".npz")
    if beside.is_file():
        track = to_openpose18(Track.load(beside))
        if len(track) != len(footage.frames):
            raise InputError(f"{beside}: {len(track)} poses; {path.name} gives {len(footage.frames)} frames")
        return track, []
    track, notices = finder.track(footage.frames, footage.fps, str(path))
    track = to_openpose18(track)
    if not finder.believes(track.keypoints, footage.frames):
        raise InputError(
            f"{path}: the bundled detector knows mannequins and is not to be relied on there; "
            f"expected its poses beside it ({beside.name}), or another --detector"
        )
    return track, notices
