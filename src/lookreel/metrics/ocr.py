"""Can a machine read the print? What a reader makes of the film's boxes against what it makes of the truth's.

1 - edit distance / length of the longer text, as text-rendering benchmarks have it (STRICT 2505.18985, TextInVision
2503.13730). The reader is any function from a picture to its text; `tesseract` asks the program of that name.
"""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image

from lookreel.metrics.clip import Clip
from lookreel.metrics.legibility import crops

Reader = Callable[[np.ndarray], str]  # uint8 (H, W, 3) -> its text
MOST = 12  # boxes read of a film: a reader takes about a tenth of a second for each
HEIGHT = 96  # pixels: smaller boxes are enlarged to it, since readers are made for scanned pages


def same_text(generated: Clip, truth: Clip, boxes: np.ndarray, read: Reader) -> float:
    """Mean similarity, 0 to 1, over up to 12 of the boxes (N, 5); NaN where nothing is read on the truth."""
    chosen = boxes[np.unique(np.linspace(0, max(len(boxes) - 1, 0), MOST).astype(int))] if len(boxes) else boxes
    rows = []
    for pair in crops(generated, truth, chosen):
        ours, theirs = (read(_enlarged(picture)) for picture in pair)
        if theirs:
            rows.append(similarity(ours, theirs))
    return float(np.mean(rows)) if rows else float("nan")


def similarity(a: str, b: str) -> float:
    """1 - Levenshtein distance / length of the longer; 1 for two empty texts."""
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, start=1):
        before, row = row, [i]
        for j, right in enumerate(b, start=1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (left != right)))
    return 1 - row[-1] / max(len(a), len(b), 1)


def tesseract() -> Reader | None:
    """The program of that name as a reader; None where it is not installed."""
    program = shutil.which("tesseract")
    if program is None:
        return None

    def read(picture: np.ndarray) -> str:
        data = io.BytesIO()
        Image.fromarray(picture).save(data, format="PNG")
        done = subprocess.run([program, "stdin", "stdout", "--psm", "6"], input=data.getvalue(), capture_output=True)
        return "".join(done.stdout.decode("utf-8", "replace").split()) if done.returncode == 0 else ""

    return read


def _enlarged(picture: np.ndarray) -> np.ndarray:
    factor = max(1.0, HEIGHT / picture.shape[0])
    return cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
