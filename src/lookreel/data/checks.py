"""Whether a dataset folder is in order: files, poses, duplicates, splits, licences."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lookreel.data.manifest import MANIFEST, read_manifest
from lookreel.data.near import LOOKS, alike, looks
from lookreel.data.prepare.write import FOLDERS, hash_of
from lookreel.errors import InputError
from lookreel.metrics.pool import each
from lookreel.poses.draw import visible
from lookreel.poses.layout import to_openpose18
from lookreel.poses.track import Track
from lookreel.poses.view import view

VIEWS = ("front", "side", "back", None)
_LEAST_SEEN = 0.5  # of the joints, below which poses are told of
_SAME_VIEWS = 0.98  # of the frames, whose noted view is that of their pose


@dataclass(frozen=True)
class Finding:
    """level: "error", with which no training or measurement is right, or "warning". clip: its path, or "" for all."""

    level: str
    kind: str
    clip: str
    words: str

    def told(self) -> str:
        return f"{self.level}: {self.clip + ': ' if self.clip else ''}{self.words}"


@dataclass(frozen=True)
class Examined:
    """What one clip's files tell. looks: for `near.alike`."""

    findings: list[Finding] = field(default_factory=list)
    sha256: str = ""
    looks: np.ndarray = field(default_factory=lambda: np.zeros((0, 1, 1, 3), np.uint8))


def check(
    folder: Path, jobs: int = 1, progress: Callable[[int, int], object] | None = None
) -> tuple[dict[str, Any], list[Finding]]:
    """Examine a dataset folder; returns counts as JSON values, and findings, errors first.

    Every video is decoded, `jobs` at a time. Raises InputError where there is no manifest, or a line of it is wrong.
    """
    lines = read_manifest(folder)
    if not lines:
        raise InputError(f"{folder / MANIFEST}: empty; expected one clip a line")
    found: dict[int, Examined] = {}
    numbers = list(range(len(lines)))
    for done, (number, examined) in enumerate(each(partial(_examine, folder, lines), numbers, jobs), 1):
        found[number] = examined
        if progress:
            progress(done, len(lines))
    clips = [found[number] for number in numbers]
    findings = [finding for examined in clips for finding in examined.findings]
    findings += [*_names(lines), *_same_files(lines, clips), *_alike(lines, clips), *_sources(lines)]
    findings += [*_licences(lines), *_strays(folder, lines)]
    facts = {
        "clips": len(lines),
        "splits": _counted(lines, "split", "train"),
        "licences": _counted(lines, "licence", "unknown"),
    }
    return facts, sorted(findings, key=lambda finding: (finding.level != "error", finding.kind, finding.clip))


def as_json(facts: dict[str, Any], findings: Sequence[Finding]) -> dict[str, Any]:
    """All of it as one object."""
    levels = {f"{level}s": [asdict(f) for f in findings if f.level == level] for level in ("error", "warning")}
    return facts | levels


def _examine(folder: Path, lines: Sequence[dict[str, Any]], number: int) -> Examined:
    """Everything about one clip that needs no other."""
    line = lines[number]
    clip = folder / line["path"]
    error = partial(Finding, "error", clip=line["path"])
    if not clip.is_file():
        return Examined([error("missing", words=f"{clip}: no such file")])
    sha256 = hash_of(clip)
    findings = []
    if line.get("sha256") not in (None, sha256):
        findings.append(error("changed", words="its sha256 is not the manifest's: the file was changed or damaged"))
    try:
        pictures, size, count, fps = _decoded(clip)
    except InputError as fault:
        return Examined([*findings, error("unreadable", words=str(fault))], sha256)
    told = {"frames": count, "size": list(size)}
    for name, true in told.items():
        if line.get(name) not in (None, true):
            findings.append(error(name, words=f"{name} is {line[name]} in the manifest; the video has {true}"))
    if isinstance(line.get("fps"), int | float) and fps and abs(line["fps"] / fps - 1) > 0.02:
        findings.append(error("fps", words=f"fps is {line['fps']:g} in the manifest; the video has {fps:g}"))
    findings += _poses(folder, line, count, size)
    numbers = line.get("references")
    if numbers is not None and not (isinstance(numbers, list) and all(n in range(count) for n in numbers)):
        findings.append(error("references", words=f"references are {numbers}; expected frames from 0 to {count - 1}"))
    return Examined(findings, sha256, pictures)


def _decoded(clip: Path) -> tuple[np.ndarray, tuple[int, int], int, float]:
    """Small pictures of a video, its size (H, W), frames and rate; it is read to its end."""
    from lookreel.video import stream_video, video_header

    promised, fps = video_header(clip)
    seen = {"count": 0, "size": (0, 0)}

    def counted():
        for frame in stream_video(clip):
            seen.update(count=seen["count"] + 1, size=frame.shape[1:])
            yield frame

    pictures = looks(counted(), promised or LOOKS)
    height, width = seen["size"]
    return pictures, (int(height), int(width)), int(seen["count"]), fps


