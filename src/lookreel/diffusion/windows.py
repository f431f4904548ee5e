"""Films longer than the network's clip: overlapping windows, averaged, as in Animate Anyone's temporal aggregation.

The last window is clamped to the film's end: one window must not mix last and first frames. Only for comparisons with
the open Animate Anyone there are windows that wrap around (`wrapped`).
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from lookreel.errors import InputError

PredictWindow = Callable[[Tensor, int, range], Tensor]


def windows(frames: int, size: int = 16, overlap: int = 4) -> list[range]:
    """Frame ranges of length `size` that cover 0..frames-1 and share at least `overlap` frames with the one before.

    One range of all the frames where frames <= size. Raises InputError unless 0 <= overlap < size.
    """
    if not 0 <= overlap < size:
        raise InputError(f"overlap: found {overlap} with windows of {size} frames; expected 0 to {size - 1}")
    if frames <= size:
        return [range(frames)]
    last = frames - size
    starts = [*range(0, last, size - overlap), last]
    return [range(start, start + size) for start in starts]


def wrapped(frames: int, size: int = 24, overlap: int = 4) -> list[range]:
    """The open Animate Anyone's windows: every size - overlap frames one of length `size`, the last running on into
    the first frames.

    A number past the last frame means one from the start, modulo `frames`. One range of all the frames where
    frames <= size. Raises InputError unless 0 <= overlap < size.
    """
    if len(windows(frames, size, overlap)) == 1:
        return [range(frames)]
    return [range(start, start + size) for start in range(0, frames, size - overlap)]


def combine(predict_window: PredictWindow, x: Tensor, t: int, windows: Sequence[range]) -> Tensor:
    """The prediction for all frames: for each frame the mean over the windows that hold it.

    x: (F, ...). `predict_window(x[w], t, w)` returns that window's prediction and is called with one window at a time,
    so that memory beyond the result does not grow with the film. A window may run past the last frame (`wrapped`).
    """
    total = torch.zeros_like(x)
    count = torch.zeros(len(x), *(1,) * (x.ndim - 1), dtype=x.dtype, device=x.device)
    for window in windows:
        place = rows(window, len(x))
        total[place] += predict_window(x[place], t, window).to(x.dtype)
        count[place] += 1
    return total / count


def rows(window: range, frames: int) -> slice | list[int]:
    """A window as an index: a slice, which copies nothing, unless it runs past the last of `frames` frames."""
    if window.stop <= frames:
        return slice(window.start, window.stop)
    return [frame % frames for frame in window]
