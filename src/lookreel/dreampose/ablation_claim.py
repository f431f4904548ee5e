"""Whose results a folder holds: a recipe's, on one base."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lookreel import model_folder, recipe_run


def claim(out: Path, described: dict[str, Any], base: Path) -> None:
    """Own the folder `out`, or raise InputError where it holds results of another recipe or of another base."""
    depends = described | {"base_sha256": model_folder.weights_hash(base)}
    recipe_run.claim(out, depends, "results of another recipe or another base")
