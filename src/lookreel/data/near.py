"""Clips that show the same: small pictures of each are compared, wherever in the clips they lie."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import cv2
import numpy as np

LOOKS = 24  # small pictures of a clip, evenly spaced
_SIZE = (16, 12)  # (H, W) of one
# Mean difference of two pictures, of 255, where either is not backdrop, up to which they show the same. Measured on
# mannequins before one white backdrop: 7 at most of a film encoded anew, smaller, cut or thinned out; 28 at least of
# films of other garments.
_ALIKE = 10.0
_BACKDROP = 20  # a pixel this near to the backdrop's colour, of 255 in each channel, is backdrop
_LEAST = 0.05  # of the picture: a smaller figure counts as that large
_SHARE = 0.75  # of the looks at the shorter clip that are found in the other
_FAR = 24.0  # difference of two clips' mean pictures from which nothing else is compared
_ROWS = 256  # clips whose means are compared at a time


def small(frame: np.ndarray) -> np.ndarray:
    """A frame uint8 (3, H, W) as uint8 (16, 12, 3)."""
    picture = np.ascontiguousarray(frame.transpose(1, 2, 0))
    return cv2.resize(picture, _SIZE[::-1], interpolation=cv2.INTER_AREA)


def looks(frames: Iterable[np.ndarray], count: int) -> np.ndarray:
    """Small pictures uint8 (L, 16, 12, 3) of at most 24 of `count` frames, evenly spaced."""
    wanted = set(np.rint(np.linspace(0, count - 1, min(LOOKS, count))).astype(int).tolist())
    found = [small(frame) for number, frame in enumerate(frames) if number in wanted]
    return np.stack(found) if found else np.zeros((0, *_SIZE, 3), np.uint8)


def alike(clips: Sequence[np.ndarray]) -> Iterator[tuple[int, int]]:
    """The pairs of clips, by their looks, most of whose pictures are in each other; each pair once, the lower first.

    A clip that was cut, encoded anew or made smaller is found again. Another clip of the same person in the same
    clothes before the same backdrop can be taken for one, if the movement is the same, too.
    """
    there = [i for i, pictures in enumerate(clips) if len(pictures)]
    if not there:
        return
    means = np.stack([clips[i].reshape(len(clips[i]), -1).mean(0) for i in there])
    for first in range(0, len(there), _ROWS):
        block = means[first : first + _ROWS]
        for row, mean in enumerate(block, start=first):
            near = np.abs(means[row + 1 :] - mean).mean(1) <= _FAR
            for other in np.flatnonzero(near) + row + 1:
                if _same(clips[there[row]], clips[there[int(other)]]):
                    yield there[row], there[int(other)]


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether most pictures of either are in the other: a part of a clip is in the whole, not the whole in it."""
    a, b = one.astype(np.float32), other.astype(np.float32)
    figure = _figure(a)[:, None] | _figure(b)[None]
    apart = (np.abs(a[:, None] - b[None]).mean(-1) * figure).sum((2, 3))
    away = apart / np.maximum(figure.sum((2, 3)), _LEAST * figure[0, 0].size)
    return bool(max((away.min(1) <= _ALIKE).mean(), (away.min(0) <= _ALIKE).mean()) >= _SHARE)


def _figure(pictures: np.ndarray) -> np.ndarray:
    """bool (L, 16, 12): what is not backdrop, whose colour is the median of the upper and side borders; all of it where
    the backdrop has many colours."""
    border = np.concatenate([pictures[:, 0].reshape(-1, 3), pictures[:, :, [0, -1]].reshape(-1, 3)])
    return (np.abs(pictures - np.median(border, axis=0)) > _BACKDROP).any(-1)
