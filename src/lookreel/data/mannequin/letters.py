"""Capital letters as straight strokes on a box of x in [-1, 1] (right) and y in [-1, 1] (up)."""

import numpy as np

# One polyline per group; a point is two digits: column 0-4 and row 0-4, from the bottom left.
_STROKES = {
    "A": "00 24 40|12 32", "B": "00 04 34 43 32 02|32 41 30 00", "C": "43 34 14 03 01 10 30 41",
    "D": "00 04 24 43 41 20 00", "E": "44 04 00 40|02 32", "F": "44 04 00|02 32", "G": "43 34 14 03 01 10 30 41 42 22",
    "H": "00 04|40 44|02 42", "I": "24 20|14 34|10 30", "J": "44 41 30 10 01", "K": "00 04|44 02 40", "L": "04 00 40",
    "M": "00 04 22 44 40", "N": "00 04 40 44", "O": "10 01 03 14 34 43 41 30 10", "P": "00 04 34 43 32 02",
    "Q": "10 01 03 14 34 43 41 30 10|21 40", "R": "00 04 34 43 32 02|22 40", "S": "43 34 14 03 12 32 41 30 10 01",
    "T": "04 44|24 20", "U": "04 01 10 30 41 44", "V": "04 20 44", "W": "04 10 22 30 44", "X": "00 44|04 40",
    "Y": "04 22 44|22 20", "Z": "04 44 00 40",
}  # fmt: skip
LETTERS = tuple(_STROKES)


def segments(letter: str) -> np.ndarray:
    """Strokes of a letter: float32 (S, 2, 2), start and end of each in [-1, 1]."""
    pairs = []
    for group in _STROKES[letter].split("|"):
        points = [(int(p[0]) / 2 - 1, int(p[1]) / 2 - 1) for p in group.split()]
        pairs += list(zip(points[:-1], points[1:], strict=True))
    return np.array(pairs, np.float32)
