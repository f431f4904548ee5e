"""`lookreel evaluate`: measure generated clips against true ones, or ask people: a rating page, and its table."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lookreel.errors import InputError
from lookreel.progress import Progress, Stages
from lookreel.ranges import whole_number


@dataclass(frozen=True)
class Options:
    """The options of the command line, None where they were not given."""

    generated: Path | None
    truth: Path | None
    protocol: str
    out: Path | None
    weights: Path | None = None
    as_published: bool = False
    jobs: int | None = None
    seed: int = 0
    key: Path | None = None
    force: bool = False
    detector: str | None = None


def evaluate(
    options: Options, rate: Sequence[Path], ratings: Sequence[Path], more: Sequence[Path], as_json: bool = False
) -> None:
    """One of three: a rating page of the folders `rate`, a table of the files `ratings`, or else an evaluation.

    more: what stood on the command line without an option: further folders or files, as in `--rate A B`.
    """
    if more and not (rate or ratings):
        raise InputError(
            f"lookreel evaluate: {more[0]}: what is this? expected --generated DIR --truth DIR --out REPORT"
        )
    if rate and ratings:
        raise InputError("--rate, --ratings: found both; expected one of them")
    whole_number("--jobs", options.jobs, 1)
    whole_number("--seed", options.seed, 0)
    if rate:
        make_page(options, [*rate, *more], as_json)
    elif ratings:
        make_table(options, [*ratings, *more], as_json)
    else:
        measure(options, as_json)


def measure(options: Options, as_json: bool) -> None:
    """Measure, write the report, and print its numbers, or with `as_json` its object."""
    if find_spec("skimage") is None:
        raise InputError(
            "lookreel evaluate: scikit-image is not installed; expected the extra: pip install 'lookreel[eval]'"
        )
    from lookreel.metrics.evaluate import Request, evaluate

    generated, truth = _needed(options.generated, "--generated"), _needed(options.truth, "--truth")
    request = Request(
        generated=generated,
        truth=truth,
        out=_needed(options.out, "--out"),
        protocol=options.protocol,
        weights=options.weights,
        as_published=options.as_published,
        jobs=options.jobs,
        force=options.force,
        detector=options.detector,
    )
    with Stages() as stages:
        record = evaluate(request, stages)
    _warn(record)
    print(json.dumps(record) if as_json else "\n".join([*numbers(record), f"{request.out / 'index.html'}  report"]))


def make_page(options: Options, folders: Sequence[Path], as_json: bool) -> None:
    """Write the rating page and its key, and say where they lie."""
    from lookreel.metrics.rating import write_rating

    out = _needed(options.out, "--out")
    with Progress("films") as progress:
        key = write_rating(
            folders,
            out,
            options.truth,
            options.seed,
            options.force,
            progress=lambda done, total: progress(done, total=total),
        )
    page, secret = out / "index.html", out / "key.json"
    if as_json:
        made = {"page": str(page), "key": str(secret), "methods": key["methods"], "films": len(key["films"])}
        print(json.dumps(made))
        return
    print(f"{page}  {len(key['films'])} films of {len(key['methods'])} methods: send this to the raters")
    print(f"{secret}  whose film is whose: keep this")


def make_table(options: Options, files: Sequence[Path], as_json: bool) -> None:
    """Print the table of a rating study."""
    from lookreel.metrics.ratings import rated

    table = rated(files, _needed(options.key, "--key"), options.seed)
    _warn(table)
    if as_json:
        print(json.dumps(table))
        return
    rows = [("method", *next(iter(table["methods"].values())))]
    for method, scores in table["methods"].items():
        ends = table["intervals"][method]
        rows.append((method, *(f"{mean:.2f}{_between(ends[name])}" for name, mean in scores.items())))
    print("\n".join(_aligned(rows)))
    for row in table["differences"]:
        print(f"{row['of']} - {row['against']}: {row['overall']:+.2f}{_between(row['interval'], '+')} overall")
    print(f"{table['ratings']} ratings by {len(table['raters'])} raters of {table['films']} films")


def numbers(record: dict[str, Any]) -> list[str]:
    """A report's numbers as lines for a terminal, and what was left out."""
    from lookreel.metrics.page import number

    rows = [("metric", "generated", "95 % interval", "truth through H.264", "reference copied")]
    for name, value in record["metrics"].items():
        ends = record["intervals"].get(name)
        span = f"{number(name, ends[0])} to {number(name, ends[1])}" if ends else "–"
        others = record["floors"]["codec"].get(name), record["baselines"]["reference"].get(name)
        rows.append((name, number(name, value), span, *(number(name, other) for other in others)))
    counts = record["counts"]
    first = f"protocol {record['protocol']}, {counts['clips']} clips, {counts['frames']} frames"
    return [first, *_aligned(rows), *(row["reason"] for row in record["skipped"])]


def _needed(path: Path | None, option: str) -> Path:
    if path is None:
        raise InputError(f"{option}: not given; see lookreel evaluate --help")
    return path


def _between(ends: Sequence[float] | None, sign: str = "") -> str:
    return f" [{ends[0]:{sign}.2f}, {ends[1]:{sign}.2f}]" if ends else ""


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]


def _warn(record: dict[str, Any]) -> None:
    for warning in record["warnings"]:
        print(f"lookreel: warning: {warning}", file=sys.stderr)
