"""What a film says of itself: the sidecar's content."""

from __future__ import annotations

from collections import Counter
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from torch import Tensor

from lookreel import __version__
from lookreel.film import STATEMENT
from lookreel.photos import OpenedPhoto
from lookreel.poses.motions import Motion
from lookreel.poses.view import view

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
    views = coverage(references, motion)
    return {
        "statement": STATEMENT,
        "model": {"name": system.name, "sha256": system.sha256},
        **settings,
        "fps": motion.track.fps,
        "photos": [{"file": photo.name, "sha256": photo.sha256} for photo in references],
        "motion": {"name": motion.name, "sha256": motion.sha256, "drawn_video": motion.pictures is not None},
        "views": views,
        "weights": None if weights is None else [[round(w, 4) for w in row] for row in weights.tolist()],
        "versions": {"lookreel": __version__} | {name: version(name) for name in PACKAGES},
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        "warnings": _warnings(views),
    }


def coverage(references: list[OpenedPhoto], motion: Motion) -> dict[str, Any]:
    """The view of each photo and frame ("front", "side", "back" or None), and the frames that no photo covers.

    With photos of unknown pose nothing can be said, and `uncovered` is empty.
    """
    photos = [None if photo.keypoints is None else view(photo.keypoints) for photo in references]
    frames = [view(keypoints) for keypoints in motion.track.keypoints]
    known = {v for v in photos if v}
    uncovered = [i for i, v in enumerate(frames) if known and v and v not in known]
    return {"photos": photos, "frames": frames, "uncovered": uncovered}


def _warnings(views: dict[str, Any]) -> list[str]:
    missing = Counter(views["frames"][i] for i in views["uncovered"])
    return [f"no photo shows the {name}: {missing[name]} frames are invented in part" for name in sorted(missing)]