def _poses(folder: Path, line: dict[str, Any], count: int, size: tuple[int, int]) -> list[Finding]:
    """What is wrong with a clip's poses and views."""
    found = partial(Finding, clip=line["path"])
    if not isinstance(line.get("poses"), str):
        return [found("warning", "poses", words="no poses: it can be trained on only without")]
    try:
        track = Track.load(folder / line["poses"])
    except InputError as fault:
        return [found("error", "poses", words=str(fault))]
    if (len(track), *track.size) != (count, *size):
        held = f"(frames, H, W) are {(len(track), *track.size)}"
        return [found("error", "poses", words=f"{line['poses']}: {held}; the video has {(count, *size)}")]
    body = to_openpose18(track).keypoints
    seen = float(visible(body).mean())
    findings = []
    if seen < _LEAST_SEEN:
        findings.append(found("warning", "poses", words=f"only {seen:.0%} of the joints are known"))
    views = line.get("views")
    if views is None:
        return findings
    if not isinstance(views, list) or len(views) != count or any(one not in VIEWS for one in views):
        return [*findings, found("error", "views", words=f"views: expected front, side, back or null, {count} times")]
    same = np.mean([one == view(pose) for one, pose in zip(views, body, strict=True)])
    if same < _SAME_VIEWS:
        findings.append(found("warning", "views", words=f"{1 - same:.0%} of the views are not those of the poses"))
    return findings


def _names(lines: Sequence[dict[str, Any]]) -> list[Finding]:
    """Clips that `lookreel evaluate` could not tell apart."""
    named = _grouped((Path(line["path"]).stem, line["path"]) for line in lines)
    return [
        Finding("error", "names", paths[0], f"the name of {', '.join(paths[1:])}, too; expected one each")
        for paths in named.values()
        if len(paths) > 1
    ]


def _same_files(lines: Sequence[dict[str, Any]], clips: Sequence[Examined]) -> list[Finding]:
    held = _grouped((examined.sha256, number) for number, examined in enumerate(clips) if examined.sha256)
    return [_twin(lines, group[0], other, "the same file as") for group in held.values() for other in group[1:]]


def _alike(lines: Sequence[dict[str, Any]], clips: Sequence[Examined]) -> list[Finding]:
    pairs = alike([examined.looks for examined in clips])
    return [_twin(lines, a, b, "shows the same as") for a, b in pairs if clips[a].sha256 != clips[b].sha256]


def _twin(lines: Sequence[dict[str, Any]], one: int, other: int, words: str) -> Finding:
    """Two clips of one content: an error where they are in different splits."""
    first, second = (lines[number].get("split", "train") for number in (one, other))
    told = f"{words} {lines[one]['path']}"
    if first != second:
        return Finding("error", "leakage", lines[other]["path"], f"{told}, which is in {first}; this one in {second}")
    return Finding("warning", "duplicate", lines[other]["path"], told)


def _sources(lines: Sequence[dict[str, Any]]) -> list[Finding]:
    """Videos of which clips are in more than one split."""
    splits: dict[str, dict[str, str]] = defaultdict(dict)
    for line in lines:
        source = line.get("source_sha256") or line.get("source")
        if source:
            splits[source].setdefault(line.get("split", "train"), line["path"])
    return [
        Finding("error", "leakage", next(iter(held.values())), f"its video gave clips to {', '.join(sorted(held))}")
        for held in splits.values()
        if len(held) > 1
    ]


def _licences(lines: Sequence[dict[str, Any]]) -> list[Finding]:
    without = [line["path"] for line in lines if not line.get("licence")]
    if not without:
        return []
    which = "no clip has one" if len(without) == len(lines) else f"{len(without)} clips have none, first {without[0]}"
    return [Finding("warning", "licence", "", f"licence: {which}; --licence or licences.csv tells it")]


def _strays(folder: Path, lines: Sequence[dict[str, Any]]) -> list[Finding]:
    """Files that no line names, in the folders where clips and poses lie."""
    named = {folder / value for line in lines for value in line.values() if isinstance(value, str) and "/" in value}
    files = [path for name in FOLDERS if (folder / name).is_dir() for path in sorted((folder / name).iterdir())]
    strays = [path for path in files if path not in named]
    if not strays:
        return []
    first = strays[0].relative_to(folder)
    return [Finding("warning", "strays", "", f"{len(strays)} files that no line of the manifest names, first {first}")]


def _grouped(pairs: Any) -> dict[Any, list]:
    groups: dict[Any, list] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return groups


def _counted(lines: Sequence[dict[str, Any]], name: str, otherwise: str) -> dict[str, int]:
    return {key: len(held) for key, held in _grouped((line.get(name) or otherwise, 0) for line in lines).items()}
