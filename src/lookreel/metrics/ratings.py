"""From the raters' files to a table: mean scores of each method, and their differences, with bootstrap intervals.

Scores of one rater belong together, and so do those of one clip: an interval draws both anew, raters and clips (the
pigeonhole bootstrap, Owen 2007).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from lookreel.errors import InputError
from lookreel.metrics.rating import SCORES

OVERALL = "overall"  # the mean of the three scores, as in ProFashion's Table 1
RESAMPLES = 2000


def rated(files: Sequence[Path], key_file: Path, seed: int = 0) -> dict[str, Any]:
    """The table of a study, JSON values only.

    methods and intervals: by method and score; differences: of each two methods, overall. Intervals are 95 %, null
    where one rater rated one clip. Raises InputError for a file of another page, a wrong score, or one rater twice.
    """
    key = _read(key_file, "lookreel rating key")
    answers = {}
    for file in files:
        record = _read(file, "lookreel ratings")
        _check(file, record, key)
        if record["rater"] in answers:
            raise InputError(f"{file}: a second file of the rater {record['rater']!r}; expected one of each rater")
        answers[record["rater"]] = record["answers"]
    scores = _scores(answers, key)
    ends = _intervals(scores, np.random.default_rng(seed))
    methods, names = list(key["methods"]), [*key["questions"], OVERALL]
    missing = int(np.isnan(scores[..., 0]).sum())
    return {
        "methods": {
            m: dict(zip(names, np.nanmean(scores[i], axis=(0, 1)).tolist(), strict=True)) for i, m in enumerate(methods)
        },
        "intervals": {m: dict(zip(names, ends[i], strict=True)) for i, m in enumerate(methods)},
        "differences": _differences(scores, methods, np.random.default_rng(seed)),
        "raters": list(answers),
        "clips": scores.shape[2],
        "films": len(key["films"]),
        "ratings": int(np.isfinite(scores[..., 0]).sum()),
        "warnings": _warnings(answers, missing, scores),
    }


def _read(path: Path, kind: str) -> dict[str, Any]:
    """A JSON object of that kind. Raises InputError for anything else."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; expected {kind} as JSON") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not readable as JSON ({error}); expected {kind}") from error
    if not isinstance(record, dict) or record.get("kind") != kind:
        raise InputError(f"{path}: not a file of this kind; expected {kind}")
    return record


def _check(file: Path, record: dict[str, Any], key: dict[str, Any]) -> None:
    """Raise InputError unless the answers are whole scores of 0 to 5 for films of the key."""
    if record.get("page") != key["page"]:
        raise InputError(f"{file}: answers to the page {record.get('page')}; the key is of {key['page']}")
    answers = record.get("answers")
    if not isinstance(record.get("rater"), str) or not isinstance(answers, dict) or not answers:
        raise InputError(f"{file}: no rater or no answer in it; expected a file that the rating page saved")
    for film, given in answers.items():
        if film not in key["films"]:
            raise InputError(f"{file}: the film {film} is not in the key")
        for question in key["questions"]:
            score = given.get(question) if isinstance(given, dict) else None
            if not isinstance(score, int) or isinstance(score, bool) or score not in SCORES:
                raise InputError(f"{file}: film {film}, {question}: found {score}; expected a whole number from 0 to 5")


def _scores(answers: dict[str, dict], key: dict[str, Any]) -> np.ndarray:
    """(methods, raters, clips, questions and overall), NaN where a rater left a film out."""
    methods, raters = list(key["methods"]), list(answers)
    clips = sorted({film["clip"] for film in key["films"].values()})
    scores = np.full((len(methods), len(raters), len(clips), len(key["questions"]) + 1), np.nan)
    for number, rater in enumerate(raters):
        for film, given in answers[rater].items():
            whose = key["films"][film]
            row = [given[question] for question in key["questions"]]
            place = methods.index(whose["method"]), number, clips.index(whose["clip"])
            scores[place] = [*row, sum(row) / len(row)]
    unrated = [method for method, rows in zip(methods, scores, strict=True) if np.isnan(rows).all()]
    if unrated:
        raise InputError(f"--ratings: no film of {unrated[0]} is rated; expected each method to be")
    return scores


def _draws(scores: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Means (RESAMPLES, methods, questions and overall) of raters and clips drawn anew."""
    _, raters, clips, _ = scores.shape
    found = np.full((RESAMPLES, scores.shape[0], scores.shape[3]), np.nan)
    for number in range(RESAMPLES):
        people, films = rng.integers(0, raters, raters), rng.integers(0, clips, clips)
        drawn = scores[:, people][:, :, films]
        count = np.isfinite(drawn).sum((1, 2))
        found[number] = np.nansum(drawn, axis=(1, 2)) / np.where(count, count, np.nan)
    return found


def _ends(draws: np.ndarray) -> list[float] | None:
    low, high = np.nanpercentile(draws, [2.5, 97.5])
    return [float(low), float(high)]


def _intervals(scores: np.ndarray, rng: np.random.Generator) -> list[list[list[float] | None]]:
    if scores.shape[1] * scores.shape[2] < 2:
        return [[None] * scores.shape[3] for _ in scores]
    draws = _draws(scores, rng)
    return [[_ends(draws[:, i, j]) for j in range(scores.shape[3])] for i in range(scores.shape[0])]


def _differences(scores: np.ndarray, methods: Sequence[str], rng: np.random.Generator) -> list[dict[str, Any]]:
    """Of each two methods the difference overall, over the clips and raters that rated both."""
    rows = []
    for first, second in combinations(range(len(methods)), 2):
        apart = (scores[first] - scores[second])[None, ..., -1:]
        if np.isnan(apart).all():
            continue
        ends = _ends(_draws(apart, rng)[:, 0, 0]) if apart.size > 1 else None
        rows.append(
            {"of": methods[first], "against": methods[second], OVERALL: float(np.nanmean(apart)), "interval": ends}
        )
    return rows


def _warnings(answers: dict[str, dict], missing: int, scores: np.ndarray) -> list[str]:
    found = []
    if missing:
        found.append(f"{missing} of {scores[..., 0].size} ratings are missing: means are of those there are")
    if len(answers) < 5:
        found.append(f"{len(answers)} raters: ProFashion asked 13")
    return found
