"""Backward flow between neighbouring poses: the target of ProFashion's offset loss (section 3.5, delta; Eq 13).

Both sources answer "where in frame i-1 was what stands at x in frame i": delta^i(x), so that sampling frame i-1 at
x + delta^i(x) explains frame i. Both return

    delta: float32 (F, 2, h, w), x and y, in cells of the grid; 0 where the mask is False
    mask:  bool (F, h, w), the cells that supervise: on the (dilated) skeleton and moving by more than 0.5 picture pixel

Frame 0 has no predecessor: its mask is False.
"""

import cv2
import numpy as np

from lookreel.poses.draw import stick, visible
from lookreel.poses.skeleton import LIMBS

MOVING = 0.5  # picture pixels; a smaller displacement counts as standing still

_LIT = 48  # a channel above this belongs to the skeleton; codec noise on black stays below
_LIMBS = np.array(LIMBS)


def keypoint_flow(keypoints: np.ndarray, size: tuple[int, int], grid: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The exact displacements of the joints, interpolated along each limb.

    keypoints: (F, 18, 2 or 3) in pixels of `size` = (H, W); a limb counts where both joints are visible in both frames.
    grid: (h, w) cells over the whole picture. A cell takes the displacement of the nearest point of the nearest limb
    that passes through it or just beside it. Returns delta and mask of the module's docstring.
    """
    frames, cell = len(keypoints), _cell(size, grid)
    seen = visible(keypoints)[:, _LIMBS].all(-1)  # (F, 17)
    points = np.where(np.isfinite(keypoints[..., :2]), keypoints[..., :2], 0).astype(np.float32)
    ends = (points[:, _LIMBS] + 0.5) / cell  # (F, 17, 2, 2) in cells, 0 the picture's edge
    delta, mask = np.zeros((frames, 2, *grid), np.float32), np.zeros((frames, *grid), bool)
    for i in range(1, frames):
        limbs = seen[i] & seen[i - 1]
        if limbs.any():
            delta[i], mask[i] = _limb_flow(ends[i, limbs], ends[i - 1, limbs] - ends[i, limbs], cell, size, grid)
    return delta, mask


def farneback_flow(renders: np.ndarray, grid: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Farneback's dense flow on drawn poses, as in the paper.

    renders: uint8 (F, 3, H, W), skeletons on black. grid: (h, w) cells over the whole picture; a cell takes the mean
    over its supervising pixels. Returns delta and mask of the module's docstring.
    """
    frames, size = len(renders), renders.shape[2:]
    cell = _cell(size, grid)
    reach = round(_reach(size))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    gray = [cv2.cvtColor(np.ascontiguousarray(p.transpose(1, 2, 0)), cv2.COLOR_RGB2GRAY) for p in renders]
    delta, mask = np.zeros((frames, 2, *grid), np.float32), np.zeros((frames, *grid), bool)
    for i in range(1, frames):
        flow = cv2.calcOpticalFlowFarneback(gray[i], gray[i - 1], None, 0.5, 3, 15, 3, 5, 1.2, 0)
        body = cv2.dilate((renders[i].max(0) > _LIT).astype(np.uint8), kernel) > 0
        weight = (body & (np.linalg.norm(flow, axis=-1) > MOVING)).astype(np.float32)
        # INTER_AREA is the mean over a cell, for cells of any size.
        total = cv2.resize(flow * weight[..., None], grid[::-1], interpolation=cv2.INTER_AREA)
        share = cv2.resize(weight, grid[::-1], interpolation=cv2.INTER_AREA)
        mask[i] = share > 0
        mean = total / np.where(mask[i], share, 1)[..., None] / cell
        delta[i] = (mean * mask[i][..., None]).transpose(2, 0, 1)
    return delta, mask


def _limb_flow(
    ends: np.ndarray, moves: np.ndarray, cell: np.ndarray, size: tuple[int, int], grid: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """One frame: limb ends and their moves, both (limbs, 2 ends, 2) in cells -> delta (2, h, w), mask (h, w)."""
    y, x = np.mgrid[: grid[0], : grid[1]].astype(np.float32) + 0.5
    start, along = ends[:, 0, :, None, None], (ends[:, 1] - ends[:, 0])[:, :, None, None]
    from_start = np.stack([x, y]) - start  # (limbs, 2, h, w)
    squared = np.maximum((along * along).sum(1), 1e-12)
    s = ((from_start * along).sum(1) / squared).clip(0, 1)  # (limbs, h, w): 0 at the first joint, 1 at the second
    away = (from_start - s[:, None] * along) * cell[:, None, None]
    distance = np.hypot(away[:, 0], away[:, 1])  # picture pixels
    nearest = distance.argmin(0)
    rows, columns = np.indices(grid)
    s = s[nearest, rows, columns]
    moves = moves[nearest]  # (h, w, 2 ends, 2)
    delta = (moves[:, :, 0] * (1 - s[..., None]) + moves[:, :, 1] * s[..., None]).transpose(2, 0, 1)
    moving = np.hypot(*(delta * cell[:, None, None])) > MOVING
    mask = moving & (distance.min(0) <= cell.max() / 2 + _reach(size))
    return delta * mask, mask


def _cell(size: tuple[int, int], grid: tuple[int, int]) -> np.ndarray:
    """Width and height of a cell in picture pixels."""
    return np.array([size[1] / grid[1], size[0] / grid[0]], np.float32)


def _reach(size: tuple[int, int]) -> float:
    """How far beside the drawn skeleton still counts, in picture pixels: once more its full width."""
    return 2 * stick(size)
