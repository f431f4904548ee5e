"""The list of videos that the open Animate Anyone trains on: JSON of {"video_path", "kps_path"}, in and out.

A `kps_path` is a video of the clip's drawn skeletons with as many frames. Its loaders open both paths as they stand
there, ignore other fields, and know no split.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from lookreel.data.manifest import read_manifest
from lookreel.data.prepare.sources import Source, name_of, unique
from lookreel.errors import InputError
from lookreel.outputs import whole

EXPECTED = 'expected a JSON list of {"video_path": ..., "kps_path": ...}, as tools/extract_meta_info.py writes it'
_AT_ONCE = 32  # skeletons drawn at a time


def read_pairs(path: Path) -> list[dict[str, Any]]:
    """The objects of the list. Raises InputError for a file that is no such list."""
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: not readable JSON ({error}); {EXPECTED}") from error
    if not isinstance(found, list) or not found:
        raise InputError(f"{path}: JSON of another layout; {EXPECTED}")
    for number, pair in enumerate(found):
        if not isinstance(pair, dict) or not all(isinstance(pair.get(k), str) for k in ("video_path", "kps_path")):
            raise InputError(f"{path}, entry {number}: no video_path and kps_path; {EXPECTED}")
    return found


def find_pairs(path: Path, licence: str | None = None) -> list[Source]:
    """The videos of such a list as sources, with their poses: the track of `keypoints` where we wrote it, else the
    video of their skeletons. A field split or licence is kept.

    A path that is not absolute starts in the folder of the list. Labels are the paths from the folder that all videos
    share. Raises InputError as `read_pairs`, and where a file does not exist.
    """
    pairs = read_pairs(path)
    videos = [path.parent / pair["video_path"] for pair in pairs]
    poses = [path.parent / (pair.get("keypoints") or pair["kps_path"]) for pair in pairs]
    for file in (*videos, *poses):
        if not file.is_file():
            raise InputError(f"{path}: {file}: no such file; expected the videos that the list names")
    labels = _labels(videos)
    return unique(
        Source(video, label.as_posix(), name_of(label), pair.get("split"), pair.get("licence") or licence, skeletons)
        for pair, video, skeletons, label in zip(pairs, videos, poses, labels, strict=True)
    )


def write_pairs(
    dataset: Path, out: Path, force: bool = False, progress: Callable[[int, int], object] | None = None
) -> list[Path]:
    """Write a dataset as such lists: `out` for the split train, `NAME-test.json` beside it for test, and so on.

    The skeletons are drawn into videos in the folder NAME_dwpose beside them, which appear before the lists. Paths are
    relative to the list's folder; each object also has split, fps, num_frames, size, sha256, keypoints and licence.
    Returns the lists' paths. Raises InputError where one exists already without `force`, or the dataset is broken.
    """
    lines = read_manifest(dataset, ("path", "poses"))
    splits = sorted({line.get("split", "train") for line in lines}, key=lambda split: (split != "train", split))
    lists = {split: out if split == splits[0] else out.with_name(f"{out.stem}-{split}.json") for split in splits}
    folder = out.with_name(f"{out.stem}_dwpose")
    _check(out, [*lists.values(), folder], force)
    folder.mkdir(exist_ok=True)
    objects = []
    for number, line in enumerate(lines, start=1):
        objects.append(_object(dataset, line, folder, out.parent))
        if progress:
            progress(number, len(lines))
    with whole(*lists.values()) as temporary:
        for place, split in zip(temporary, lists, strict=True):
            chosen = [item for item in objects if item["split"] == split]
            place.write_text(json.dumps(chosen, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return list(lists.values())


def _object(dataset: Path, line: dict[str, Any], folder: Path, start: Path) -> dict[str, Any]:
    """One clip's object; its skeletons are drawn unless they are there."""
    from lookreel.poses.layout import to_openpose18
    from lookreel.poses.track import Track
    from lookreel.video import write_video

    clip, poses = dataset / line["path"], dataset / line["poses"]
    skeletons = folder / f"{clip.stem}.mp4"
    track = to_openpose18(Track.load(poses))
    write_video(skeletons, _drawn(track), track.fps, track.size)
    return {
        "video_path": _relative(clip, start),
        "kps_path": _relative(skeletons, start),
        "split": line.get("split", "train"),
        "fps": track.fps,
        "num_frames": len(track),
        "size": list(track.size),
        "sha256": line.get("sha256"),
        "keypoints": _relative(poses, start),
        "licence": line.get("licence"),
    }


def _drawn(track: Any) -> Iterable[Any]:
    from lookreel.poses.draw import draw

    for first in range(0, len(track), _AT_ONCE):
        yield from draw(track.keypoints[first : first + _AT_ONCE], track.size)


def _check(out: Path, written: Sequence[Path], force: bool) -> None:
    if out.suffix.lower() != ".json":
        raise InputError(f"--out: {out}: expected the name of a .json file")
    if not out.parent.is_dir():
        raise InputError(f"--out: {out}: the folder {out.parent} does not exist; make it first")
    there = [path for path in written if path.exists()]
    if there and not force:
        raise InputError(f"{there[0]}: exists already; --force overwrites it")


def _relative(path: Path, start: Path) -> str:
    """The path as seen from `start`, upward where need be."""
    return Path(os.path.relpath(path.resolve(), start.resolve())).as_posix()


def _labels(videos: Sequence[Path]) -> list[Path]:
    """Paths from the folder that all videos share."""
    shared = Path(os.path.commonpath([video.resolve().parent for video in videos]))
    return [video.resolve().relative_to(shared) for video in videos]
