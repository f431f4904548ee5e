"""What a film says of itself: the sidecar's content."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from lookreel import __version__
from lookreel.film import STATEMENT
from lookreel.photos import OpenedPhoto
from lookreel.poses.coverage import coverage
from lookreel.poses.motions import Motion

if TYPE_CHECKING:
    from lookreel.system import System

PACKAGES = ("torch", "diffusers", "transformers", "numpy")


def report(
    system: System,
    references: list[OpenedPhoto],
    motion: Motion,
    settings: dict[str, Any],
    seconds: dict[str, float],
    weights: Tensor | None,
) -> dict[str, Any]:
    """A JSON object: settings at the top level, then model, inputs, views, versions, seconds, warnings.

    weights: (F, R), each photo's mean weight in each frame, or None.
    """
    views = coverage([photo.keypoints for photo in references], motion.track)
    return facts(system, references, settings | {"fps": motion.track.fps}, seconds) | {
        "motion": {"name": motion.name, "sha256": motion.sha256, "drawn_video": motion.pictures is not None},
        "views": views.record(),
        "weights": None if weights is None else [[round(w, 4) for w in row] for row in weights.tolist()],
        "warnings": views.warnings(),
    }


def facts(
    system: System, references: list[OpenedPhoto], settings: dict[str, Any], seconds: dict[str, float]
) -> dict[str, Any]:
    """What every film says, with or without a motion: settings at the top level, model, photos, versions, seconds."""
    return {
        "statement": STATEMENT,
        "model": {"name": system.name, "sha256": system.sha256},
        **{name: value.item() if isinstance(value, np.generic) else value for name, value in settings.items()},
        "photos": [{"file": photo.name, "sha256": photo.sha256} for photo in references],
        "versions": {"lookreel": __version__} | {name: version(name) for name in PACKAGES},
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
    }
