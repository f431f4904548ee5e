"""The runs of frames that video networks see: which ones a protocol takes from a film."""

from __future__ import annotations

import numpy as np

from lookreel.metrics.clip import Clip

LENGTH = 16


def non_overlapping(clip: Clip) -> list[range]:
    """Runs of 16 frames one after the other from frame 0; a run never holds a frame the generator was shown."""
    runs, start = [], 0
    while start + LENGTH <= len(clip):
        inside = [r for r in clip.references if start <= r < start + LENGTH]
        if not inside:
            runs.append(range(start, start + LENGTH))
        start = max(inside) + 1 if inside else start + LENGTH
    return runs


def every(clip: Clip) -> list[range]:
    """Every run of 16 consecutive frames (DisCo's frame folders)."""
    return [range(start, start + LENGTH) for start in range(len(clip) - LENGTH + 1)]


def opening(clip: Clip) -> list[range]:
    """The first 16 frames, whatever the generator was shown (BDMM's generated side)."""
    return every(clip)[:1]


def random_runs(clip: Clip, count: int, seed: int = 0) -> list[range]:
    """`count` runs at random offsets (BDMM's real side, one for each of its runs); none of a film under 16 frames."""
    rng = np.random.default_rng([seed, *clip.name.encode()])
    offsets = rng.integers(0, len(clip) - LENGTH + 1, count) if len(clip) >= LENGTH else []
    return [range(start, start + LENGTH) for start in map(int, offsets)]
