"""Components on disk in diffusers' layout: config.json and one safetensors file in a folder. No pickles."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from lookreel.errors import InputError

TENSORS = "diffusion_pytorch_model.safetensors"
NAMES = (TENSORS, "model.safetensors", "diffusion_pytorch_model.fp16.safetensors", "model.fp16.safetensors")
Model = TypeVar("Model", bound=nn.Module)


def read_config(folder: str | os.PathLike) -> dict[str, Any]:
    """The folder's config.json as a dict. Raises InputError where it is missing or no JSON object."""
    path = Path(folder) / "config.json"
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a model component in diffusers' layout")
    try:
        config = json.loads(path.read_text())
    except (ValueError, OSError) as error:
        raise InputError(f"{path}: not readable as JSON ({error})") from error
    if not isinstance(config, dict):
        raise InputError(f"{path}: found a JSON {type(config).__name__}; expected an object")
    return config


def tensor_file(folder: str | os.PathLike) -> Path:
    """The component's safetensors file. Raises InputError where there is none, also where only a pickle is."""
    folder = Path(folder)
    for name in NAMES:
        if (folder / name).is_file():
            return folder / name
    pickles = sorted(p.name for p in folder.glob("*") if p.suffix in (".bin", ".pth", ".pt", ".ckpt"))
    if pickles:
        raise InputError(f"{folder / pickles[0]}: found a pickle only; expected {NAMES[0]} (tensors, no code)")
    raise InputError(f"{folder}: no weights found; expected {NAMES[0]}")


@contextmanager
def readable(folder: str | os.PathLike) -> Iterator[None]:
    """Around a library that reads the component in `folder`: whatever it raises becomes an InputError in one line."""
    read_config(folder)
    try:
        yield
    except Exception as error:  # diffusers and transformers raise many kinds; each means a component that is not whole
        raise InputError(f"{folder}: not a whole component ({' '.join(str(error).split())[:200]})") from error


def check_loaded(folder: str | os.PathLike, told: Mapping[str, Any]) -> None:
    """InputError where a library's loading info tells of tensors that were not there: it would leave them random."""
    missing = sorted(told["missing_keys"])
    if missing:
        raise InputError(f"{tensor_file(folder)}: {len(missing)} tensors missing, the first is {missing[0]}")


def read_tensors(model: Model, folder: str | os.PathLike, dtype: torch.dtype) -> Model:
    """Load the folder's tensors into the model, strictly, and return it in eval mode at dtype.

    A model on the meta device takes the tensors as the file has them, without a second copy in memory.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = tensor_file(folder)
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path}: not a readable safetensors file ({error})") from error
    wanted = {name: t.shape for name, t in model.state_dict().items()}
    wrong = [name for name in wanted.keys() & tensors.keys() if wanted[name] != tensors[name].shape]
    faults = {
        "missing": sorted(wanted.keys() - tensors.keys()),
        "unexpected": sorted(tensors.keys() - wanted.keys()),
        "of another shape": sorted(wrong),
    }
    for fault, names in faults.items():
        if names:
            raise InputError(f"{path}: {len(names)} tensors {fault}, the first is {names[0]}")
    on_meta = any(t.is_meta for t in model.state_dict().values())
    model.load_state_dict(tensors, strict=True, assign=on_meta)
    return model.to(dtype).eval()


def write_component(folder: str | os.PathLike, config: dict[str, Any], model: nn.Module, dtype: torch.dtype) -> None:
    """Write config.json and the model's tensors; each file appears whole or not at all."""
    tensors = {
        name: t.detach().to("cpu", dtype if t.is_floating_point() else t.dtype)
        for name, t in model.state_dict().items()
    }
    write_tensors(folder, config, tensors)


def write_tensors(
    folder: str | os.PathLike, config: dict[str, Any], tensors: Mapping[str, Tensor], name: str = TENSORS
) -> None:
    """Write config.json and the tensors as they are, in the file `name`; each file appears whole or not at all."""
    from safetensors.torch import save_file

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "config.json", config)
    temporary = folder / f".{name}.tmp"
    # transformers reads no safetensors file that does not say which library it is of
    save_file({key: t.contiguous() for key, t in tensors.items()}, temporary, metadata={"format": "pt"})
    os.replace(temporary, folder / name)


def write_json(path: Path, value: Any) -> None:
    """Write JSON to a temporary name, then rename."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(json.dumps(value, indent=2) + "\n")
    os.replace(temporary, path)
