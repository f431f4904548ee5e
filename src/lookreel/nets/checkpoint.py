"""Published checkpoint files: safetensors, or pickles of which only the tensors are read."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lookreel.errors import InputError

SUFFIXES = (".safetensors", ".pth", ".pt", ".bin", ".ckpt")
_LFS = b"version https://git-lfs"


def read_checkpoint(path: str | os.PathLike) -> dict[str, Tensor]:
    """Every tensor of a checkpoint by its name, mapped from the file where the format allows it.

    A pickle is read with torch's weights_only, so that code in it is refused and never run. A wrapping
    {"state_dict": ...} and the prefix "module." of distributed training are taken off.
    Raises InputError for a file that is missing, damaged, without tensors, or that holds more than tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a checkpoint ({', '.join(SUFFIXES)})")
    if path.suffix not in SUFFIXES:
        raise InputError(f"{path}: unknown suffix; expected {', '.join(SUFFIXES)}")
    with path.open("rb") as file:
        if file.read(len(_LFS)) == _LFS:
            raise InputError(f"{path}: a Git LFS pointer, not the file itself; download the file")
    return _named(path, _safetensors(path) if path.suffix == ".safetensors" else _pickle(path))


def _safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path}: not a readable safetensors file ({error}); download it again") from error


def _pickle(path: Path) -> Any:
    try:
        # Only the zip format of torch 1.6 and later can be mapped.
        return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except Exception as error:  # torch and the unpickler raise many kinds; each means that the file is of no use
        named = re.search(r"[Uu]nsupported (?:global: GLOBAL|GLOBAL|class) ([\w.]+)", str(error))
        if named:
            raise InputError(
                f"{path}: a pickle that holds more than tensors ({named[1]}); it was refused and nothing in it was run"
            ) from error
        raise InputError(f"{path}: not a readable checkpoint, truncated or damaged; download it again") from error


def _named(path: Path, found: Any) -> dict[str, Tensor]:
    """The tensors of what the file held, by name."""
    if isinstance(found, Mapping) and isinstance(found.get("state_dict"), Mapping):
        found = found["state_dict"]
    if not isinstance(found, Mapping):
        raise InputError(f"{path}: found a {type(found).__name__}; expected tensors by name")
    tensors = {str(name).removeprefix("module."): t for name, t in found.items() if isinstance(t, Tensor)}
    if not tensors:
        raise InputError(f"{path}: no tensors in it; expected a network's weights")
    return tensors
