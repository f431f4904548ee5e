"""`lookreel train`: check the options, then hand over to the trainer."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from lookreel.errors import InputError
from lookreel.ranges import whole_number


def train(
    preset: str,
    data: str,
    out: Path,
    steps: int | None = None,
    init: Path | None = None,
    stage: int | None = None,
) -> None:
    """Train by a preset into the folder `out`; raises InputError where an option cannot be met."""
    whole_number("--steps", steps, 1)
    if data != "mannequin" and not Path(data).is_dir():
        raise InputError(f"--data: {data} is no folder; expected a dataset folder, or mannequin")
    if out.exists() and not out.is_dir():
        raise InputError(f"--out: {out} is a file; expected the folder of the run")
    if init is not None and not init.is_dir():
        raise InputError(f"--init: {init} is no folder; expected a model or a folder of components")
    absent = [name for name in ("accelerate", "tensorboard") if find_spec(name) is None]
    if absent:
        raise InputError(
            f"lookreel train: {absent[0]} is not installed; expected the extra: pip install 'lookreel[train]'"
        )
    from lookreel import api

    model = api.train(preset, data, out, steps=steps, init=init, stage=stage)
    print(f"{model}  trained model")
