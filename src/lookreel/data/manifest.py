"""manifest.jsonl, the list of a dataset's clips: one JSON object a line, with paths relative to its folder."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lookreel.errors import InputError

MANIFEST = "manifest.jsonl"


def read_manifest(folder: Path, needed: Sequence[str] = ("path",), otherwise: str = "") -> list[dict[str, Any]]:
    """The lines of a dataset folder's manifest.

    needed: fields that every line must have, as text. otherwise: what else would do instead of the folder, for the
    message. Raises InputError where the manifest is missing, or a line is no JSON object or lacks a field.
    """
    manifest = folder / MANIFEST
    if not manifest.is_file():
        raise InputError(f"{manifest}: no such file; expected a dataset folder{otherwise}")
    texts = manifest.read_text(encoding="utf-8", errors="replace").splitlines()
    return [_line(manifest, number, text, needed) for number, text in enumerate(texts, start=1) if text.strip()]


def as_lines(rows: Iterable[Mapping[str, Any]]) -> str:
    """The text of a file with one JSON object a line."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _line(manifest: Path, number: int, text: str, needed: Sequence[str]) -> dict[str, Any]:
    try:
        line = json.loads(text)
    except ValueError as error:
        raise InputError(f"{manifest}, line {number}: not JSON ({error})") from error
    if not isinstance(line, dict) or not all(isinstance(line.get(field), str) for field in needed):
        raise InputError(f"{manifest}, line {number}: expected an object with {' and '.join(needed)}")
    return line
