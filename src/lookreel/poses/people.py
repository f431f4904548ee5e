"""One person out of several in each frame, followed by place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lookreel.errors import InputError
from lookreel.poses.draw import visible

ALIKE = 0.85  # two people whose heights differ by less than this ratio cannot be told apart by size

_GROWTH = 1.8  # times as tall, or as small, is somebody else


def follow(
    frames: Sequence[Sequence[np.ndarray]], name: str, person: int | None = None
) -> tuple[np.ndarray, list[str]]:
    """The keypoints of one person -> (float32 (F, 18, 3), notices); frames without that person are all absent.

    frames: for each frame the keypoints (18, 3) of its people. person: 1 is the largest of the first frame that shows
    somebody, 2 the next; None takes the largest.
    Raises InputError where nobody is in any frame, `person` is more than there are, or, with None, the two largest are
    of nearly the same size.
    """
    people = [sorted((p for p in frame if visible(p).any()), key=_height, reverse=True) for frame in frames]
    first = next((i for i, frame in enumerate(people) if frame), None)
    if first is None:
        raise InputError(f"{name}: nobody in any frame; expected a person")
    there, notices = people[first], []
    if person is None and len(there) > 1:
        if _height(there[1]) > ALIKE * _height(there[0]):
            raise InputError(f"{name}: {len(there)} people, two of one size; --person N says which: {_where(there)}")
        notices.append(f"{name}: {len(there)} people; the largest is taken (--person N takes another)")
    if person is not None and not 1 <= person <= len(there):
        raise InputError(f"--person: found {person}; {name} shows {len(there)}")
    keypoints = np.zeros((len(people), 18, 3), np.float32)
    last = there[(person or 1) - 1]
    for i, frame in enumerate(people[first:], first):
        near = min(frame, key=lambda p: _distance(p, last), default=None) if i > first else last
        if near is not None and _same(near, last):
            keypoints[i] = last = near
    lost = int((~visible(keypoints).any(1)).sum())
    if lost:
        notices.append(f"{name}: nobody in {lost} of {len(people)} frames")
    return keypoints, notices


def _same(person: np.ndarray, last: np.ndarray) -> bool:
    """Whether a person may be the one seen last: not far away, and not of another size."""
    size = _height(person) / max(_height(last), 1.0)
    return _distance(person, last) < _height(last) and 1 / _GROWTH < size < _GROWTH


def _height(person: np.ndarray) -> float:
    y = person[visible(person), 1]
    return float(np.ptp(y)) if len(y) else 0.0


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    """Mean distance of the joints that both show, in pixels; infinite where there are none."""
    both = visible(a) & visible(b)
    return float(np.linalg.norm(a[both, :2] - b[both, :2], axis=1).mean()) if both.any() else np.inf


def _where(people: Sequence[np.ndarray]) -> str:
    """Which number is where, for a reader."""
    places = [p[visible(p), 0].mean() for p in people[:4]]
    return ", ".join(f"{number} is at x = {place:.0f}" for number, place in enumerate(places, 1))
