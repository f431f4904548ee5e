"""`lookreel prepare`: videos become a dataset; or a dataset is checked, or given to the open Animate Anyone."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lookreel.errors import InputError
from lookreel.progress import Progress, Stages
from lookreel.ranges import real_number, whole_number

_MOST_TOLD = 100  # findings on the terminal


@dataclass(frozen=True)
class Options:
    """The options of the command line, None where they were not given."""

    videos: Path | None
    out: Path | None
    ubc: tuple[Path, Path] | None = None
    check: Path | None = None
    moore: Path | None = None
    detector: str = "mini"
    weights: Path | None = None
    shortest: float = 2.0
    longest: float = 30.0
    test_share: float = 0.1
    licence: str | None = None
    delay: float = 1.0
    fetch_only: bool = False
    jobs: int | None = None
    force: bool = False


def prepare(options: Options, as_json: bool = False) -> None:
    """One of three: a dataset of videos (which `--ubc` fetches first), the check of one, or its list for others."""
    _check_numbers(options)
    if options.check is not None:
        _only(options, "--check", options.videos, options.out, options.ubc, options.moore)
        _check(options, options.check, as_json)
    elif options.moore is not None:
        _only(options, "--moore", options.videos, options.ubc)
        _give(options, options.moore, as_json)
    else:
        _make(options, as_json)


def _check_numbers(options: Options) -> None:
    real_number("--shortest", options.shortest, 0.1, 3600)
    real_number("--longest", options.longest, 0.1, 3600)
    real_number("--test-share", options.test_share, 0, 1)
    real_number("--delay", options.delay, 0, 3600)
    whole_number("--jobs", options.jobs, 1)
    if options.longest < options.shortest:
        raise InputError(f"--longest: found {options.longest:g}; expected at least --shortest, {options.shortest:g}")


def _only(options: Options, name: str, *others: object) -> None:
    if any(other is not None for other in others):
        raise InputError(f"{name}: found more than it takes; see lookreel prepare --help")


def _make(options: Options, as_json: bool) -> None:
    """Fetch, prepare, and say what came of it."""
    out = _needed(options.out, "--out")
    fetched = None
    if options.ubc is not None:
        fetched = _fetch(options, options.ubc, options.videos or out / "videos")
        if options.fetch_only:
            print(json.dumps({"fetched": fetched}) if as_json else _fetched_told(fetched))
            return
    elif options.fetch_only:
        raise InputError("--fetch-only: expected with --ubc TRAIN.txt TEST.txt")
    from lookreel.data.prepare.plan import plan
    from lookreel.data.prepare.run import prepare

    videos = options.videos or (out / "videos" if options.ubc else None)
    if videos is None:
        raise InputError("VIDEOS: not given; expected a folder of videos, a JSON list of them, or --ubc")
    request = plan(videos, out, _settings(options), options.jobs, options.force)
    with Stages() as stages:
        facts = prepare(request, stages)
    for line in _told(facts):
        print(f"lookreel: {line}", file=sys.stderr)
    record = facts | {"out": str(out), "page": str(out / "index.html")} | ({"fetched": fetched} if fetched else {})
    print(json.dumps(record) if as_json else f"{out}  {facts['clips']} clips\n{out / 'index.html'}  what was left out")


def _settings(options: Options) -> Any:
    from lookreel.data.prepare.settings import Settings
    from lookreel.data.ubc import LICENCE

    return Settings(
        detector=options.detector,
        weights=None if options.weights is None else str(options.weights),
        shortest=options.shortest,
        longest=options.longest,
        test_share=options.test_share,
        licence=options.licence or (LICENCE if options.ubc else None),
    )


def _fetch(options: Options, lists: tuple[Path, Path], folder: Path) -> dict[str, int]:
    from lookreel.data.download import Manners
    from lookreel.data.ubc import FETCHED, fetch, read_lists

    links = read_lists(*lists)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: a file; expected the folder of the videos")
    if not (options.videos or folder.parent).parent.is_dir():
        raise InputError(f"{folder}: the folder above it does not exist; make it first")
    with Progress("fetching", len(links)) as bar:
        found = fetch(links, folder, Manners(options.delay), lambda done, total, name: bar(done, name))
    lost = found.get("dead", 0) + found.get("failed", 0)
    if lost:
        print(f"lookreel: {_fetched_told(found)}; {folder / FETCHED} says which", file=sys.stderr)
    if not found.get("ok"):
        raise InputError(f"--ubc: none of {len(links)} videos could be fetched; {folder / FETCHED} says why")
    return found


def _check(options: Options, folder: Path, as_json: bool) -> None:
    """Print the findings; errors among them end in an InputError, so in exit code 2."""
    import os

    from lookreel.data.checks import as_json as as_object
    from lookreel.data.checks import check

    if not folder.is_dir():
        raise InputError(f"--check: {folder}: no such folder; expected a dataset folder")
    with Progress("clips") as bar:
        jobs = options.jobs or os.cpu_count() or 1
        facts, findings = check(folder, jobs, lambda done, total: bar(done, total=total))
    if as_json:
        print(json.dumps(as_object(facts, findings)))
    else:
        for finding in findings[:_MOST_TOLD]:
            print(finding.told())
        if len(findings) > _MOST_TOLD:
            print(f"and {len(findings) - _MOST_TOLD} more; --json has all")
        counts = ", ".join(f"{name} {count}" for name, count in facts["splits"].items())
        print(f"{folder}  {facts['clips']} clips ({counts}), {_levels(findings)}")
    if any(finding.level == "error" for finding in findings):
        raise InputError(f"--check: {folder}: {_levels(findings)}; expected a dataset without errors")


def _give(options: Options, dataset: Path, as_json: bool) -> None:
    """Write the list for the open Animate Anyone."""
    from lookreel.data.moore import write_pairs

    out = _needed(options.out, "--out")
    with Progress("skeletons") as bar:
        lists = write_pairs(dataset, out, options.force, lambda done, total: bar(done, total=total))
    names = [str(path) for path in lists]
    print(json.dumps({"lists": names}) if as_json else "\n".join(f"{name}  list of clips" for name in names))


def _told(facts: dict[str, Any]) -> list[str]:
    from lookreel.data.prepare.judge import REASONS

    left = ", ".join(f"{REASONS[reason]} ({count})" for reason, count in facts["rejected"].items())
    splits = ", ".join(f"{name} {count}" for name, count in facts["splits"].items())
    lines = [f"{facts['clips']} clips of {facts['videos']} videos, {facts['seconds']:.0f} s: {splits}"]
    return [*lines, f"left out: {left}"] if left else lines


def _fetched_told(found: dict[str, int]) -> str:
    total = sum(found.values())
    rest = ", ".join(f"{count} {status}" for status, count in found.items() if status != "ok")
    return f"{found.get('ok', 0)} of {total} videos fetched" + (f", {rest}" if rest else "")


def _levels(findings: Any) -> str:
    counts = [(level, sum(finding.level == level for finding in findings)) for level in ("error", "warning")]
    return ", ".join(f"{count} {level}{'' if count == 1 else 's'}" for level, count in counts)


def _needed(path: Path | None, option: str) -> Path:
    if path is None:
        raise InputError(f"{option}: not given; see lookreel prepare --help")
    return path
