"""The check of `--device`, before anything is read or loaded."""

from __future__ import annotations

import re

from lookreel.errors import InputError


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
