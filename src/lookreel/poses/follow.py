"""One person through all frames: chosen in the first, found again by where their box was."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lookreel.poses.yolox import overlap

SAME = 0.2  # intersection over union with the last box from which it is the same person
_GROWTH = 1.8  # a box this many times as tall, or as small, is somebody else


def follow(boxes: Sequence[np.ndarray], first: int, number: int) -> list[int | None]:
    """Which of each frame's boxes (P, 4) belongs to box `number` of frame `first`; None where none does.

    Of the boxes of about the same height, the one that overlaps the last known one most is taken. Where none does, a
    lone person is believed to be the same after a cut or a jump, but only while nobody else was ever seen beside them.
    """
    chosen: list[int | None] = [None] * len(boxes)
    chosen[first] = number
    last, alone = boxes[first][number], len(boxes[first]) == 1
    for frame in range(first + 1, len(boxes)):
        alone = alone and len(boxes[frame]) <= 1
        found = _same(last, boxes[frame], alone)
        if found is not None:
            chosen[frame], last = found, boxes[frame][found]
    return chosen


def _same(last: np.ndarray, boxes: np.ndarray, alone: bool) -> int | None:
    if len(boxes) == 0:
        return None
    growth = (boxes[:, 3] - boxes[:, 1]) / max(last[3] - last[1], 1e-9)
    shared = np.where((growth > 1 / _GROWTH) & (growth < _GROWTH), overlap(last[None], boxes)[0], -1)
    best = int(shared.argmax())
    return best if shared[best] >= SAME or (alone and shared[best] >= 0) else None
