"""One video from its file to its record; this is what runs in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from lookreel.data.prepare.judge import REASONS, Left, Piece, judge
from lookreel.data.prepare.look import Look, look, pictures
from lookreel.data.prepare.record import Record, files_of, key_of, path_of, read_record, write_record
from lookreel.data.prepare.settings import Settings
from lookreel.data.prepare.sources import Source
from lookreel.data.prepare.thumbs import strip
from lookreel.data.prepare.write import hash_of, track_of, write_clip
from lookreel.errors import InputError
from lookreel.poses.detect import DEFAULT, Detector
from lookreel.poses.detect import load as load_detector
from lookreel.poses.drawn import is_drawn
from lookreel.poses.footage import SLOW
from lookreel.poses.layout import from_coco, to_openpose18
from lookreel.poses.plausible import plausible

_LOOKS = 5  # frames of a stretch that are judged once more and shown


@dataclass(frozen=True)
class Task:
    """One video, its place, and how to treat it."""

    source: Source
    out: Path
    settings: Settings


def done(task: Task) -> Record | None:
    """The record of this very work, with all its files; None where there is something to do."""
    record = read_record(path_of(task.out, task.source))
    if record is None or record.key != _key(task):
        return None
    return record if all((task.out / name).is_file() for name in files_of(record)) else None


def work(task: Task) -> None:
    """Do it, and write its clips, then its record. Raises InputError only for what is wrong with the whole run: a
    detector that cannot be had, a disk that is full; what is wrong with the video is in its record."""
    with _one_thread():
        record = _record(task)
    path = path_of(task.out, task.source)
    for name in files_of(read_record(path)) - files_of(record):
        (task.out / name).unlink(missing_ok=True)
    write_record(path, record)


def _record(task: Task) -> Record:
    source, settings = task.source, task.settings
    detector = None if source.poses else _detector(settings.detector, settings.weights)
    try:
        seen = look(source.path, detector, source.poses)
    except InputError as error:
        told = str(error).removeprefix(f"{source.path}: ")
        if source.poses is not None:
            told = told.replace(str(source.poses), source.poses.name)
        return Record(_key(task), source.label, [], [_rejected(source, "unreadable", detail=told)], [""])
    if 0 < seen.fps < SLOW:
        left = [Left(0, len(seen.order), "slow")]
        return _joined(task, seen, [], left)
    pieces, left = judge(seen, settings)
    if not pieces and not left:
        left = [Left(0, len(seen.order), "short")]
    return _joined(task, seen, pieces, left)


def _joined(task: Task, seen: Look, pieces: Sequence[Piece], left: Sequence[Left]) -> Record:
    """Judge the pieces by a few of their pictures, write what stays, and describe all of it."""
    source = task.source
    shown = [_few(part.start, part.stop) for part in (*pieces, *left)]
    frames = _frames(source.path, seen, shown)
    good, bad = [], []
    for part, few in zip((*pieces, *left), shown, strict=True):
        there = np.stack([frames[i] for i in few])
        fault = _fault(task, there, np.stack([_pose(seen, part, i) for i in few]))
        if isinstance(part, Piece) and fault is None:
            good.append(part)
        else:
            bad.append((part, _reason(part, fault), there))
    clips, strips = [], []
    for number, piece in enumerate(good, start=1):
        name = source.name if len(good) == 1 else f"{source.name}-{number}"
        clips.append(write_clip(task.out, source, name, seen, piece, task.settings))
        strips.append(_strip(seen, piece, frames))
    bad.sort(key=lambda entry: entry[0].start)
    rejected = [_rejected(source, reason, seen, part) for part, reason, _ in bad]
    return Record(_key(task), source.label, clips, rejected, [*strips, *(strip(list(there)) for *_, there in bad)])


def _fault(task: Task, frames: np.ndarray, poses: np.ndarray) -> str | None:
    """What speaks against a stretch when one looks at a few of its frames uint8 (F, 3, H, W), in which these poses
    (F, 18, 3) were found; None if nothing does."""
    if is_drawn(frames):
        return "drawn"
    if task.source.poses is not None or task.settings.detector != DEFAULT:
        return None
    detector = _detector(task.settings.detector, task.settings.weights)
    return None if plausible(detector, frames, poses) else "doubted"


def _reason(part: Piece | Left, fault: str | None) -> str:
    """Why a stretch is left out: its own reason, unless what its pictures show explains it."""
    if isinstance(part, Piece):
        return fault or ""
    return fault if fault and part.reason not in ("nobody", "slow") else part.reason


def _pose(seen: Look, part: Piece | Left, frame: int) -> np.ndarray:
    """The joints (18, 3) of the person, of a clip, or the largest one, as they were found in a frame."""
    largest = 0 if seen.people[frame] else None
    index = part.chosen[frame - part.start] if isinstance(part, Piece) else largest
    if index is None:
        return np.zeros((18, 3), np.float32)
    points = seen.people[frame][index].keypoints
    return points if len(points) == 18 else from_coco(points)


def _strip(seen: Look, piece: Piece, frames: dict[int, np.ndarray]) -> str:
    """A few frames of a clip with their mended skeletons."""
    few = _few(piece.start, piece.stop)
    body = to_openpose18(track_of(seen, piece, seen.size))
    return strip([frames[i] for i in few], body.keypoints[[i - piece.start for i in few]])


def _few(start: int, stop: int) -> list[int]:
    """At most five frames from start to stop - 1, evenly spaced, away from the ends."""
    places = (np.arange(_LOOKS) + 0.5) * (stop - start) / _LOOKS
    return sorted({start + int(place) for place in places})


def _frames(path: Path, seen: Look, shown: Sequence[Sequence[int]]) -> dict[int, np.ndarray]:
    """The frames of these shown numbers."""
    numbers = sorted({i for few in shown for i in few})
    found = pictures(path, [seen.order[i] for i in numbers])
    return dict(zip(numbers, found, strict=True))


def _rejected(
    source: Source, reason: str, seen: Look | None = None, part: Left | None = None, detail: str = ""
) -> dict:
    """A line of rejected.jsonl; start and end in seconds of the video, null where all of it is meant."""
    line: dict[str, Any] = {"source": source.label, "reason": reason, "words": detail or REASONS[reason]}
    span = (part.start / seen.fps, part.stop / seen.fps) if seen and part else (None, None)
    line["start"], line["end"] = (None if at is None else round(at, 3) for at in span)
    return line


def _key(task: Task) -> str:
    poses = task.source.poses
    return key_of(task.source, task.settings, hash_of(poses) if poses and poses.is_file() else "")


@lru_cache(maxsize=1)
def _detector(name: str, weights: str | None) -> Detector:
    """Loaded once in a process; with one thread, so that the number of processes changes no digit."""
    return load_detector(name, weights, threads=1)


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread for OpenCV: there are as many processes as cores."""
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
