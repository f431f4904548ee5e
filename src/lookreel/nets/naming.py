"""From the names in a published file to ours: tables of patterns, and what fits, is missing or is too much."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Shapes = Mapping[str, tuple[int, ...]]
SHOWN = 3  # names of each kind of fault that an error message shows


@dataclass(frozen=True)
class Naming:
    """How a file names a network's tensors.

    renames: (pattern, replacement), applied to a name one after the other.
    ignored: patterns of names that the file holds and the network does not need.
    """

    renames: tuple[tuple[str, str], ...] = ()
    ignored: tuple[str, ...] = ()

    def ours(self, name: str) -> str | None:
        """Our name of a tensor; None for one that is not needed."""
        if any(re.search(pattern, name) for pattern in self.ignored):
            return None
        for pattern, replacement in self.renames:
            name = re.sub(pattern, replacement, name)
        return name


@dataclass(frozen=True)
class Fit:
    """How a file's tensors fit a network's.

    used: name in the file -> our name. ignored, unexpected: names in the file. missing: our names.
    wrong: our name -> (shape found, shape expected).
    """

    used: dict[str, str]
    ignored: list[str]
    unexpected: list[str]
    missing: list[str]
    wrong: dict[str, tuple[tuple[int, ...], tuple[int, ...]]]

    @property
    def faults(self) -> str:
        """What is wrong, in one short line; empty where the file fits."""
        total = len(self.used) + len(self.wrong) + len(self.missing)
        shapes = [f"{name} {found} instead of {expected}" for name, (found, expected) in self.wrong.items()]
        parts = []
        if self.missing:
            parts.append(f"{len(self.missing)} of {total} tensors missing ({shortened(self.missing)})")
        if self.unexpected:
            parts.append(f"{len(self.unexpected)} unexpected ({shortened(self.unexpected)})")
        if self.wrong:
            parts.append(f"{len(self.wrong)} of another shape ({shortened(shapes)})")
        return ", ".join(parts)


def fit(found: Shapes, wanted: Shapes, naming: Naming) -> Fit:
    """Compare a file's names and shapes with a network's."""
    names = {name: naming.ours(name) for name in found}
    known = {name: ours for name, ours in names.items() if ours is not None and ours in wanted}
    wrong = {
        ours: (tuple(found[name]), tuple(wanted[ours]))
        for name, ours in known.items()
        if tuple(found[name]) != tuple(wanted[ours])
    }
    there = set(known.values())
    return Fit(
        used={name: ours for name, ours in known.items() if ours not in wrong},
        ignored=[name for name, ours in names.items() if ours is None],
        unexpected=[name for name, ours in names.items() if ours is not None and ours not in wanted],
        missing=[name for name in wanted if name not in there],
        wrong=wrong,
    )


def shortened(names: Iterable[str]) -> str:
    """The first few names, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
