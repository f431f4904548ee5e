"""The videos to make a dataset of: which there are, what their clips are called, their split and their licence."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from lookreel.errors import InputError

VIDEOS = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".wmv", ".flv", ".3gp")
SPLITS = {"train": "train", "test": "test", "val": "val", "validation": "val"}
LICENCES = "licences.csv"


@dataclass(frozen=True)
class Source:
    """One video.

    path: where it lies. label: how it is named in the dataset, relative to the folder that was given. name: of its
    clips. split: that of its folder, None where the hash decides. poses: its track (.npz) or a video of its drawn
    skeletons, None where a detector looks for them. sha256: of the file; empty until it was read.
    """

    path: Path
    label: str
    name: str
    split: str | None = None
    licence: str | None = None
    poses: Path | None = None
    sha256: str = ""


def find_sources(videos: Path, licence: str | None = None) -> list[Source]:
    """The videos of a folder and the folders in it, in the order of their labels; of a file, that one.

    A folder train, test or val at the top decides the split of what lies in it. `licences.csv` in the folder, with the
    columns path and licence, tells the licence of a video or of a whole folder; `licence` is that of all others.
    Raises InputError where there is no video, or licences.csv is not as expected.
    """
    if videos.is_file():
        return [Source(videos, videos.name, clean(videos.stem), licence=licence)]
    if not videos.is_dir():
        raise InputError(f"{videos}: no such folder; expected a folder of videos ({', '.join(VIDEOS)})")
    files = [path for path in sorted(videos.rglob("*")) if path.suffix.lower() in VIDEOS and path.is_file()]
    labels = [path.relative_to(videos) for path in files]
    labels = [label for label in labels if not any(part.startswith(".") for part in label.parts)]
    if not labels:
        raise InputError(f"{videos}: no video in it; expected {', '.join(VIDEOS)}")
    known = _licences(videos / LICENCES)
    splits = [SPLITS.get(label.parts[0].lower()) if len(label.parts) > 1 else None for label in labels]
    inner = [Path(*label.parts[1:]) if split else label for label, split in zip(labels, splits, strict=True)]
    return unique(
        Source(videos / label, label.as_posix(), name, split, _licence(label, known) or licence)
        for label, split, name in zip(labels, splits, map(name_of, inner), strict=True)
    )


def name_of(label: Path) -> str:
    """The name of a video's clips: its path without suffix, folders joined by a dash."""
    return clean("-".join((*label.parent.parts, label.stem)))


def clean(name: str) -> str:
    """The name without what a file name may not hold everywhere; a plus sign stays."""
    return re.sub(r'[\x00-\x1f<>:"/\\|?*]', "_", name).strip(". ") or "_"


def unique(sources: Iterable[Source]) -> list[Source]:
    """The sources with names of which none is another's, or that of another's numbered clip (name-2), also where a disk
    does not tell capitals; the first keeps its name, others get a part of their label's hash."""
    found: list[Source] = []
    taken: set[str] = set()
    given = list(sources)
    wanted = [source.name.lower() for source in given]
    for source, name in zip(given, wanted, strict=True):
        numbered = re.fullmatch(r"(.*)-\d+", name)
        if name in taken or (numbered and numbered[1] in wanted):
            source = replace(source, name=f"{source.name}-{hashlib.sha256(source.label.encode()).hexdigest()[:8]}x")
        taken.add(source.name.lower())
        found.append(source)
    return found


def split_of(source: Source, test_share: float) -> str:
    """The split of a source: its folder's, or by its content, so that no other video changes it."""
    if source.split:
        return source.split
    return "test" if int(source.sha256[:12], 16) < test_share * 16**12 else "train"


def _licences(path: Path) -> dict[str, str]:
    """Licence by path, lower case as written there; a path may be a folder."""
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    if any(not row.get("path") or row.get("licence") is None for row in rows):
        raise InputError(f"{path}: expected the columns path and licence, with a path in every row")
    return {row["path"].strip().rstrip("/"): row["licence"].strip() for row in rows}


def _licence(label: Path, known: dict[str, str]) -> str | None:
    """That of the video, or of the nearest folder it lies in."""
    places = [label.as_posix(), *(parent.as_posix() for parent in label.parents)]
    return next((known[place] for place in places if known.get(place)), None)
