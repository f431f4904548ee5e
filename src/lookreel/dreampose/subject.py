"""A subject: what tuning to a person and a garment has changed (section 4.3), on top of the model it was tuned from.

    SUBJECT/subject.json       the base's name and hash, what changed, and how it was tuned
    SUBJECT/model_index.json   so that `lookreel.load` knows it
    SUBJECT/unet.safetensors, adapter.safetensors, vae.safetensors, as far as they changed

A tensor `NAME.add` is added to the base's NAME; a pair `NAME.up` (m, r) and `NAME.down` (r, n) is a change of low rank:
the base's NAME, seen as a matrix (m, n), gains up @ down. Differences keep their precision in half precision, which a
small change of a large weight would lose.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lookreel.errors import InputError
from lookreel.model_folder import is_bundled
from lookreel.nets.weights import write_json

SUBJECT = "subject.json"
COMPONENTS = ("unet", "adapter", "vae")
ADD, UP, DOWN = ".add", ".up", ".down"
Changes = Mapping[str, Mapping[str, Tensor]]


@dataclass(frozen=True)
class Base:
    """The model that a subject was tuned from. name: bundled, a hub id or a folder's path. sha256: of its weights."""

    name: str
    sha256: str


@dataclass(frozen=True)
class Subject:
    """changes: component -> tensors, as above. record: how it was tuned; JSON values."""

    base: Base
    changes: Changes
    record: dict[str, Any] = field(default_factory=dict)


def is_subject(folder: Path) -> bool:
    return (folder / SUBJECT).is_file()


def save_subject(
    folder: Path, base: Base, changes: Changes, record: dict[str, Any], dtype: torch.dtype = torch.float16
) -> None:
    """Write the folder, whole or not at all; an earlier subject is replaced. The path of a base is kept absolute.

    Raises InputError where a tensor is too large for `dtype` or not finite, and where the folder holds anything else or
    cannot be written.
    """
    from safetensors.torch import save_file

    if folder.exists() and not is_subject(folder) and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: exists already and is no subject; name another folder")
    own_folder = Path(base.name).is_dir() and not is_bundled(base.name)
    name = str(Path(base.name).resolve()) if own_folder else base.name
    described = {"base": {"name": name, "sha256": base.sha256}, "changed": {}, **record}
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir(parents=True)
        for component, tensors in _known(changes).items():
            stored = {key: _stored(key, tensor, dtype) for key, tensor in tensors.items()}
            described["changed"][component] = len(stored)
            save_file(stored, temporary / f"{component}.safetensors", metadata={"format": "pt"})
        write_json(temporary / SUBJECT, described)
        write_json(temporary / "model_index.json", {"_class_name": "DreamPoseSystem", "subject": SUBJECT})
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    except OSError as error:
        raise InputError(f"{folder}: could not be written ({error.strerror or error})") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def differences(before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What must be added to `before` to have `after`, for the tensors that changed; both are state dicts alike."""
    changed = {name: after[name].detach().float().cpu() - before[name].detach().float().cpu() for name in after}
    return {name + ADD: tensor for name, tensor in changed.items() if tensor.any()}


def read_subject(folder: Path) -> Subject:
    """What `save_subject` wrote. Raises InputError where it is not whole."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        raw = json.loads((folder / SUBJECT).read_text())
        base, changed = Base(raw["base"]["name"], raw["base"]["sha256"]), raw["changed"]
        files = {component: folder / f"{component}.safetensors" for component in changed}
        changes = {component: load_file(file) for component, file in files.items()}
        record = {key: value for key, value in raw.items() if key not in ("base", "changed")}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise InputError(f"{folder}: not a whole subject folder ({error})") from error
    return Subject(base, _known(changes), record)


@torch.no_grad()
def apply(module: nn.Module, tensors: Mapping[str, Tensor], where: Path) -> None:
    """Add a component's changes to the base's weights, in place.

    Raises InputError, which names the file `where`, for a change that does not fit the network.
    """
    state = module.state_dict()
    for name in {key.rpartition(".")[0] for key in tensors}:
        if name not in state:
            raise InputError(f"{where}: a change of {name}, which the base does not have")
        weight, change = state[name], _change(name, tensors, where)
        matrix = change.numel() == weight.numel() and change.shape[:1] == weight.shape[:1]
        if change.shape != weight.shape and not (matrix and name + UP in tensors):
            raise InputError(f"{where}: a change of {tuple(change.shape)} for {name} of {tuple(weight.shape)}")
        weight += change.reshape(weight.shape).to(weight)


def _change(name: str, tensors: Mapping[str, Tensor], where: Path) -> Tensor:
    """What is added to one weight."""
    kinds = _kinds(name, tensors)
    if kinds == {ADD}:
        return tensors[name + ADD].float()
    if kinds != {UP, DOWN}:
        raise InputError(f"{where}: {name} with {', '.join(sorted(kinds))}; expected {ADD}, or {UP} and {DOWN}")
    up, down = tensors[name + UP].float(), tensors[name + DOWN].float()
    if up.ndim != 2 or down.ndim != 2 or up.shape[1] != down.shape[0]:
        raise InputError(f"{where}: {name} with up {tuple(up.shape)} and down {tuple(down.shape)}, which do not meet")
    return up @ down


def _kinds(name: str, tensors: Mapping[str, Tensor]) -> set[str]:
    """The endings under which a weight's changes are there."""
    return {key[len(name) :] for key in tensors if key.rpartition(".")[0] == name}


def _known(changes: Changes) -> Changes:
    unknown = [component for component in changes if component not in COMPONENTS]
    if unknown:
        raise InputError(f"subject: changes of {', '.join(unknown)}; expected {', '.join(COMPONENTS)}")
    return {component: tensors for component, tensors in changes.items() if tensors}


def _stored(key: str, tensor: Tensor, dtype: torch.dtype) -> Tensor:
    stored = tensor.detach().cpu().to(dtype).contiguous()
    if not torch.isfinite(stored).all():
        raise InputError(f"subject: {key} holds values that are not finite in {str(dtype).removeprefix('torch.')}")
    return stored
