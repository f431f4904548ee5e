"""What became of one video, kept in the dataset folder, so that a run begun again does not do it twice."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lookreel.data.prepare.settings import FORMAT, Settings
from lookreel.data.prepare.sources import Source
from lookreel.outputs import whole

FOLDER = ".prepare"


@dataclass(frozen=True)
class Record:
    """key: of all that decides the rest. clips: lines of the manifest. rejected: lines of rejected.jsonl. pictures: for
    each clip, then for each rejection, a strip of small frames as base64, or "".
    """

    key: str
    source: str
    clips: list[dict[str, Any]]
    rejected: list[dict[str, Any]]
    pictures: list[str]


def key_of(source: Source, settings: Settings, poses_sha256: str = "") -> str:
    """A hash of a source's content and name and of the settings; not of where it lies."""
    decisive = {
        "format": FORMAT,
        "settings": settings.record(),
        "source": [source.label, source.name, source.split, source.licence, source.sha256, poses_sha256],
    }
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


def path_of(out: Path, source: Source) -> Path:
    return out / FOLDER / "records" / f"{source.name}.json"


def read_record(path: Path) -> Record | None:
    """None where there is none, or none that can be read."""
    try:
        return Record(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write_record(path: Path, record: Record) -> None:
    with whole(path) as (temporary,):
        temporary.write_text(json.dumps(asdict(record), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def files_of(record: Record | None) -> set[str]:
    """The files of a record's clips, relative to the dataset folder."""
    return {line[kind] for line in (record.clips if record else ()) for kind in ("path", "poses", "pose_flow")}
