"""The frames of a stored clip: what its header says, its hash, and its pixels, one frame at a time."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from lookreel.errors import InputError
from lookreel.metrics.geometry import Fit

CHUNK = 1 << 20


@dataclass(frozen=True)
class Facts:
    """What is known of a clip before it is read whole.

    frames: their number, 0 where a video's header does not say. size: (H, W). fps: 0 where nothing says it. sha256: of
    the video's bytes, or of the names and bytes of all PNG files.
    """

    frames: int
    size: tuple[int, int]
    fps: float
    sha256: str


def facts(path: Path) -> Facts:
    """The facts of a video or a folder of PNG. Raises InputError where its first frame cannot be read."""
    if path.is_dir():
        files = png_files(path)
        return Facts(len(files), next(stream(path)).shape[:2], 0.0, _hash(files, names=True))
    from lookreel.video import video_header

    frames, fps = video_header(path)
    first = next(stream(path), None)
    if first is None:
        raise InputError(f"{path}: no frame can be read; expected a video")
    return Facts(frames, first.shape[:2], fps, _hash([path]))


def stream(path: Path) -> Iterator[np.ndarray]:
    """The frames uint8 (H, W, 3) RGB of a video or a folder of PNG, one at a time, all of one size.

    Raises InputError for a file that cannot be read, and for a PNG of another size than the first.
    """
    if path.is_dir():
        return _pictures(path)
    from lookreel.video import stream_video

    return (frame.transpose(1, 2, 0) for frame in stream_video(path))


def read(path: Path, fit: Fit) -> np.ndarray:
    """All frames, laid by `fit`, uint8 (F, H, W, 3)."""
    return np.stack([fit.frame(frame) for frame in stream(path)])


def frame(path: Path, number: int) -> np.ndarray:
    """One frame, uint8 (H, W, 3), as it is stored. Raises InputError where the clip is shorter."""
    found = next(islice(stream(path), number, None), None)
    if found is None:
        raise InputError(f"{path}: no frame {number}; the clip is shorter")
    return found


def png_files(folder: Path) -> list[Path]:
    """The PNG files of a folder in the order of the numbers in their names.

    Raises InputError where a name has no number, or a number is missing or twice there.
    """
    numbered: dict[int, Path] = {}
    for path in sorted(folder.glob("*.png")):
        found = re.search(r"(\d+)$", path.stem)
        if path.name.startswith("."):
            continue
        if not found:
            raise InputError(f"{path}: no number at the end of its name; expected frames as 00000.png, 00001.png")
        if int(found[1]) in numbered:
            raise InputError(f"{path}: the number of {numbered[int(found[1])].name} again; expected one file a frame")
        numbered[int(found[1])] = path
    order = sorted(numbered)
    gaps = [number for number in range(order[0], order[-1]) if number not in numbered] if order else []
    if gaps:
        raise InputError(f"{folder}: frame {gaps[0]} is missing between {order[0]} and {order[-1]}")
    return [numbered[number] for number in order]


def _pictures(folder: Path) -> Iterator[np.ndarray]:
    from lookreel.picture_file import read_picture

    size = None
    for path in png_files(folder):
        picture = np.asarray(read_picture(path))
        size = size or picture.shape
        if picture.shape != size:
            raise InputError(
                f"{path}: {picture.shape[1]}x{picture.shape[0]}; the frames before it are {size[1]}x{size[0]}"
            )
        yield picture


def _hash(paths: list[Path], names: bool = False) -> str:
    digest = hashlib.sha256()
    for path in paths:
        if names:
            digest.update(path.name.encode() + b"\0" + str(path.stat().st_size).encode() + b"\0")
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
    return digest.hexdigest()
