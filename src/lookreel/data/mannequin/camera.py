"""Camera: level, without perspective, two samples per pixel and axis."""

from copy import copy

import numpy as np

FINE = 2  # samples per pixel along each axis
FILL = 0.87  # share of the picture's height that a figure of height 1 takes


class Camera:
    """Maps world x (right, 0 in the middle) and height (up, 0 at the soles) to samples of a picture (H, W).

    shape: rows and columns of samples. scale: pixels per figure height. xs, heights: world place of each sample.
    """

    def __init__(self, size: tuple[int, int], tall: float = 1.0):
        height, width = size
        self.size = (height, width)
        self.shape = (height * FINE, width * FINE)
        self.scale = FILL * tall * min(height, width * 4 / 3)
        self.middle = width / 2
        self.floor = height / 2 + 0.5 * self.scale  # picture row of the soles
        self.xs = (((np.arange(self.shape[1]) + 0.5) / FINE - self.middle) / self.scale).astype(np.float32)
        self.heights = ((self.floor - (np.arange(self.shape[0]) + 0.5) / FINE) / self.scale).astype(np.float32)

    def window(self, left: float, right: float) -> tuple["Camera", slice]:
        """A camera that sees only the picture columns between two world x, and those columns."""
        last = self.size[1] - 1
        first = int(np.clip(np.floor(left * self.scale + self.middle), 0, last))
        stop = int(np.clip(np.ceil(right * self.scale + self.middle), first, last)) + 1
        narrow = copy(self)
        narrow.size = (self.size[0], stop - first)
        narrow.shape = (self.shape[0], (stop - first) * FINE)
        narrow.xs = self.xs[first * FINE : stop * FINE]
        return narrow, slice(first, stop)

    def pixels(self, x: np.ndarray, height: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Picture x and y, in pixels, of world places."""
        return x * self.scale + self.middle, self.floor - height * self.scale

    def rows_between(self, low: float, high: float) -> np.ndarray:
        """Sample rows whose height lies between the two."""
        return np.flatnonzero((self.heights >= low) & (self.heights <= high))

    def columns_each(self, left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, int]:
        """For borders (F,): the first sample column of each frame, and one count of columns that suffices for all."""
        return _cover((left - self.xs[0]) * FINE * self.scale, (right - self.xs[0]) * FINE * self.scale, self.shape[1])

    def rows_each(self, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, int]:
        """For heights (F,): the first sample row of each frame, and one count of rows that suffices for all."""
        top = self.heights[0]
        return _cover((top - high) * FINE * self.scale, (top - low) * FINE * self.scale, self.shape[0])


def _cover(first: np.ndarray, last: np.ndarray, limit: int) -> tuple[np.ndarray, int]:
    start, end = np.floor(first).astype(np.int64), np.ceil(last).astype(np.int64)
    count = int(min((end - start).max() + 1, limit))
    return np.clip(start, 0, limit - count), count
