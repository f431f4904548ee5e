"""What a metric gives back: a number with everything that must be printed beside it, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Measured:
    """A metric's value.

    interval: 95 % over videos, or None where there are too few. samples: how many frames or clips were compared.
    weights: sha256 of each network's file by its name. warnings: one line each, to be printed beside the number.
    """

    name: str
    value: float
    interval: tuple[float, float] | None = None
    samples: int = 0
    weights: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Skipped:
    """A metric that could not be measured: `reason` is one printable line.

    file, source and identity say what is missing, where it is published and by what hash it is known; empty where the
    reason is no file.
    """

    name: str
    reason: str
    file: str = ""
    source: str = ""
    identity: str = ""
