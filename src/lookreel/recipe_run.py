"""What every recipe of `lookreel ablate` does with its options and its folder: choose rows, own the folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from lookreel.errors import InputError
from lookreel.nets.weights import write_json


class Named(Protocol):
    """A row of a recipe."""

    @property
    def name(self) -> str: ...


Row = TypeVar("Row", bound=Named)


def chosen(rows: Sequence[Row], only: Sequence[str]) -> tuple[Row, ...]:
    """The rows that `only` names, in their own order; all where it is empty. Raises InputError for an unknown name."""
    known = {row.name: row for row in rows}
    for name in only:
        if name not in known:
            raise InputError(f"row {name!r}: unknown; expected one of {', '.join(known)}")
    return tuple(row for row in rows if not only or row.name in only)


def claim(out: Path, described: dict[str, Any], others: str) -> None:
    """Note in out/recipe.json what its results depend on; `out` is made where it is not there.

    others: what the folder would hold if it were not ours. Raises InputError, which says so, where it does.
    """
    out.mkdir(parents=True, exist_ok=True)
    path, ours = out / "recipe.json", json.loads(json.dumps(described))
    if path.is_file() and json.loads(path.read_text()) != ours:
        raise InputError(f"{path}: {others}; expected a new --out for this one")
    write_json(path, ours)
