"""Checks of option values, before anything is read or loaded."""

from __future__ import annotations

import math
import re

from lookreel.errors import InputError


def whole_number(name: str, value: int | None, low: int, high: int | None = None) -> None:
    """Raise InputError unless `value` is None or low <= value <= high."""
    if value is not None and not (low <= value and (high is None or value <= high)):
        expected = f"from {low} to {high}" if high is not None else f"of at least {low}"
        raise InputError(f"{name}: {value}; expected a whole number {expected}")


def real_number(name: str, value: float | None, low: float, high: float) -> None:
    """Raise InputError unless `value` is None or a finite number, low <= value <= high."""
    if value is not None and not (math.isfinite(value) and low <= value <= high):
        raise InputError(f"{name}: {value}; expected a number from {low:g} to {high:g}")


def usable_device(name: str | None) -> str | None:
    """The device's name, or InputError where the name is unknown or the machine has no such device."""
    if name is None or name == "cpu":
        return name
    if not re.fullmatch(r"cuda(:\d+)?|mps", name):
        raise InputError(f"--device: {name}; expected cpu, cuda, cuda:N or mps")
    import torch

    if name == "mps":
        there = torch.backends.mps.is_available()
    else:
        there = int(name.partition(":")[2] or 0) < torch.cuda.device_count()
    if not there:
        raise InputError(f"--device: {name} is not on this machine; `lookreel doctor` shows what is")
    return name
