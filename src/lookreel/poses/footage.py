"""Frames in which somebody moves: from a video, a folder of pictures or one picture, ready for a pose detector."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from lookreel.errors import InputError
from lookreel.even_rate import even_rate
from lookreel.picture_file import EXPECTED, check_file, read_picture
from lookreel.poses.openpose_json import natural
from lookreel.poses.track import Track

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".avif", ".ppm")
STILL_FPS = 25.0  # of a folder of pictures, which does not tell its own
_MOST_SIDE = 1280  # pixels; detectors see no more
_QUICKEST = 60.0  # frames a second; of a faster video (slow motion) every n-th frame is enough
_USUAL = 30.0
SLOW = 6.0  # frames a second; below that, what happens between them is not known


@dataclass(frozen=True)
class Footage:
    """frames: uint8 (F, 3, h, w), at most 1280 pixels a side. size: (H, W) of the source. notices: what was done."""

    frames: np.ndarray
    size: tuple[int, int]
    fps: float
    notices: tuple[str, ...] = ()

    def in_source(self, track: Track) -> Track:
        """A track in pixels of `frames`, in pixels of the source."""
        scale = [self.size[1] / self.frames.shape[3], self.size[0] / self.frames.shape[2]]
        keypoints = track.keypoints.copy()
        there = keypoints[..., 2] > 0
        moved = (keypoints[..., :2] + 0.5) * np.array(scale, np.float32) - 0.5
        keypoints[..., :2] = np.where(there[..., None], moved, keypoints[..., :2])
        return replace(track, keypoints=keypoints, size=self.size)


def read_footage(path: Path, fps: float | None = None) -> Footage:
    """Frames of a video, of a folder of pictures in natural order, or of one picture.

    fps: the rate that is wanted in the end: of a video with at least twice as many frames, only every n-th is read; a
    folder of pictures is taken to have it. Uneven videos are brought to a constant rate.
    Raises InputError where there is nothing to read, or pictures of a folder differ in size.
    """
    if path.is_dir():
        return _folder(path, fps)
    if path.suffix.lower() in PICTURES:
        check_file(path)
        return _of([np.asarray(read_picture(path)).transpose(2, 0, 1)], fps or STILL_FPS)
    return _video(path, fps)


def _folder(path: Path, fps: float | None) -> Footage:
    pictures = (file for file in path.iterdir() if file.suffix.lower() in PICTURES and not file.name.startswith("."))
    files = sorted(pictures, key=natural)
    if not files:
        raise InputError(f"{path}: neither pictures nor .json in this folder; expected the frames of a motion")
    footage = _of(_pictures(files), fps or STILL_FPS)
    order = f"{path}: {len(files)} pictures from {files[0].name} to {files[-1].name}"
    rate = f"taken as {footage.fps:g} frames a second" + ("" if fps else " (--fps N says otherwise)")
    return replace(footage, notices=(f"{order}, {rate}",))


def _pictures(files: Sequence[Path]) -> Iterator[np.ndarray]:
    first = None
    for file in files:
        check_file(file)
        picture = read_picture(file)
        first = first or picture.size
        if picture.size != first:
            found, expected = (f"{width}x{height}" for width, height in (picture.size, first))
            raise InputError(f"{file}: {found}; the first picture of its folder has {expected}; {EXPECTED}")
        yield np.asarray(picture).transpose(2, 0, 1)


def _video(path: Path, fps: float | None) -> Footage:
    from lookreel.video import stream_video

    timing = timing_of(path, fps)
    wanted = None if timing.order is None else set(timing.order.tolist())
    numbers, small, size = [], [], (0, 0)
    for number, frame in enumerate(stream_video(path)):
        size = frame.shape[1:]
        if wanted is None or number in wanted:
            numbers.append(number)
            small.append(smaller(frame))
    place = {number: i for i, number in enumerate(numbers)}
    frames = np.stack([small[place[number]] for number in timing.shown(len(numbers)) if number in place])
    return Footage(frames, (int(size[0]), int(size[1])), timing.fps, timing.notices)


@dataclass(frozen=True)
class Timing:
    """Which frames of a video make it a constant, not too high rate.

    order: (N,) the numbers of the frames to show, rising, some of them twice in an uneven video; None where the file
    does not tell its frames before they are read: then every `every`-th. fps: the rate that comes of it; 0 where the
    file does not say. notices: what was done.
    """

    order: np.ndarray | None
    every: int
    fps: float
    notices: tuple[str, ...]

    def shown(self, count: int) -> list[int]:
        """The numbers of the frames to show, of a video in which `count` were read."""
        return list(range(0, count, self.every)) if self.order is None else self.order.tolist()


def timing_of(path: Path, fps: float | None = None) -> Timing:
    """How to show a video at a constant rate, and every n-th frame where `fps` or 60 a second is far exceeded; nothing
    is decoded. Raises InputError for what is no video."""
    from lookreel.video import frame_times, video_header

    times = frame_times(path)
    count, rate = len(times), video_header(path)[1]
    notices = []
    order = np.arange(count)
    uneven = even_rate(times, count)
    if uneven:
        order, own = uneven
        notices.append(f"{path}: a variable frame rate, {rate:.1f} on average; taken at {own:g} frames a second")
        rate = own
    every = _every(rate, fps)
    if every > 1:
        order, rate = order[::every], rate / every
        notices.append(f"{path}: {rate * every:g} frames a second; every {every}th is taken, {rate:g} a second")
    if 0 < rate < SLOW:
        notices.append(f"{path}: only {rate:g} frames a second; what happens between them is not known")
    return Timing(order if count else None, every, rate, tuple(notices))


def _every(rate: float, wanted: float | None) -> int:
    """Of how many frames one is enough."""
    if wanted:
        return max(1, int(rate / wanted + 1e-6))
    return round(rate / _USUAL) if rate > _QUICKEST else 1


def _of(frames: Sequence[np.ndarray] | Iterator[np.ndarray], fps: float) -> Footage:
    """Frames (3, H, W) made no larger than a detector needs."""
    size, small = (0, 0), []
    for frame in frames:
        size = frame.shape[1:]
        small.append(smaller(frame))
    return Footage(np.stack(small), (int(size[0]), int(size[1])), fps)


def smaller(frame: np.ndarray) -> np.ndarray:
    """A frame (3, H, W) no larger than a detector needs: at most 1280 pixels a side."""
    height, width = frame.shape[1:]
    scale = _MOST_SIDE / max(height, width)
    if scale >= 1:
        return frame
    picture = Image.fromarray(np.ascontiguousarray(frame.transpose(1, 2, 0)))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(picture.resize(size, Image.Resampling.BOX)).transpose(2, 0, 1)
