"""Which frames of a clip serve as its reference photos (ProFashion, appendix A).

Training: random frames of the clip. Testing: the frames are split into front, back and side by the relative positions
of left and right joints, and one is drawn from each group.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lookreel.poses.view import View

GROUPS: tuple[View, ...] = ("front", "back", "side")


def for_training(frames: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """Numbers (count,) of random frames in random order, distinct where the clip has so many."""
    return rng.choice(frames, size=count, replace=frames < count)


def for_testing(views: Sequence[View | None], seed: int | Sequence[int] = 0) -> list[int]:
    """Numbers of a front, a back and a side frame, in this order, each drawn at random from its group.

    views: the side that each frame shows, None where it is unknown. A group that the clip does not show is replaced by
    a random other frame. They are distinct, so fewer than three where the clip has fewer frames.
    """
    rng = np.random.default_rng(seed)
    chosen: list[int | None] = []
    for group in GROUPS:
        there = [i for i, view in enumerate(views) if view == group]
        chosen.append(int(rng.choice(there)) if there else None)
    for place, number in enumerate(chosen):
        others = sorted(set(range(len(views))) - set(chosen))
        if number is None and others:
            chosen[place] = int(rng.choice(others))
    return [number for number in chosen if number is not None]
