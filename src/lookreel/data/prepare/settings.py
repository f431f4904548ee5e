"""What decides which clips a dataset gets, and what is in its files."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

FORMAT = 1  # counts up when the same settings would give other files


@dataclass(frozen=True)
class Settings:
    """The choices of one dataset.

    detector: a name or a folder, as for `lookreel.poses.detect.load`; weights: the folder with its files.
    hashes: sha256 of its files by name.
    """

    detector: str = "mini"
    weights: str | None = None
    hashes: tuple[tuple[str, str], ...] = ()
    shortest: float = 2.0
    """Seconds; a shorter stretch is no clip."""
    longest: float = 30.0
    """Seconds; a longer stretch becomes several clips of equal length."""
    test_share: float = 0.1
    """Share of the videos that go to the split test, by their hash, where no folder train or test says it."""
    flow_stride: int = 4
    """Frames between the two poses of which the flow is computed; the trainer takes every 4th frame."""
    licence: str | None = None
    """Of videos for which licences.csv says nothing."""
    seed: int = 0
    """Of the choice of references."""

    def record(self) -> dict[str, Any]:
        """What dataset.json says of them: JSON values, without paths of this machine."""
        kept = asdict(self) | {"hashes": dict(self.hashes), "format": FORMAT}
        if kept.pop("weights") or "/" in self.detector:
            kept["detector"] = self.detector.rstrip("/").rsplit("/", 1)[-1]
        return kept
