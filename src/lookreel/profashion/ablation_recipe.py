"""What an ablation is made of: trainings, rows that show their films, and the claims that the rows are to decide."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from typing import Any

from lookreel.profashion.batches import Sampling
from lookreel.profashion.config import ProFashionConfig
from lookreel.training.task import Settings

BY_VIEW = (0.0, math.pi, math.pi / 2)  # yaw of the photos: front, back, side


@dataclass(frozen=True)
class Training:
    """A model that the ablation trains. All trainings see the same clips, drawn by the same numbers."""

    name: str
    config: ProFashionConfig
    settings: Settings
    sampling: Sampling
    start: str | None = None
    """The training of stage 1 that this stage 2 continues; None is a stage 1."""
    offset_weight: float = 1.0
    """lambda of Eq. 13, in stage 2."""


@dataclass(frozen=True)
class Row:
    """A line of a table: films of a trained model, made in one way."""

    name: str
    title: str
    """For readers."""
    training: str | None
    """None: no film is made; the truth goes through the VAE and back, which is the ceiling of all rows."""
    group: str
    """Which table it stands in."""
    yaws: tuple[float, ...] | None = BY_VIEW
    """Yaw of each photo in radians; None takes three at random, by the garment's seed."""
    guidance: float | None = None
    """None takes the model's own scale."""
    another_motion: bool = False
    """Driven by another figure's motion: there is no truth to compare pixels with."""
    published: dict[str, str] = field(default_factory=dict)
    """The paper's figures for this line (Tables 1 and 3), as printed."""


@dataclass(frozen=True)
class Claim:
    """Row `better` is better than row `worse` in `measure`; says: the words, and where they are claimed.

    otherwise: what we think is the reason, and what was tried, for readers of a report in which it does not hold.
    """

    better: str
    worse: str
    measure: str
    says: str
    otherwise: str = ""


@dataclass(frozen=True)
class Ablation:
    """A whole ablation."""

    name: str
    config: ProFashionConfig
    """The networks with every part; each training has some of them, and begins with the same weights."""
    trainings: tuple[Training, ...]
    """In their order: a stage 2 comes after what it continues."""
    rows: tuple[Row, ...]
    claims: tuple[Claim, ...]
    base: str = "ppa"
    """The row that all others are compared with."""
    mannequins: int = 2000
    """Garments to train on."""
    garments: int = 64
    """Garments to measure on, of the test seeds."""
    clip_frames: int = 16
    """Frames of a clip to train on."""
    frames: int = 16
    """Frames of a film: one turn."""
    steps: int = 8
    """Sampler steps."""
    at_once: int = 8
    """Films made together."""

    def training(self, name: str) -> Training:
        return next(training for training in self.trainings if training.name == name)

    def needed(self, rows: tuple[Row, ...]) -> list[Training]:
        """The trainings that rows depend on, in their order."""
        names = {row.training for row in rows}
        names |= {training.start for training in self.trainings if training.name in names}
        return [training for training in self.trainings if training.name in names]

    def how(self, row: Row) -> dict[str, Any]:
        """What the row's figures depend on beside the trained model; JSON values."""
        made = {name: value for name, value in asdict(row).items() if name not in ("title", "group", "published")}
        return json.loads(json.dumps(made | {"frames": self.frames, "steps": self.steps}))

    def describe(self) -> dict[str, Any]:
        """The recipe's name, and all that the trained models depend on; JSON values."""
        whole = {
            "name": self.name,
            "config": asdict(self.config),
            "mannequins": self.mannequins,
            "clip_frames": self.clip_frames,
            "trainings": {training.name: asdict(training) for training in self.trainings},
        }
        return json.loads(json.dumps(whole))
