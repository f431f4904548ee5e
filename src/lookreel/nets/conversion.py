"""From published checkpoints to a folder of ours: everything is checked first, then written whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lookreel.errors import InputError
from lookreel.nets.naming import Fit, Naming, Shapes, fit
from lookreel.nets.published import looks_like
from lookreel.nets.weights import TENSORS, write_json, write_tensors

RECORD = "conversion.json"
OnPart = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Part:
    """A component of the model to write, as it stands in a published file.

    folder: its folder in the model. wanted: names and shapes of our network. config: its config.json.
    made: tensors that no file holds. weights: the name of the file to write.
    """

    folder: str
    file: Path
    tensors: dict[str, Tensor]
    naming: Naming
    wanted: Shapes
    config: dict[str, Any]
    made: dict[str, Tensor] = field(default_factory=dict)
    weights: str = TENSORS

    @cached_property
    def fit(self) -> Fit:
        wanted = {name: shape for name, shape in self.wanted.items() if name not in self.made}
        return fit({name: tuple(t.shape) for name, t in self.tensors.items()}, wanted, self.naming)

    def converted(self, dtype: torch.dtype | None) -> dict[str, Tensor]:
        """Our name -> tensor, of the file's type or `dtype`. Raises InputError where a value is not finite."""
        named = {ours: self.tensors[name] for name, ours in self.fit.used.items()} | self.made
        tensors = {name: t.to(dtype or t.dtype) for name, t in named.items()}
        for name, t in tensors.items():
            if not torch.isfinite(t).all():
                raise InputError(f"{self.file}: {name} holds values that are not finite; the file is damaged")
        return tensors


def shapes_of(network: nn.Module) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a network's tensors; the network may lie on the meta device."""
    return {name: tuple(t.shape) for name, t in network.state_dict().items()}


def check(parts: Sequence[Part]) -> None:
    """Raise one InputError that says what is wrong in each file, if anything is."""
    faults = []
    for part in parts:
        if part.fit.faults:
            seems = looks_like(part.tensors)
            faults.append(f"{part.file}: {part.fit.faults}" + (f"; it looks like {seems}" if seems else ""))
    if faults:
        raise InputError("; ".join(faults))


def write(
    parts: Sequence[Part], folder: Path, dtype: torch.dtype | None, on_part: OnPart | None = None
) -> dict[str, Any]:
    """Write every part into `folder`, and the record of what came from where; returns the record.

    dtype: of the written tensors; None keeps each file's own. on_part(done, of, folder) follows each part.
    """
    record = {}
    for done, part in enumerate(parts, start=1):
        write_tensors(folder / part.folder, part.config, part.converted(dtype), part.weights)
        record[part.folder] = _told(part)
        if on_part:
            on_part(done, len(parts), part.folder)
    write_json(folder / RECORD, {"components": record})
    return record


def _told(part: Part) -> dict[str, Any]:
    """Where a part's tensors came from, name by name."""
    with part.file.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "file": str(part.file),
        "sha256": digest,
        "tensors": len(part.wanted),
        "used": part.fit.used,
        "ignored": part.fit.ignored,
        "missing": part.fit.missing,
        "unexpected": part.fit.unexpected,
        "made": sorted(part.made),
    }


@contextmanager
def whole_folder(out: Path, force: bool, inputs: Sequence[Path]) -> Iterator[Path]:
    """A temporary folder beside `out`, renamed to it at the end, or removed where something failed.

    Raises InputError where `out` exists and is no earlier conversion, or is one and `force` is not set, or where an
    input lies in it, and where the disk is full.
    """
    check_out(out, force, inputs)
    temporary = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        temporary.mkdir()
        yield temporary
        if out.exists():
            shutil.rmtree(out)
        temporary.rename(out)
    except OSError as error:
        raise InputError(f"{out}: could not be written ({error.strerror or error})") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_out(out: Path, force: bool, inputs: Sequence[Path]) -> None:
    """What `whole_folder` raises before it writes; to be asked before large files are read."""
    if not out.parent.is_dir():
        raise InputError(f"{out}: the folder {out.parent} does not exist; make it first")
    for path in inputs:
        if out.resolve() in (path.resolve(), *path.resolve().parents):
            raise InputError(f"{out}: {path} lies in it and is read; name another folder for the model")
    if out.exists() and not (out / RECORD).is_file():
        raise InputError(f"{out}: exists already and is no earlier conversion; name another folder for the model")
    if out.exists() and not force:
        raise InputError(f"{out}: exists already; --force overwrites it")
