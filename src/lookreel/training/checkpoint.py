"""Checkpoints of a training: safetensors and JSON in a folder that appears whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lookreel.errors import InputError
from lookreel.nets.weights import write_json
from lookreel.training.average import Average


def save(out: Path, step: int, network: nn.Module, average: Average, optimizer: Any) -> None:
    """Write out/checkpoint-STEP, then remove older ones."""
    temporary, final = out / ".checkpoint.tmp", out / f"checkpoint-{step:07d}"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    weights = {name: p.detach().cpu().contiguous() for name, p in _learning(network).items()}
    save_file(weights, temporary / "weights.safetensors")
    save_file({name: t.cpu().contiguous() for name, t in average.shadow.items()}, temporary / "average.safetensors")
    save_file(_optimizer_tensors(optimizer), temporary / "optimizer.safetensors")
    write_json(temporary / "state.json", {"step": step})
    shutil.rmtree(final, ignore_errors=True)
    os.replace(temporary, final)
    for old in sorted(out.glob("checkpoint-*"))[:-1]:
        shutil.rmtree(old)


def latest(out: Path) -> Path | None:
    """The newest checkpoint folder, or None."""
    found = sorted(out.glob("checkpoint-*"))
    return found[-1] if found else None


def restore(folder: Path, network: nn.Module, average: Average, optimizer: Any) -> int:
    """Load a checkpoint into all three; returns its step. Raises InputError where it belongs to another network."""
    weights, learning = load_file(folder / "weights.safetensors"), _learning(network)
    if {n: t.shape for n, t in weights.items()} != {n: p.shape for n, p in learning.items()}:
        raise InputError(f"{folder}: the checkpoint is of another network; give --out a new folder or the same preset")
    with torch.no_grad():
        for name, p in learning.items():
            p.copy_(weights[name])
        for name, value in load_file(folder / "average.safetensors").items():
            average.shadow[name].copy_(value)
    _restore_optimizer(optimizer, load_file(folder / "optimizer.safetensors"))
    return json.loads((folder / "state.json").read_text())["step"]


def _learning(network: nn.Module) -> dict[str, nn.Parameter]:
    return {name: p for name, p in network.named_parameters() if p.requires_grad}


def _optimizer_tensors(optimizer: Any) -> dict[str, Tensor]:
    state = optimizer.state_dict()["state"]
    return {f"{index}.{name}": value.detach().cpu() for index, slots in state.items() for name, value in slots.items()}


def _restore_optimizer(optimizer: Any, tensors: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
