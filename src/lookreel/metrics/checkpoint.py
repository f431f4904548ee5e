"""Published weight files into our networks: tensors only, every name and shape checked."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from lookreel.errors import InputError

Network = TypeVar("Network", bound=nn.Module)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a file that torch.save wrote; of a training checkpoint, those under "state_dict".

    The prefix "module." that data-parallel training leaves is taken off. Raises InputError for anything else.
    """
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises half a dozen kinds for damaged files
        line = str(error).split("\n", 1)[0]
        raise InputError(f"{path}: not a readable weight file ({line})") from error
    found = found.get("state_dict", found) if isinstance(found, dict) else found
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise InputError(f"{path}: found a {type(found).__name__}; expected a state dict of tensors")
    return {name.removeprefix("module."): value for name, value in found.items()}


def fill(network: Network, tensors: dict[str, Tensor], path: Path) -> Network:
    """Load the tensors into the network, strictly, and return it in eval mode without gradients.

    Files from before PyTorch 0.4 lack the batch norms' counters, which inference does not read.
    """
    wanted = {name: t.shape for name, t in network.state_dict().items() if not name.endswith("num_batches_tracked")}
    given = {name: t for name, t in tensors.items() if not name.endswith("num_batches_tracked")}
    faults = {
        "missing": sorted(wanted.keys() - given.keys()),
        "unexpected": sorted(given.keys() - wanted.keys()),
        "of another shape": sorted(n for n in wanted.keys() & given.keys() if wanted[n] != given[n].shape),
    }
    for fault, names in faults.items():
        if names:
            raise InputError(f"{path}: {len(names)} tensors {fault}, the first is {names[0]}")
    network.load_state_dict(given, strict=False)
    return network.eval().requires_grad_(False)


def read_script(path: Path, device: str) -> torch.jit.ScriptModule:
    """A TorchScript network on `device` in eval mode. Raises InputError where it cannot be read.

    A TorchScript file is a program: only those that the user puts into the weights folder are ever run.
    """
    try:
        return torch.jit.load(path, map_location=device).eval()
    except (RuntimeError, ValueError, OSError) as error:
        line = str(error).strip().split("\n", 1)[0]
        raise InputError(f"{path}: not a readable TorchScript file ({line})") from error
