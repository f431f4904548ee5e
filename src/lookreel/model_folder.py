"""Where a model lies on this machine, by its bundled name, its folder or its hub id, and the hash of its weights."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from lookreel.assets import MODELS
from lookreel.errors import InputError

INDEX = "model_index.json"
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def is_bundled(name: str | Path) -> bool:
    """Whether a bundled model has this name; it goes before a folder of the same name."""
    return (MODELS / str(name) / INDEX).is_file()


def find(name: str | Path) -> Path:
    """The model's folder; a hub id's is fetched by huggingface_hub. Raises InputError where there is none."""
    if is_bundled(name):
        return MODELS / str(name)
    folder = Path(name)
    if folder.is_dir():
        if not (folder / INDEX).is_file():
            raise InputError(f"{folder}: no {INDEX} in this folder; expected a model that lookreel wrote")
        return folder
    if HUB_ID.fullmatch(str(name)):
        return _from_hub(str(name))
    known = ", ".join(sorted(index.parent.name for index in MODELS.glob(f"*/{INDEX}"))) or "none"
    raise InputError(f"model {str(name)!r}: not found; expected a bundled model ({known}), a folder or owner/name")


def weights_hash(folder: Path) -> str:
    """sha256 over the folder's safetensors files, in the order of their names."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.safetensors")):
        digest.update(path.relative_to(folder).as_posix().encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=["*.json", "*.safetensors"]))
    except Exception as error:  # the hub raises many kinds; each means that the model cannot be had
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(f"model {name!r}: no such folder, and the hub gave none ({reason})") from error
