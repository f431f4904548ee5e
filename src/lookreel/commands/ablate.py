"""`lookreel ablate`: check the options, then train, measure and report."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

from lookreel.errors import InputError
from lookreel.ranges import whole_number

NEEDED = {"accelerate": "train", "tensorboard": "train", "matplotlib": "eval"}


def ablate(
    recipe: str,
    out: Path,
    only: list[str] | None = None,
    seeds: int | None = None,
    docs: Path | None = None,
    as_json: bool = False,
) -> None:
    """Run a recipe in the folder `out`; raises InputError where an option cannot be met."""
    whole_number("--seeds", seeds, 2)
    for option, folder in (("--out", out), ("--docs", docs)):
        if folder is not None and folder.exists() and not folder.is_dir():
            raise InputError(f"{option}: {folder} is a file; expected a folder")
    absent = [name for name in NEEDED if find_spec(name) is None]
    if absent:
        extra = NEEDED[absent[0]]
        raise InputError(
            f"lookreel ablate: {absent[0]} is not installed; expected the extra: pip install 'lookreel[{extra}]'"
        )
    from lookreel import api

    found = api.ablate(recipe, out, only=only or (), seeds=seeds, docs=docs)
    if as_json:
        print(json.dumps(found))
    else:
        print(f"{found.get('page') or (docs or out / 'report') / 'ablation.md'}  report")
