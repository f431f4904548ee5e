"""The second look at a video: its good stretches become files. What is written is whole or not there."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lookreel.data.prepare.judge import Piece
from lookreel.data.prepare.look import Look, pictures
from lookreel.data.prepare.settings import Settings
from lookreel.data.prepare.sources import Source, split_of
from lookreel.data.references import for_testing
from lookreel.outputs import whole
from lookreel.poses.draw import draw
from lookreel.poses.flow import farneback_flow
from lookreel.poses.layout import to_openpose18
from lookreel.poses.mend import mend
from lookreel.poses.track import LAYOUTS, Track
from lookreel.poses.view import view
from lookreel.video import write_video

FOLDERS = ("clips", "poses", "pose_flow")
CELL = 8  # pixels of the picture that is drawn for the flow
_SHORT_SIDE = 512  # of that picture, at most
_AT_ONCE = 64  # frames that are drawn at a time


def write_clip(out: Path, source: Source, name: str, seen: Look, piece: Piece, settings: Settings) -> dict[str, Any]:
    """Write a clip, its poses and their flow into the dataset folder `out`, and return its line of the manifest.

    A clip that is its whole file stays that file, byte by byte; any other is encoded anew. Raises InputError where the
    disk is full or cannot be written to.
    """
    paths = {kind: f"{kind}/{name}{'.mp4' if kind == 'clips' else '.npz'}" for kind in FOLDERS}
    clip = out / paths["clips"]
    size = _clip(clip, source, seen, piece)
    track = track_of(seen, piece, size)
    track.save(out / paths["poses"])
    body = to_openpose18(track)
    views = [view(pose) for pose in body.keypoints]
    _write_flow(out / paths["pose_flow"], body, settings.flow_stride)
    split = split_of(source, settings.test_share)
    line: dict[str, Any] = {
        "path": paths["clips"],
        "frames": len(track),
        "fps": track.fps,
        "size": list(size),
        "split": split,
        "sha256": hash_of(clip),
        "poses": paths["poses"],
        "views": views,
        "pose_flow": paths["pose_flow"],
        "source": source.label,
        "source_sha256": source.sha256,
        "start": round(piece.start / seen.fps, 6),
        "licence": source.licence,
    }
    if split == "test":
        line["references"] = for_testing(views, [settings.seed, int(source.sha256[:12], 16), piece.start])
    return line


def track_of(seen: Look, piece: Piece, size: tuple[int, int]) -> Track:
    """The poses of the piece's person, mended; a frame in which they are not found has no joints before that."""
    keypoints = np.zeros((piece.stop - piece.start, LAYOUTS[seen.layout], 3), np.float32)
    for i, (people, index) in enumerate(zip(seen.people[piece.start : piece.stop], piece.chosen, strict=True)):
        if index is not None:
            keypoints[i] = people[index].keypoints
    return mend(Track(keypoints, size, seen.fps, seen.layout))


def pose_flow(track: Track, stride: int) -> tuple[np.ndarray, np.ndarray]:
    """Farneback's backward flow of the drawn poses of a track of 18 joints, from each frame to the one `stride` before.

    Returns delta float16 (F, 2, h, w) in cells and mask bool (F, h, w), as `lookreel.poses.flow` has them, on a grid of
    cells of 8 pixels of a picture with a short side of at most 512. The first `stride` frames have no predecessor.
    """
    scale = min(1.0, _SHORT_SIDE / min(track.size))
    drawn = tuple(max(CELL, round(side * scale / CELL) * CELL) for side in track.size)
    grid = (drawn[0] // CELL, drawn[1] // CELL)
    delta = np.zeros((len(track), 2, *grid), np.float16)
    mask = np.zeros((len(track), *grid), bool)
    for offset in range(min(stride, len(track))):
        frames = np.arange(offset, len(track), stride)
        for first in range(0, len(frames), _AT_ONCE):
            # The last frame of a batch is the predecessor of the next one's first.
            at = frames[max(first - 1, 0) : first + _AT_ONCE]
            moves, moving = farneback_flow(draw(track.keypoints[at], track.size, drawn), grid)
            new = slice(min(first, 1), None)
            delta[at[new]], mask[at[new]] = moves[new], moving[new]
    return delta, mask


def _clip(path: Path, source: Source, seen: Look, piece: Piece) -> tuple[int, int]:
    """Write the video of a piece; returns its size (H, W)."""
    if seen.whole and (piece.start, piece.stop) == (0, len(seen.order)) and source.path.suffix.lower() == ".mp4":
        with whole(path) as (temporary,):
            shutil.copyfile(source.path, temporary)
        return seen.size
    write_video(path, _frames(source, seen, piece), seen.fps, seen.size)
    height, width = seen.size
    return height + height % 2, width + width % 2


def _frames(source: Source, seen: Look, piece: Piece) -> Iterator[np.ndarray]:
    return pictures(source.path, seen.order[piece.start : piece.stop])


def _write_flow(path: Path, body: Track, stride: int) -> None:
    delta, mask = pose_flow(body, stride)
    with whole(path) as (temporary,), temporary.open("wb") as file:
        np.savez_compressed(file, delta=delta, mask=mask, stride=np.asarray(stride))


def hash_of(path: Path) -> str:
    """The file's sha256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
