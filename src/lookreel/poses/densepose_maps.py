"""DensePose's U,V maps from numpy files: one of a whole motion, or a folder as DreamPose's published code writes it.

The published layout is `frame_K_densepose.npy` for frame K, each a float array (2, H, W) of U and V in [0, 1], 0 off
the body. The part of the body is not in these files.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from lookreel.errors import InputError
from lookreel.poses.track import Track

PATTERN = "*_densepose.npy"
EXPECTED = "U and V, numbers (2, H, W) for a frame or (F, 2, H, W)"


def is_maps(path: Path) -> bool:
    """Whether a path is a `.npy` file or a folder that has such maps."""
    return path.suffix.lower() == ".npy" or (path.is_dir() and any(path.glob(PATTERN)))


def read_maps(path: Path, fps: float) -> Track:
    """A track with the maps as its `dense` and no joint that is seen; its part numbers are 1 all over the body.

    fps: the frame rate, which these files do not tell.
    Raises InputError where a file is unreadable or of another shape, values are outside [0, 1], frames of a folder
    differ in size or are missing, or no frame shows a body.
    """
    files = _in_order(path) if path.is_dir() else [path]
    frames = [_read(file, several=not path.is_dir()) for file in files]
    for file, maps in zip(files, frames, strict=True):
        if maps.shape[2:] != frames[0].shape[2:]:
            sizes = [f"{m.shape[3]}x{m.shape[2]}" for m in (maps, frames[0])]
            raise InputError(f"{file}: a map of {sizes[0]}; expected {sizes[1]}, the size of {files[0].name}")
    uv = np.concatenate(frames)
    there = (uv > 0).any(1, keepdims=True)
    if not there.any():
        raise InputError(f"{path}: no body in any frame; expected {EXPECTED}, above 0 on the body")
    dense = np.concatenate([there.astype(np.uint8), np.rint(uv * 255).astype(np.uint8)], axis=1)
    # What is on the body with U and V of nearly nothing must not fall off it.
    dense[:, 1:2] = np.where(there & (dense[:, 1:].max(1, keepdims=True) == 0), 1, dense[:, 1:2])
    return Track(np.zeros((len(uv), 18, 3), np.float32), (uv.shape[2], uv.shape[3]), fps, "openpose18", dense)


def _in_order(folder: Path) -> list[Path]:
    """The folder's maps by their frame number, without gaps."""
    numbered = {}
    for file in folder.glob(PATTERN):
        found = re.search(r"(\d+)_densepose$", file.stem)
        if found is None:
            raise InputError(f"{file}: no frame number in its name; expected frame_K_densepose.npy")
        numbered[int(found.group(1))] = file
    numbers = sorted(numbered)
    gaps = [number for number in range(numbers[0], numbers[-1]) if number not in numbered]
    if gaps:
        raise InputError(f"{folder}: no map of frame {gaps[0]} between frames {numbers[0]} and {numbers[-1]}")
    return [numbered[number] for number in numbers]


def _read(file: Path, several: bool) -> np.ndarray:
    """float32 (F, 2, H, W) in [0, 1]."""
    try:
        maps = np.load(file, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise InputError(f"{file}: not a readable .npy file ({error}); expected {EXPECTED}") from error
    if not isinstance(maps, np.ndarray) or maps.dtype.kind not in "fiu":
        raise InputError(f"{file}: not an array of numbers; expected {EXPECTED}")
    if maps.ndim == 3:
        maps = maps[None]
    if maps.ndim != 4 or maps.shape[1] != 2 or 0 in maps.shape or (len(maps) > 1 and not several):
        raise InputError(f"{file}: an array {maps.shape}; expected {EXPECTED}")
    maps = maps.astype(np.float32) / (255 if maps.dtype == np.uint8 else 1)
    if not np.isfinite(maps).all() or maps.min() < 0 or maps.max() > 1.01:
        raise InputError(f"{file}: values from {maps.min():g} to {maps.max():g}; expected U and V in [0, 1]")
    return np.clip(maps, 0, 1)
