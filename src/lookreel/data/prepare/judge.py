"""Which stretches of a video are clips, and why the others are not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lookreel.data.prepare.look import Look
from lookreel.data.prepare.settings import Settings
from lookreel.poses.detect import Person, boxes_of
from lookreel.poses.draw import visible
from lookreel.poses.follow import SAME, follow
from lookreel.poses.layout import from_coco
from lookreel.poses.people import area
from lookreel.poses.skeleton import (
    L_ANKLE,
    L_HIP,
    L_KNEE,
    L_SHOULDER,
    NECK,
    R_ANKLE,
    R_HIP,
    R_KNEE,
    R_SHOULDER,
)
from lookreel.poses.yolox import overlap

REASONS = {
    "unreadable": "the file cannot be read",
    "slow": "too few frames a second",
    "nobody": "nobody is found",
    "part": "only a part of a body",
    "several": "several people",
    "short": "shorter than asked for",
    "doubted": "the bundled detector knows whole mannequins and is not to be relied on there",
    "drawn": "drawn skeletons, not pictures",
    "duplicate": "the same file as another",
}

_SMALL = 0.15  # of the largest person's area: somebody smaller stands in the background
_NESTED = 0.8  # of a box within a larger one: the same person found twice
_GAP = 0.2  # seconds that may be bad between good frames
_TOLD = 0.5  # seconds from which a stretch that is left out is told of
_HEAD = 0.16  # of the height from neck to ankles, that the head reaches above the neck
_EDGE = 0.01  # of the picture: a body may touch its border
_PARTS = ((R_SHOULDER, L_SHOULDER), (R_HIP, L_HIP), (R_KNEE, L_KNEE), (R_ANKLE, L_ANKLE))


@dataclass(frozen=True)
class Piece:
    """Shown frames start to stop - 1. chosen: for each the index of the person, None where they are not found."""

    start: int
    stop: int
    chosen: tuple[int | None, ...]


@dataclass(frozen=True)
class Left:
    """Shown frames start to stop - 1 that are no clip, and why: a key of REASONS."""

    start: int
    stop: int
    reason: str


def judge(seen: Look, settings: Settings) -> tuple[list[Piece], list[Left]]:
    """The stretches that show one whole person for long enough, and those that do not.

    A stretch ends at a cut and where the person is suddenly elsewhere. Bad frames of 0.2 seconds between good ones are
    taken along; their joints are filled in later.
    """
    pieces: list[Piece] = []
    left: list[Left] = []
    states = [state(people, seen.size) for people in seen.people]
    borders = sorted({0, len(states), *seen.cuts, *_jumps(seen.people, states)})
    for start, stop in zip(borders, borders[1:], strict=False):
        bad = start
        for first, last in _runs(states[start:stop], max(1, round(_GAP * seen.fps))):
            if (last - first) / seen.fps + 1e-6 >= settings.shortest:
                left += _left(states, bad, start + first, seen.fps)
                pieces += _pieces(seen, start + first, start + last, settings.longest)
                bad = start + last
        left += _left(states, bad, stop, seen.fps)
    return pieces, left


def state(people: Sequence[Person], size: tuple[int, int]) -> str | None:
    """What is wrong with a frame that shows these people, the largest first: a key of REASONS; None if nothing is."""
    if not people:
        return "nobody"
    boxes = boxes_of(people)
    if any(_another(boxes[0], box) for box in boxes[1:]):
        return "several"
    return None if whole(people[0].keypoints, size) else "part"


def whole(keypoints: np.ndarray, size: tuple[int, int]) -> bool:
    """Whether a body (18 or 133, 3) is seen from head to ankles inside a picture of `size` (H, W)."""
    points = keypoints if len(keypoints) == 18 else from_coco(keypoints)
    there = visible(points)
    if not all(there[list(pair)].any() for pair in _PARTS):
        return False
    height, width = size
    y = points[:, 1]
    shoulders = [joint for joint in _PARTS[0] if there[joint]]
    neck = y[NECK] if there[NECK] else y[shoulders].mean()
    feet = max(y[joint] for joint in _PARTS[3] if there[joint])
    x = points[there, 0]
    inside = x.min() >= -_EDGE * width and x.max() <= (1 + _EDGE) * width
    return bool(inside and neck - _HEAD * (feet - neck) >= -_EDGE * height and feet <= (1 - _EDGE) * height)


def _another(largest: np.ndarray, box: np.ndarray) -> bool:
    """Whether a box is of another person who matters: not far in the background, not a part of the first."""
    low, high = np.maximum(largest[:2], box[:2]), np.minimum(largest[2:], box[2:])
    own = float(area(box[None])[0])
    shared = float((high - low).clip(0).prod())
    return own >= _SMALL * float(area(largest[None])[0]) and shared < _NESTED * own


def _jumps(people: Sequence[Sequence[Person]], states: Sequence[str | None]) -> list[int]:
    """Frames in which the one person is not where they were in the frame before."""
    found = []
    for i in range(1, len(people)):
        if states[i] is None and states[i - 1] is None:
            shared = overlap(people[i - 1][0].box[None], people[i][0].box[None])[0, 0]
            if shared < SAME:
                found.append(i)
    return found


def _runs(states: Sequence[str | None], gap: int) -> list[tuple[int, int]]:
    """Start and stop of the stretches of good frames, bad ones of up to `gap` between them taken along."""
    good = [i for i, what in enumerate(states) if what is None]
    runs: list[tuple[int, int]] = []
    for i in good:
        if runs and i - runs[-1][1] <= gap:
            runs[-1] = (runs[-1][0], i + 1)
        else:
            runs.append((i, i + 1))
    return runs


def _pieces(seen: Look, start: int, stop: int, longest: float) -> list[Piece]:
    """The stretch, in equal parts where it is too long."""
    boxes = [boxes_of(people) for people in seen.people[start:stop]]
    chosen = follow(boxes, 0, 0)
    parts = max(1, int(np.ceil((stop - start) / seen.fps / longest - 1e-6)))
    ends = np.rint(np.linspace(0, stop - start, parts + 1)).astype(int).tolist()
    return [Piece(start + a, start + b, tuple(chosen[a:b])) for a, b in zip(ends, ends[1:], strict=False)]


def _left(states: Sequence[str | None], start: int, stop: int, fps: float) -> list[Left]:
    """What is told of a stretch that is no clip: its most frequent fault; nothing where it is a moment only."""
    if stop <= start or ((stop - start) / fps < _TOLD and (start, stop) != (0, len(states))):
        return []
    (fault, _), *_ = Counter(what or "short" for what in states[start:stop]).most_common(1)
    return [Left(start, stop, fault)]
