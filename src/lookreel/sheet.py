"""Pictures put side by side: the contact sheet of a film, and the panel of references, pose and film."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

MARGIN = 4
MOST_FRAMES = 16
SMALL = 200  # a frame lower than this is shown at twice its size


def contact_sheet(frames: np.ndarray) -> np.ndarray:
    """At most 16 evenly spaced frames of uint8 (F, 3, H, W) on a white grid, uint8 (H, W, 3).

    Eight in a row where frames are higher than wide, four otherwise; small frames are enlarged to twice their size.
    """
    picked = np.unique(np.rint(np.linspace(0, len(frames) - 1, min(len(frames), MOST_FRAMES))).astype(int))
    height, width = frames.shape[2:]
    factor = 2 if height < SMALL else 1
    cell_height, cell_width = height * factor, width * factor
    columns = min(len(picked), 8 if height > width else 4)
    rows = -(-len(picked) // columns)
    sheet = np.full(
        (rows * (cell_height + MARGIN) + MARGIN, columns * (cell_width + MARGIN) + MARGIN, 3), 255, np.uint8
    )
    for place, index in enumerate(picked):
        top = MARGIN + place // columns * (cell_height + MARGIN)
        left = MARGIN + place % columns * (cell_width + MARGIN)
        sheet[top : top + cell_height, left : left + cell_width] = _resized(frames[index], cell_height, cell_width)
    return sheet


def panels(references: Sequence[np.ndarray], poses: np.ndarray | None, frames: np.ndarray) -> np.ndarray:
    """References (3, H, W) in a column | poses (F, 3, H, W) | frames (F, 3, H, W), as uint8 (F, 3, H', W').

    The column is as high as a frame; small frames are enlarged to twice their size.
    """
    count, _, height, width = frames.shape
    factor = 2 if height < SMALL else 1
    height, width = height * factor, width * factor
    parts = [_all_resized(frames, height, width)]
    if poses is not None:
        parts.insert(0, _all_resized(poses, height, width))
    if references:
        column = _column(references, height)
        parts.insert(0, np.broadcast_to(column, (count, *column.shape)))
    gap = np.full((count, height, MARGIN, 3), 255, np.uint8)
    joined = [piece for part in parts for piece in (gap, part)][1:]
    return np.concatenate(joined, axis=2).transpose(0, 3, 1, 2)


def _column(references: Sequence[np.ndarray], height: int) -> np.ndarray:
    """The references one below the other, (height, width of the widest, 3), each in its own proportions."""
    each = (height - MARGIN * (len(references) - 1)) // len(references)
    widths = [max(1, round(each * reference.shape[2] / reference.shape[1])) for reference in references]
    column = np.full((height, max(widths), 3), 255, np.uint8)
    for place, (reference, width) in enumerate(zip(references, widths, strict=True)):
        top, left = place * (each + MARGIN), (max(widths) - width) // 2
        column[top : top + each, left : left + width] = _resized(reference, each, width)
    return column


def _all_resized(frames: np.ndarray, height: int, width: int) -> np.ndarray:
    """Frames (F, 3, H, W) as (F, height, width, 3)."""
    return np.stack([_resized(frame, height, width) for frame in frames])


def _resized(frame: np.ndarray, height: int, width: int) -> np.ndarray:
    """One frame (3, H, W) as (height, width, 3)."""
    picture = Image.fromarray(np.ascontiguousarray(frame.transpose(1, 2, 0)))
    return np.array(picture.resize((width, height), Image.Resampling.LANCZOS))
