"""Clips for FashionFlow: figures that begin as a photo shows them, and folders of plain videos. No poses are needed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from lookreel.data import mannequin
from lookreel.errors import InputError
from lookreel.photos import fit_frames

MOTIONS = {"turn": 0.4, "half-turn": 0.15, "sway": 0.2, "walk": 0.25}  # share of the clips
HELD_OUT = 8  # clips on which a training is probed


class Films(Protocol):
    """Numbered clips of equal length and size."""

    def __len__(self) -> int: ...

    def describe(self) -> str:
        """What decides the content of its clips."""
        ...

    def frames(self, number: int) -> Tensor:
        """Frames uint8 (F, 3, H, W)."""
        ...

    def held_out(self) -> Films | None:
        """Clips like these that no training sees, or None where there are none."""
        ...


@dataclass(frozen=True)
class Mannequins:
    """Clips of the mannequin world: turns to either side, half turns, swaying and steps.

    Three in four begin facing the camera, as photos of an outfit mostly do; of the others a later part is shown.
    size: (H, W). first, count: the garments' seeds. length, fps: of a clip.
    """

    size: tuple[int, int]
    length: int
    fps: float
    count: int = 600
    first: int = 0

    def __len__(self) -> int:
        return self.count

    def describe(self) -> str:
        return f"mannequins facing the camera from seed {self.first}, {self.length} frames, {self.fps} fps, {self.size}"

    def frames(self, number: int) -> Tensor:
        seed = self.first + number
        rng = np.random.default_rng([seed, 2])
        motion = str(rng.choice(list(MOTIONS), p=list(MOTIONS.values())))
        whole = self.length * int(rng.choice([1, 2]))  # a whole turn in one clip, or in two
        start = int(rng.integers(whole - self.length + 1)) if rng.random() < 0.25 else 0
        return mannequin.clip(seed, motion, whole, self.size, self.fps).frames[start : start + self.length]

    def held_out(self) -> Mannequins:
        return replace(self, first=mannequin.VALIDATION.start, count=HELD_OUT)


class Videos:
    """A dataset folder's videos: manifest.jsonl with `path` and, optionally, `split` a line; poses are not read.

    Of each video one window of `length` frames is used, drawn by its number; every `stride`-th frame is taken. Frames
    are resized by the short side and centre-cropped. Raises InputError where the manifest or a video is not as
    expected.
    """

    def __init__(self, folder: Path, size: tuple[int, int], length: int, stride: int = 1, split: str = "train") -> None:
        manifest = folder / "manifest.jsonl"
        if not manifest.is_file():
            raise InputError(f"{manifest}: no such file; expected a dataset folder, or the word mannequin")
        lines = _lines(manifest)
        self.folder, self.size, self.length, self.stride = folder, size, length, stride
        self.paths = [line["path"] for line in lines if line.get("split", "train") == split]
        if not self.paths:
            raise InputError(f"{manifest}: no clip of split {split!r} among {len(lines)} lines")

    def __len__(self) -> int:
        return len(self.paths)

    def describe(self) -> str:
        digest = hashlib.sha256(json.dumps(self.paths).encode()).hexdigest()
        return f"videos {digest}, {self.length} frames, every {self.stride}th, {self.size}"

    def frames(self, number: int) -> Tensor:
        from lookreel.video import read_video

        path = self.folder / self.paths[number]
        frames, _ = read_video(path)
        frames = frames[:: self.stride]
        if len(frames) < self.length:
            raise InputError(f"{path}: {len(frames)} frames of every {self.stride}th; expected at least {self.length}")
        start = int(np.random.default_rng([number, 2]).integers(len(frames) - self.length + 1))
        return torch.as_tensor(fit_frames(frames[start : start + self.length], self.size))

    def held_out(self) -> Videos | None:
        """The first videos of the split `test`."""
        lines = _lines(self.folder / "manifest.jsonl")
        if not any(line.get("split") == "test" for line in lines):
            return None
        found = Videos(self.folder, self.size, self.length, self.stride, "test")
        found.paths = found.paths[:HELD_OUT]
        return found


def _lines(manifest: Path) -> list[dict]:
    return [_line(manifest, i, text) for i, text in enumerate(manifest.read_text().splitlines(), start=1)]


def _line(manifest: Path, number: int, text: str) -> dict:
    try:
        line = json.loads(text)
    except ValueError as error:
        raise InputError(f"{manifest}, line {number}: not JSON ({error})") from error
    if not isinstance(line, dict) or not isinstance(line.get("path"), str):
        raise InputError(f"{manifest}, line {number}: expected an object with path")
    return line


def films(data: str, size: tuple[int, int], length: int, fps: float, mannequins: int) -> Films:
    """The clips that `--data` names: the word "mannequin", or a dataset folder."""
    if data == "mannequin":
        return Mannequins(size, length, fps, mannequins)
    return Videos(Path(data), size, length)
