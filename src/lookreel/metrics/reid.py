"""AED: how far apart the identities of two films are, from embeddings that the user computed.

FOMM's script (Siarohin, pose-evaluation) averages squared distances of a re-identification network fed pictures scaled
twice, which cannot be reproduced. `aed_reid` is the plain distance of unit embeddings, under its own name.
"""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np

from lookreel.errors import InputError


def aed_reid(generated: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """L2 distance of the normalised embeddings (F, D) of each frame: float64 (F,), 0 to 2."""
    if generated.shape != truth.shape or generated.ndim != 2:
        raise InputError(f"embeddings of shape {generated.shape} and {truth.shape}; expected the same (F, D)")
    return np.linalg.norm(_unit(generated) - _unit(truth), axis=1)


def read_embeddings(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Embeddings by film from an `.npz` with one (F, D) array a film. Raises InputError for anything else."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected an .npz with one (F, D) array of embeddings a film")
    try:
        with np.load(path, allow_pickle=False) as data:
            films = {name: data[name] for name in data.files}
    except (ValueError, TypeError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: not a readable .npz ({error})") from error
    for name, film in films.items():
        if film.ndim != 2 or film.dtype.kind != "f" or not len(film) or not np.isfinite(film).all():
            raise InputError(f"{path}: {name} is {film.dtype} {film.shape}; expected finite floats (F, D)")
    return films


def _unit(embeddings: np.ndarray) -> np.ndarray:
    x = np.asarray(embeddings, np.float64)
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
