"""One person out of several in each frame: who is meant, and which of the others they are in the next frame.

The one rule for people from a detector and for people from a file: a person is a box, size is the box's area.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lookreel.errors import InputError
from lookreel.poses.draw import visible
from lookreel.poses.follow import follow
from lookreel.ranges import whole_number

ALIKE = 0.75  # of two people whose boxes differ by no more than this share of area, neither is "the largest"


def one_of(boxes: Sequence[np.ndarray], name: str, person: int | None = None) -> tuple[list[int | None], list[str]]:
    """Which of each frame's people is the one that is followed, None where they are not there; and notices about it.

    boxes: for each frame (P, 4), x0, y0, x1, y1, the largest person first. person: 1 for the largest of the first frame
    that shows anybody, 2 for the next; None takes the largest. name: of the frames, for messages.
    Raises InputError where nobody is in any frame, where there is no such person, and where `person` is None and two
    people are of nearly the same size.
    """
    whole_number("--person", person, 1)
    first = next((i for i, found in enumerate(boxes) if len(found)), None)
    if first is None:
        raise InputError(f"{name}: nobody is found in {_frames(len(boxes))}; expected a person")
    number = _choose(boxes[first], person, f"{name}, frame {first}")
    chosen = follow(boxes, first, number)
    return chosen, _notices(boxes[first], person, chosen, name)


def alike(boxes: np.ndarray) -> np.ndarray:
    """bool (P,): which of the boxes (P, 4), the largest first, are of nearly the size of the first."""
    sizes = area(boxes)
    return sizes >= ALIKE * sizes[:1].max(initial=0)


def area(boxes: np.ndarray) -> np.ndarray:
    """(P,): of boxes (P, 4), in pixels squared."""
    return (boxes[:, 2:] - boxes[:, :2]).prod(1)


def boxes_of(people: Sequence[np.ndarray]) -> np.ndarray:
    """Boxes (P, 4) round the visible joints of people (J, 3)."""
    found = [person[visible(person), :2] for person in people]
    return np.array([[*p.min(0), *p.max(0)] if len(p) else [0] * 4 for p in found], np.float64).reshape(-1, 4)


def _choose(boxes: np.ndarray, person: int | None, where: str) -> int:
    if person is not None and person > len(boxes):
        raise InputError(f"--person {person}: {where} shows {_people(len(boxes))}; expected 1 to {len(boxes)}")
    same = boxes[alike(boxes)]
    if person is None and len(same) > 1:
        places = ", ".join(f"--person {i} is at {_place(box)}" for i, box in enumerate(same, start=1))
        raise InputError(f"{where}: {_people(len(boxes))}, {len(same)} of nearly the same size; say which: {places}")
    return (person or 1) - 1


def _notices(there: np.ndarray, person: int | None, chosen: Sequence[int | None], name: str) -> list[str]:
    notices = []
    if len(there) > 1 and person is None:
        taken = f"the largest, at {_place(there[0])}, is taken; --person 2 would take the next"
        notices.append(f"{name}: {_people(len(there))}; {taken}")
    lost = [i for i, index in enumerate(chosen) if index is None]
    if lost:
        count = f"{len(lost)} of {_frames(len(chosen))}"
        notices.append(f"{name}: the person is not found in {count}, first in {lost[0]}")
    return notices


def _place(box: np.ndarray) -> str:
    x, y = ((box[:2] + box[2:]) / 2).round().astype(int)
    return f"x {x} y {y}"


def _people(count: int) -> str:
    return "1 person" if count == 1 else f"{count} people"


def _frames(count: int) -> str:
    return "1 frame" if count == 1 else f"{count} frames"
