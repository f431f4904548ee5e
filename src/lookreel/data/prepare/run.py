"""A whole dataset: find the videos, do what is not done yet, and join the records.

A run that is stopped at any moment, and begun again by the same command, ends with the same files as one that was not.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lookreel.data.manifest import MANIFEST, as_lines
from lookreel.data.prepare.judge import REASONS
from lookreel.data.prepare.page import page
from lookreel.data.prepare.record import FOLDER, Record, files_of, path_of, read_record
from lookreel.data.prepare.settings import Settings
from lookreel.data.prepare.sources import Source
from lookreel.data.prepare.work import Task, done, work
from lookreel.data.prepare.write import FOLDERS, hash_of
from lookreel.errors import InputError
from lookreel.metrics.pool import each
from lookreel.outputs import room_for, whole

FILES = (MANIFEST, "rejected.jsonl", "dataset.json", "index.html")


@dataclass(frozen=True)
class Request:
    """videos: where the sources come from, as it was given. jobs: processes at a time; None for one a core."""

    videos: Path
    out: Path
    sources: Sequence[Source]
    settings: Settings
    jobs: int | None = None
    force: bool = False


Progress = Callable[[str, int, int], None]


def prepare(request: Request, progress: Progress = lambda stage, done, total: None) -> dict[str, Any]:
    """Make or complete the dataset, and return dataset.json's object.

    progress(stage, done, total): `done` of `total` videos are read or looked at; the first call of a stage tells those
    that were before this run. Raises InputError where OUT is another's, cannot be written to, or no video gave a clip;
    the page and rejected.jsonl then say why.
    """
    out = request.out
    check_folder(request)
    with room_for(out), _alone(out):
        _begin(request)
        jobs = request.jobs or os.cpu_count() or 1
        sources = _hashed(request.sources, jobs, progress)
        kept, twice = _distinct(sources)
        tasks = [Task(source, out, request.settings) for source in kept]
        records = {task.source.name: done(task) for task in tasks}
        missing = [task for task in tasks if records[task.source.name] is None]
        before = len(tasks) - len(missing)
        progress("videos", before, len(tasks))
        for number, (task, _) in enumerate(each(work, missing, jobs), before + 1):
            records[task.source.name] = read_record(path_of(out, task.source))
            progress("videos", number, len(tasks))
        return _join(request, [record for record in records.values() if record], twice)


def check_folder(request: Request) -> None:
    """Raise InputError where OUT cannot be made, or holds something else than a run of these videos."""
    out, given = request.out, request.videos
    if not out.parent.is_dir():
        raise InputError(f"--out: {out}: the folder {out.parent} does not exist; make it first")
    if out.exists() and not out.is_dir():
        raise InputError(f"--out: {out}: a file; expected the folder of the dataset")
    if given.is_dir() and out.resolve() in (given.resolve(), *given.resolve().parents):
        if not given.resolve().is_relative_to(out.resolve() / "videos"):
            raise InputError(f"--out: {out}: the folder of the videos; expected a folder of its own")
    if out.resolve().is_relative_to(given.resolve()):
        raise InputError(f"--out: {out}: lies in the folder of the videos; expected a folder of its own")
    others = [path for path in out.iterdir() if path.name not in ("videos", FOLDER)] if out.is_dir() else []
    if request.force or not (others or (out / FOLDER / "run.json").is_file()):
        return
    try:
        found = json.loads((out / FOLDER / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise InputError(f"--out: {out}: a folder with other files; --force writes there all the same") from None
    if found != _identity(request):
        raise InputError(f"--out: {out}: a dataset of other videos or settings; --force makes it one of these")


def _identity(request: Request) -> dict[str, Any]:
    return {"videos": str(request.videos.resolve()), "settings": json.loads(json.dumps(request.settings.record()))}


def _begin(request: Request) -> None:
    """Say whose the folder is, and make those in it. What killed processes left half-written goes, and so does what the
    records of videos that are no longer there name."""
    with whole(request.out / FOLDER / "run.json") as (temporary,):
        temporary.write_text(json.dumps(_identity(request), indent=1) + "\n", encoding="utf-8")
    for name in (*FOLDERS, f"{FOLDER}/records"):
        (request.out / name).mkdir(parents=True, exist_ok=True)
    _sweep(request.out)
    wanted = {path_of(request.out, source) for source in request.sources}
    for path in (request.out / FOLDER / "records").glob("*.json"):
        if path not in wanted:
            _forget(request.out, path)


def _sweep(out: Path) -> None:
    """Remove temporary files."""
    for folder in (out, *(out / name for name in FOLDERS), out / FOLDER, out / FOLDER / "records"):
        for path in folder.glob(".*.tmp.*"):
            path.unlink(missing_ok=True)


def _forget(out: Path, path: Path) -> None:
    """Remove a record and what it names."""
    for name in files_of(read_record(path)):
        (out / name).unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def _hashed(sources: Sequence[Source], jobs: int, progress: Progress) -> list[Source]:
    """The sources with the sha256 of their files."""
    found: dict[str, str] = {}
    for number, (source, sha256) in enumerate(each(_hash, sources, jobs if len(sources) > 64 else 1), 1):
        found[source.label] = sha256
        progress("reading", number, len(sources))
    return [replace(source, sha256=found[source.label]) for source in sources]


def _hash(source: Source) -> str:
    try:
        return hash_of(source.path)
    except OSError as error:
        raise InputError(f"{source.path}: cannot be read ({error.strerror}); expected a video") from error


def _distinct(sources: Sequence[Source]) -> tuple[list[Source], list[tuple[Source, Source]]]:
    """The sources without those whose file is another's, and those with whose they are. Of a file in test and train the
    one in test stays; of one in a split's folder and elsewhere, that in the split's."""
    kept: dict[str, Source] = {}
    for source in sorted(sources, key=lambda source: (source.split != "test", source.split is None)):
        kept.setdefault(source.sha256, source)
    twice = [(source, kept[source.sha256]) for source in sources if kept[source.sha256] is not source]
    return [source for source in sources if kept[source.sha256] is source], twice


def _join(request: Request, records: Sequence[Record], twice: Sequence[tuple[Source, Source]]) -> dict[str, Any]:
    """Write the manifest, the rejections, dataset.json and the page; all of them, or none."""
    for source, _ in twice:
        _forget(request.out, path_of(request.out, source))
    rejected = [line for record in records for line in record.rejected]
    for source, first in twice:
        words = f"{REASONS['duplicate']}: {first.label}"
        rejected.append({"source": source.label, "reason": "duplicate", "words": words, "start": None, "end": None})
    clips = [line for record in records for line in record.clips]
    facts = _facts(request, clips, rejected)
    texts = {
        MANIFEST: as_lines(clips),
        "rejected.jsonl": as_lines(rejected),
        "dataset.json": json.dumps(facts, indent=1, ensure_ascii=False) + "\n",
        "index.html": page(facts, records, [line for line in rejected if line["reason"] == "duplicate"]),
    }
    with whole(*(request.out / name for name in FILES)) as temporary:
        for path, name in zip(temporary, FILES, strict=True):
            path.write_text(texts[name], encoding="utf-8")
    _sweep(request.out)
    if not clips:
        reasons = ", ".join(f"{REASONS[reason]} ({count})" for reason, count in facts["rejected"].items())
        raise InputError(
            f"{request.videos}: no clip in {facts['videos']} videos: {reasons}; {request.out / 'index.html'} shows them"
        )
    return facts


def _facts(request: Request, clips: Sequence[dict], rejected: Sequence[dict]) -> dict[str, Any]:
    """dataset.json: counts, and what decided them."""
    return {
        "videos": len(request.sources),
        "clips": len(clips),
        "frames": sum(line["frames"] for line in clips),
        "seconds": round(sum(line["frames"] / line["fps"] for line in clips), 3),
        "splits": _counts(line["split"] for line in clips),
        "views": _counts(view or "unknown" for line in clips for view in line["views"]),
        "licences": _counts(line["licence"] or "unknown" for line in clips),
        "rejected": _counts(line["reason"] for line in rejected),
        "settings": request.settings.record(),
    }


def _counts(words: Iterator[str] | Any) -> dict[str, int]:
    return dict(sorted(Counter(words).items(), key=lambda item: (-item[1], item[0])))


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Only one run at a time works in a folder; the lock goes with the process, however that ends."""
    (out / FOLDER).mkdir(parents=True, exist_ok=True)
    with (out / FOLDER / "lock").open("w") as file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:  # Windows has none
            pass
        except OSError as error:
            raise InputError(f"--out: {out}: another lookreel prepare is at work there; wait for it") from error
        yield
