"""Generated clips against true ones: find, check, measure each pair in its own process, and write the report."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lookreel.errors import InputError
from lookreel.metrics import clip_results, report
from lookreel.metrics.compare import Outcome, compare
from lookreel.metrics.folders import find_clips, pairs, unpaired
from lookreel.metrics.frames import facts
from lookreel.metrics.pair import Pair
from lookreel.metrics.pool import each
from lookreel.metrics.protocol import Protocol, protocol
from lookreel.metrics.result import Skipped
from lookreel.metrics.summary import add_film, summarize
from lookreel.outputs import whole

RUN = "run.json"


@dataclass(frozen=True)
class Request:
    """One evaluation. jobs: processes at a time; None for one a core. weights: the folder of the metrics' networks.

    detector: finds the poses of generated clips that bring none ("mini", "dwpose" or a folder); None: nobody looks.
    """

    generated: Path
    truth: Path
    out: Path
    protocol: str
    weights: Path | None = None
    as_published: bool = False
    jobs: int | None = None
    force: bool = False
    detector: str | None = None


@dataclass(frozen=True)
class Networks:
    """The metrics with weights of a protocol: those there are, the sha256 of their files, and those left out.

    detector: sha256 of the pose detector's files; empty where none is used.
    """

    film: tuple[Any, ...]
    weights: dict[str, str]
    skipped: list[Skipped]
    detector: dict[str, str]


def evaluate(request: Request, progress: Callable[[str, int, int], None] = lambda stage, done, total: None) -> dict:
    """Measure, write REPORT/report.json, report.csv and index.html, and return report.json's object.

    progress: called with a stage ("reading", "measuring"), how many clips are done, and of how many.
    Raises InputError for what the request names and cannot be used; the report then is not written, and the results of
    the clips already measured stay in REPORT/clips for the next run.
    """
    chosen = protocol(request.protocol, request.as_published)
    generated, truth = find_clips(request.generated, "--generated"), find_clips(request.truth, "--truth")
    found = pairs(generated, truth)
    _check_folder(request, chosen)
    networks = load_networks(chosen, request.weights, request.detector)
    work = []
    for number, (ours, theirs) in enumerate(found, 1):
        pair = Pair(ours, theirs, (facts(ours.path), facts(theirs.path)))
        pair.check()
        work.append(pair)
        progress("reading", number, len(found))
    _begin(request, chosen, {pair.name for pair in work})
    clips = request.out / "clips"
    outcomes = _measured(work, chosen, request, networks, clips, progress)
    numbers = summarize(outcomes, chosen)
    for metric in networks.film:
        too_few = add_film(numbers, metric, partial(_features, clips, work, metric.name))
        if too_few is not None:
            networks.skipped.append(too_few)
    numbers.warnings[:0] = unpaired(generated, truth)
    return report.write(request.out, chosen, work, outcomes, numbers, networks)


def load_networks(chosen: Protocol, weights: Path | None, detector: str | None = None) -> Networks:
    """The networks of a protocol, each loaded once to prove its file. Raises InputError for a wrong or damaged one."""
    from lookreel.metrics import film, paired

    if weights is not None and not weights.is_dir():
        raise InputError(f"--weights: {weights}: no such folder; expected the folder of the metrics' weight files")
    loaded = [(paired.load(name, weights)) for name in chosen.networks]
    films = [film.load(name, weights) for name in chosen.film]
    there = [metric for metric in [*loaded, *films] if not isinstance(metric, Skipped)]
    return Networks(
        film=tuple(metric for metric in films if not isinstance(metric, Skipped)),
        weights={file: digest for metric in there for file, digest in metric.weights.items()},
        skipped=[metric for metric in [*loaded, *films] if isinstance(metric, Skipped)],
        detector=_hashes(detector) if detector is not None and chosen.garment else {},
    )


def _hashes(detector: str) -> dict[str, str]:
    from lookreel.metrics import found_poses

    return found_poses.detector(detector).sha256


def _measured(
    work: list[Pair], chosen: Protocol, request: Request, networks: Networks, clips: Path, progress: Callable
) -> list[Outcome]:
    """The outcome of every pair in their order, read from the disk where it was measured before."""
    keys = {pair.name: clip_results.key(pair, chosen, networks.weights, networks.detector) for pair in work}
    with_features = bool(networks.film)
    there = {name: clip_results.read(clips, name, mark, with_features) for name, mark in keys.items()}
    missing = [pair for pair in work if there[pair.name] is None]
    progress("measuring", len(work) - len(missing), len(work))
    measure = partial(_measure, chosen=chosen, request=request, clips=clips, keys=keys)
    for done, _ in enumerate(each(measure, missing, request.jobs or os.cpu_count() or 1), 1):
        progress("measuring", len(work) - len(missing) + done, len(work))
    for pair in missing:
        there[pair.name] = clip_results.read(clips, pair.name, keys[pair.name], with_features)
    return [there[pair.name] for pair in work]


def _features(clips: Path, work: list[Pair], metric: str, side: str) -> list[np.ndarray]:
    return [clip_results.features(clips, pair.name, side, metric) for pair in work]


def _measure(pair: Pair, chosen: Protocol, request: Request, clips: Path, keys: dict[str, str]) -> None:
    """Compare a pair and write its outcome."""
    with _one_thread():
        clip_results.write(clips, keys[pair.name], *compare(pair, chosen, request.weights, request.detector))


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread for OpenCV and torch, so that the number of processes does not change a digit."""
    import cv2
    import torch

    before = cv2.getNumThreads(), torch.get_num_threads()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before[0])
        torch.set_num_threads(before[1])


def _identity(request: Request, chosen: Protocol) -> dict[str, Any]:
    return {
        "generated": str(request.generated.resolve()),
        "truth": str(request.truth.resolve()),
        "protocol": json.loads(json.dumps(chosen.describe())),
    }


def _check_folder(request: Request, chosen: Protocol) -> None:
    """Raise InputError where REPORT cannot be made, or holds something else than a run of these clips."""
    out, run = request.out, request.out / RUN
    if not out.parent.is_dir():
        raise InputError(f"--out: {out}: the folder {out.parent} does not exist; make it first")
    if out.exists() and not out.is_dir():
        raise InputError(f"--out: {out}: a file; expected the folder of the report")
    if out.resolve() in (request.generated.resolve(), request.truth.resolve()):
        raise InputError(f"--out: {out}: the folder of the clips; expected a folder of its own")
    if not out.exists() or request.force or not any(out.iterdir()):
        return
    try:
        same = json.loads(run.read_text(encoding="utf-8")) == _identity(request, chosen)
    except (OSError, ValueError):
        same = False
    if not same:
        what = "the report of another run" if run.is_file() else "a folder with other files"
        raise InputError(f"--out: {out}: {what}; --force writes there all the same")


def _begin(request: Request, chosen: Protocol, names: set[str]) -> None:
    """Make REPORT and say whose it is. What an earlier run left goes: its report, its other clips, temporary files."""
    clips = request.out / "clips"
    clips.mkdir(parents=True, exist_ok=True)
    others = [path for path in clips.iterdir() if path.name.startswith(".") or path.stem not in names]
    for path in [*others, *(request.out / name for name in report.FILES)]:
        path.unlink(missing_ok=True)
    with whole(request.out / RUN) as (temporary,):
        temporary.write_text(json.dumps(_identity(request, chosen), indent=2) + "\n", encoding="utf-8")
