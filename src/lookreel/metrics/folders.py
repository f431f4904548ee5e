"""Folders of clips: what is in them, what their manifest knows, and which clips of two folders belong together."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lookreel.errors import InputError

VIDEOS = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi")
PALETTES = (".gif", ".webp")
MANIFEST = "manifest.jsonl"
EXPECTED = "expected clips: videos (.mp4 and others) or folders of PNG (clip/00000.png)"


@dataclass(frozen=True)
class Stored:
    """A clip on the disk.

    path: a video, or a folder of PNG. root: the folder that the paths of `line` start from. line: its line in the
    manifest; None where the folder has no manifest.
    """

    name: str
    path: Path
    root: Path
    line: dict[str, Any] | None = field(default=None, compare=False)

    def known(self, key: str) -> Any:
        """A field of the manifest's line, or None."""
        return (self.line or {}).get(key)


def find_clips(folder: Path, option: str) -> dict[str, Stored]:
    """The clips of a folder by name: those of its manifest.jsonl, or else its videos and folders of PNG.

    A clip's name is its file's name without suffix. Raises InputError where the folder is missing or has no clip, where
    two clips bear one name, or where a line of the manifest is wrong.
    """
    if not folder.is_dir():
        found = "a file" if folder.exists() else "no such folder"
        raise InputError(f"{option}: {folder}: {found}; {EXPECTED}")
    manifest = folder / MANIFEST
    clips = _listed(manifest) if manifest.is_file() else _lying(folder)
    if not clips:
        gifs = any(path.suffix.lower() in PALETTES for path in folder.iterdir())
        found = "only gif or webp, whose colours are not the film's" if gifs else "no clip in it"
        raise InputError(f"{option}: {folder}: {found}; {EXPECTED}")
    named: dict[str, Stored] = {}
    for clip in clips:
        if clip.name in named:
            raise InputError(f"{option}: {clip.path} and {named[clip.name].path}: two clips of one name")
        named[clip.name] = clip
    return named


def pairs(generated: dict[str, Stored], truth: dict[str, Stored]) -> list[tuple[Stored, Stored]]:
    """The clips of both folders that bear one name, in the order of their names.

    Raises InputError where there is none.
    """
    names = sorted(generated.keys() & truth.keys())
    if not names:
        raise InputError(
            f"--generated, --truth: no clip in common; found {_some(generated)} and {_some(truth)}; "
            "expected the same names in both folders"
        )
    return [(generated[name], truth[name]) for name in names]


def unpaired(generated: dict[str, Stored], truth: dict[str, Stored]) -> list[str]:
    """A warning for the clips of either folder that stay without a partner, and for clips of a training split.

    A truth folder with a test split is complete with that split; other clips are then not missed.
    """
    tested = {name for name, clip in truth.items() if clip.known("split") == "test"}
    wanted = tested or truth.keys()
    strays = sorted(generated.keys() & truth.keys() - tested) if tested else []
    facts = [
        (sorted(wanted - generated.keys()), "the truth has {} clips that were not generated, first {}"),
        (sorted(generated.keys() - truth.keys()), "{} generated clips have no truth and are left out, first {}"),
        (strays, "{} clips are not of the split test, first {}"),
    ]
    return [text.format(len(names), names[0]) for names, text in facts if names]


def _some(clips: dict[str, Stored]) -> str:
    """A few names, for a message."""
    names = sorted(clips)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _lying(folder: Path) -> list[Stored]:
    """The videos and folders of PNG directly in a folder; hidden ones and other files do not count."""
    found = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_file() and path.suffix.lower() in VIDEOS:
            found.append(Stored(path.stem, path, folder))
        elif path.is_dir() and any(path.glob("*.png")):
            found.append(Stored(path.name, path, folder))
    return found


def _listed(manifest: Path) -> list[Stored]:
    """The clips of a manifest's lines."""
    text = manifest.read_text(encoding="utf-8", errors="replace")
    numbered = [(i, line) for i, line in enumerate(text.splitlines(), 1) if line.strip()]
    return [_line(manifest, number, line) for number, line in numbered]


def _line(manifest: Path, number: int, text: str) -> Stored:
    place = f"{manifest}, line {number}"
    try:
        line = json.loads(text)
    except ValueError as error:
        raise InputError(f"{place}: not JSON ({error}); expected one clip as an object") from error
    if not isinstance(line, dict) or not isinstance(line.get("path"), str):
        raise InputError(f"{place}: no path; expected an object with at least the path of a clip")
    path = manifest.parent / line["path"]
    if not path.exists():
        raise InputError(f"{place}: {path}: no such file; expected the clip that the line names")
    return Stored(path.stem if path.is_file() else path.name, path, manifest.parent, line)
