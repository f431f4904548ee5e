"""The first look at a video: who is in each frame, and where it was cut. Only one frame is held at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lookreel.data.prepare.cuts import colors, cuts
from lookreel.errors import InputError
from lookreel.poses.detect import Detector, Person
from lookreel.poses.drawn import read_drawn
from lookreel.poses.footage import Timing, smaller, timing_of
from lookreel.poses.layout import to_openpose18
from lookreel.poses.people import boxes_of
from lookreel.poses.track import Track
from lookreel.video import stream_video


@dataclass(frozen=True)
class Look:
    """What is known of a video whose every frame was seen.

    order: (N,) the frames to show, as numbers in the file, so that the rate is constant. whole: whether they are all of
    its frames, in order. size: (H, W). fps: of the shown frames. people: for each of them the persons found, the
    largest first, in pixels of the video. layout: of their keypoints. cuts: the shown frames that begin a scene.
    """

    order: list[int]
    whole: bool
    size: tuple[int, int]
    fps: float
    people: list[list[Person]]
    layout: str
    cuts: list[int]


def look(path: Path, detector: Detector | None, poses: Path | None = None) -> Look:
    """Look at a video with a detector, or, where `poses` is its track (.npz) or a video of its drawn skeletons, take
    them from there.

    Raises InputError where a video cannot be read to its end, or the two have different numbers of frames.
    """
    timing = timing_of(path)
    given = _given(poses) if poses is not None else None
    seen: dict[int, list[Person]] = {}
    shares: dict[int, np.ndarray] = {}
    size, count = (0, 0), 0
    for number, frame in enumerate(stream_video(path)):
        count, size = number + 1, (int(frame.shape[1]), int(frame.shape[2]))
        if not _wanted(timing, number):
            continue
        shares[number] = colors(frame)
        if given is None:
            seen[number] = _found(detector, frame)
        elif number < len(given):
            seen[number] = _posed(given, number, size)
    if given is not None and len(given) != count:
        raise InputError(f"{poses}: {len(given)} frames; the video has {count}")
    order = [number for number in timing.shown(count) if number in seen]
    if not order:
        raise InputError(f"{path}: its frames and their times do not go together; a video file is expected")
    whole = order == list(range(count))
    layout = "openpose18" if given is not None or detector is None else detector.layout
    scenes = cuts(np.stack([shares[number] for number in order]), timing.fps)
    return Look(order, whole, size, timing.fps, [seen[number] for number in order], layout, scenes)


def pictures(path: Path, numbers: Sequence[int]) -> Iterator[np.ndarray]:
    """The frames uint8 (3, H, W) of these numbers in the file, which rise; one twice in a row comes twice."""
    wanted = iter(numbers)
    number = next(wanted, None)
    for at, frame in enumerate(stream_video(path)):
        while number == at:
            yield frame
            number = next(wanted, None)
        if number is None:
            return


def _wanted(timing: Timing, number: int) -> bool:
    if timing.order is None:
        return number % timing.every == 0
    place = int(np.searchsorted(timing.order, number))
    return place < len(timing.order) and timing.order[place] == number


def _found(detector: Detector | None, frame: np.ndarray) -> list[Person]:
    """The people in a frame, in its pixels."""
    if detector is None:
        raise InputError("no detector and no poses; expected one of the two")
    small = smaller(frame)
    scale = np.array([frame.shape[2] / small.shape[2], frame.shape[1] / small.shape[1]])
    people = detector.detect(small[None])[0]
    return [Person(_scaled(p.keypoints, scale), p.box * np.tile(scale, 2), p.score) for p in people]


def _given(path: Path) -> Track:
    """The poses of a track, or of drawn skeletons, with 18 joints."""
    if path.suffix.lower() == ".npz":
        return to_openpose18(Track.load(path))
    tracks = [read_drawn(frame[None], 1.0) for frame in stream_video(path)]
    keypoints = np.concatenate([track.keypoints for track in tracks])
    height, width = (int(side) for side in tracks[0].size)
    if not keypoints[..., 2].any():
        raise InputError(f"{path}: no joint can be read in {width}x{height}; expected drawn skeletons, 256 px or more")
    return Track(keypoints, (height, width))


def _posed(given: Track, number: int, size: tuple[int, int]) -> list[Person]:
    """The person of a pose, in pixels of a picture of `size`; nobody where it has no joint."""
    points = _scaled(given.keypoints[number], np.array([size[1] / given.size[1], size[0] / given.size[0]]))
    return [Person(points, boxes_of([points])[0], 1.0)] if points[:, 2].any() else []


def _scaled(keypoints: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Joints (J, 3) at `scale` (x, y); whole numbers are the centres of pixels."""
    places = np.where(keypoints[:, 2:] > 0, (keypoints[:, :2] + 0.5) * scale - 0.5, keypoints[:, :2])
    return np.concatenate([places, keypoints[:, 2:]], axis=1).astype(np.float32)
