"""Backward flow of the body's surface between neighbouring frames, from dense body maps (I, U, V).

A drawn skeleton does not see a surface turn: facing the camera, the shoulders of a turning figure hardly move in the
picture while its chest moves most. A dense map says of each pixel which point of the body it shows, so the same point
can be looked for in the frame before.
"""

import cv2
import numpy as np

NEAR = 40  # of 255 in U and V: a point farther than this from all that the frame before shows was hidden there
_STILL = 0.05  # of a U, V step for each pixel: where several pixels show one value, as 8 bits do, the nearest counts
_FINE = 4  # pixels of the map, along a cell's side, that are looked at: enough for flow in fractions of a cell
_AT_ONCE = 1024


def surface_flow(dense: np.ndarray, grid: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Where in frame i-1 was the surface that frame i shows.

    dense: uint8 (F, 3, H, W), body part 0-24 and U, V of 0-255, as in `Track.dense`. grid: (h, w) cells over the whole
    picture. Returns, as the sources of `flow.py` do, delta float32 (F, 2, h, w), x and y in cells, 0 where the mask is
    False, and mask bool (F, h, w): the cells whose surface both frames show, moving or not; False in frame 0.
    """
    h, w = grid
    fine = (min(dense.shape[2], _FINE * h), min(dense.shape[3], _FINE * w))
    maps = [cv2.resize(m.transpose(1, 2, 0), fine[::-1], interpolation=cv2.INTER_NEAREST) for m in dense]
    cell = np.array([fine[1] / w, fine[0] / h], np.float32)
    delta, mask = np.zeros((len(dense), 2, h, w), np.float32), np.zeros((len(dense), h, w), bool)
    for i in range(1, len(maps)):
        moves, found = _moves(maps[i], maps[i - 1])
        # INTER_AREA is the mean over a cell, for cells of any size.
        total, share = (cv2.resize(m, (w, h), interpolation=cv2.INTER_AREA) for m in (moves, found))
        mask[i] = share > 0.5
        delta[i] = (total / np.maximum(share, 0.5)[..., None] / cell * mask[i][..., None]).transpose(2, 0, 1)
    return delta, mask


def _moves(now: np.ndarray, before: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each pixel's displacement (h, w, 2), x and y, to the same surface point of `before`; 1 where there is one."""
    moves, found = np.zeros((*now.shape[:2], 2), np.float32), np.zeros(now.shape[:2], np.float32)
    for part in np.unique(now[..., 0][now[..., 0] > 0]):
        here, there = np.argwhere(now[..., 0] == part), np.argwhere(before[..., 0] == part)
        if len(there):
            nearest, apart = _nearest(_points(now, here), _points(before, there))
            here, there = here[apart <= NEAR], there[nearest[apart <= NEAR]]
            moves[tuple(here.T)] = (there - here)[:, ::-1]
            found[tuple(here.T)] = 1
    return moves, found


def _points(maps: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """U, V and, for little, the place of pixels (N, 2): (N, 4)."""
    return np.concatenate([maps[tuple(pixels.T)][:, 1:], _STILL * pixels], axis=1)


def _nearest(points: np.ndarray, among: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each of `points` (N, D) the index of the nearest of `among` (M, D), and its distance."""
    nearest, apart = [], []
    for part in np.array_split(points, -(-len(points) // _AT_ONCE)):  # bounds the memory for large maps
        squared = (part**2).sum(1)[:, None] + (among**2).sum(1) - 2 * part @ among.T
        nearest.append(squared.argmin(1))
        apart.append(np.sqrt(np.maximum(squared.min(1), 0)))
    return np.concatenate(nearest), np.concatenate(apart)
