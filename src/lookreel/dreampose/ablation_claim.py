"""Whose results a folder holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lookreel import model_folder
from lookreel.errors import InputError
from lookreel.nets.weights import write_json


def claim(out: Path, described: dict[str, Any], base: Path) -> None:
    """Note in out/recipe.json whose results these are, or raise InputError where they are another recipe's or of
    another base."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / "recipe.json"
    ours = json.loads(json.dumps(described | {"base_sha256": model_folder.weights_hash(base)}))
    if path.is_file() and json.loads(path.read_text()) != ours:
        raise InputError(f"{path}: results of another recipe or another base; expected a new --out for this one")
    write_json(path, ours)
