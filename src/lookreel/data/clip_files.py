"""What training reads of clips, computed once: a safetensors file for each, in a folder that knows whose they are."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor

from lookreel.errors import InputError
from lookreel.nets.weights import write_json
from lookreel.progress import Progress


class ClipFiles:
    """The tensors of `count` clips, by name, in files of their own."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder, self.count = folder, count

    def __len__(self) -> int:
        return self.count

    def read(self, number: int) -> dict[str, Tensor]:
        return load_file(self._path(number))

    def make(
        self,
        whose: Mapping[str, Any],
        encode: Callable[[int], Mapping[str, Tensor]],
        process: int = 0,
        processes: int = 1,
    ) -> None:
        """Write the clips that are not there yet; each process takes every `processes`-th.

        whose: JSON values that say of what data and by what encoders. encode: number -> tensors, on any device.
        Raises InputError where the folder holds clips of others.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if process == 0:
            self._claim(whose)
        absent = [i for i in range(process, len(self), processes) if not self._path(i).exists()]
        if not absent:
            return
        with Progress("latents", len(absent)) as bar:
            for done, number in enumerate(absent, start=1):
                self._write(number, encode(number))
                bar(done, "")

    def _claim(self, whose: Mapping[str, Any]) -> None:
        """Note whose clips these are, or find that they are another's."""
        path = self.folder / "source.json"
        if path.is_file() and json.loads(path.read_text()) != whose:
            raise InputError(f"{path}: latents of other data, encoders or flow; expected a new --out for this training")
        write_json(path, dict(whose))

    def _write(self, number: int, tensors: Mapping[str, Tensor]) -> None:
        temporary = self._path(number).with_suffix(f".{os.getpid()}.tmp")
        save_file({name: t.cpu().contiguous() for name, t in tensors.items()}, temporary)
        os.replace(temporary, self._path(number))

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:06d}.safetensors"
