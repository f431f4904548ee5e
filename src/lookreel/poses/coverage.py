"""Which frames of a motion show a side of the outfit that no photo shows: those the model has to invent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lookreel.poses.track import Track
from lookreel.poses.view import View, view


@dataclass(frozen=True)
class Coverage:
    """photos, frames: the view of each, None where it cannot be told. uncovered: numbers of frames, from 0."""

    photos: list[View | None]
    frames: list[View | None]
    uncovered: list[int]

    def record(self) -> dict[str, Any]:
        """What a sidecar keeps of it."""
        return {"photos": self.photos, "frames": self.frames, "uncovered": self.uncovered}

    def warnings(self) -> list[str]:
        """One line for each view that no photo shows."""
        lines = []
        for name in sorted({self.frames[i] or "" for i in self.uncovered}):
            numbers = [i for i in self.uncovered if self.frames[i] == name]
            lines.append(f"no photo shows the {name}: {spans(numbers)} will be invented")
        return lines

    def told(self) -> str:
        """What the photos show and what the motion shows, on one line."""
        if not any(self.photos):
            return "coverage unknown: no photo's pose tells which side it shows"
        seen = ", ".join(v or "unknown" for v in self.photos)
        shown = [f"{name} {self.frames.count(name)}" for name in ("front", "side", "back") if name in self.frames]
        motion = ", ".join(shown) or "no view"
        return f"coverage: photos show {seen}; of {len(self.frames)} frames the motion shows {motion}"


def coverage(photos: Sequence[np.ndarray | None], track: Track) -> Coverage:
    """photos: keypoints (18, 3) of each, or None where no pose is known. track: the motion, of 18 joints.

    Where no photo's view is known nothing can be said, and no frame counts as uncovered.
    """
    views = [None if keypoints is None else view(keypoints) for keypoints in photos]
    frames = [view(keypoints) for keypoints in track.keypoints]
    known = {v for v in views if v}
    uncovered = [i for i, v in enumerate(frames) if known and v and v not in known]
    return Coverage(views, frames, uncovered)


def spans(numbers: Sequence[int]) -> str:
    """Numbers in rising order as "frame 3" or "frames 3-7, 12"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    text = ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)
    return f"{'frame' if len(numbers) == 1 else 'frames'} {text}"
