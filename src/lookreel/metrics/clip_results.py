"""Outcomes of pairs on the disk, one file a clip, so that a run begun again does not measure twice."""

from __future__ import annotations

import hashlib
import json
import math
import zipfile
from collections.abc import Iterable
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from lookreel import __version__
from lookreel.metrics import knowledge
from lookreel.metrics.compare import Outcome, Side
from lookreel.metrics.pair import Pair
from lookreel.metrics.protocol import Protocol
from lookreel.outputs import whole

FORMAT = 1  # counts up when a definition or the file's content changes
PACKAGES = ("numpy", "pillow", "scikit-image", "opencv-python-headless", "av", "torch")


def versions() -> dict[str, str]:
    """The versions that decide numbers; an absent package is left out."""
    found = {"lookreel": __version__}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def key(pair: Pair, protocol: Protocol, weights: dict[str, str], detector: dict[str, str]) -> str:
    """A hash of all that decides a pair's outcome: both clips, what is known of them, protocol, versions, networks.

    weights, detector: sha256 by file of the metrics' networks and of the pose detector's.
    """
    parts = {
        "format": FORMAT,
        "clips": [facts.sha256 for facts in pair.facts],
        "known": [knowledge.fingerprint(pair.generated), knowledge.fingerprint(pair.truth)],
        "protocol": protocol.describe(),
        "weights": weights,
        "detector": detector,
        "versions": versions(),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def write(folder: Path, mark: str, outcome: Outcome, features: dict[str, np.ndarray]) -> None:
    """Write `NAME.json` and, where there are features, `NAME.npz`; both appear whole or not at all."""
    paths = [folder / f"{outcome.name}.json", *([folder / f"{outcome.name}.npz"] if features else [])]
    record = _plain({"key": mark, "outcome": asdict(outcome)})
    # The networks count in float32, so that nothing is lost.
    rows = {name: values.astype(np.float32) for name, values in features.items()}
    with whole(*paths) as temporary:
        temporary[0].write_text(json.dumps(record), encoding="utf-8")
        if features:
            np.savez(temporary[1], key=np.asarray(mark), **rows)


def read(folder: Path, name: str, mark: str, with_features: bool) -> Outcome | None:
    """The outcome that `write` wrote under that key; None where it is not there, is of another key, or is damaged."""
    try:
        record = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        if record["key"] != mark or (with_features and str(_array(folder, name, "key")) != mark):
            return None
        fields = record["outcome"]
        fields["sides"] = {side: _side(row) for side, row in fields["sides"].items()}
        fields["curves"] = {name: [_numbers(axis) for axis in axes] for name, axes in fields["curves"].items()}
        return Outcome(**fields)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile):
        return None


def features(folder: Path, name: str, side: str, metric: str) -> np.ndarray:
    """A clip's features of a film metric, float64 (N, D)."""
    return _array(folder, name, f"{side}:{metric}").astype(np.float64)


def _array(folder: Path, name: str, label: str) -> np.ndarray:
    with np.load(folder / f"{name}.npz", allow_pickle=False) as data:
        return data[label]


def _side(row: dict[str, Any]) -> Side:
    pictures = {name: _numbers(values) for name, values in row["pictures"].items()}
    return Side(row["at"], pictures, dict(zip(row["garment"], _numbers(row["garment"].values()), strict=True)))


def _numbers(values: Iterable[float | None]) -> list[float]:
    """What `_plain` made of them, back: null is NaN."""
    return [math.nan if value is None else value for value in values]


def _plain(value: Any) -> Any:
    """JSON values: what is not finite becomes null."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
