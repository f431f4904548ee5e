"""Seeds: which belong to training, validation and test, and the random streams that one seed opens."""

from collections.abc import Sequence

import numpy as np

TRAIN = range(0, 900_000)
VALIDATION = range(900_000, 1_000_000)
TEST = range(1_000_000, 2**31)

MOTIONS = ("turn", "half-turn", "sway", "walk")
_PURPOSES = ("garment", "body", "stance", "stage", *MOTIONS)


def stream(seed: int, purpose: str) -> np.random.Generator:
    """The generator of one purpose; streams of one seed do not touch each other."""
    key: Sequence[int] = (_PURPOSES.index(purpose),)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))
