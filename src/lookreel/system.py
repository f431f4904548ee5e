"""What every paper's system offers: photos and a motion in, a film out."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lookreel.film import Film
from lookreel.photos import Photo, Picture
from lookreel.poses.track import Track

OnStep = Callable[[int, int, Callable[[], Tensor]], None]
Photos = Sequence[Photo | Picture] | Photo | Picture


class System(ABC):
    """A paper's method, ready to use. `lookreel.load` returns one."""

    name: str
    """The name or folder it was loaded by."""
    sha256: str
    """Hash of its weights."""

    @property
    @abstractmethod
    def size(self) -> tuple[int, int]:
        """(H, W) of its films."""

    @abstractmethod
    def animate(
        self,
        photos: Photos,
        motion: str | os.PathLike | Track | None = None,
        *,
        seed: int = 0,
        steps: int | None = None,
        guidance: float | None = None,
        frames: int | None = None,
        on_step: OnStep | None = None,
    ) -> Film:
        """Make a film.

        photos: one or several of a path, a PIL picture, an (H, W, 3) uint8 array, or a `Photo`.
        motion: a bundled name, a path, or a `Track`.
        seed: equal seeds give equal films. steps, guidance: None takes the model's own.
        frames: the first so many frames of the motion; None takes all.
        on_step(done, total, preview): called after each sampler step; preview() is a small rough film,
            uint8 (F, 3, h, w).
        Raises InputError where an input is wrong.
        """

    @abstractmethod
    def loss(self, batch: Any) -> dict[str, Tensor]:
        """The paper's training losses of one batch; "loss" is what is optimised."""

    @abstractmethod
    def save_pretrained(self, folder: str | os.PathLike, dtype: torch.dtype = torch.float32) -> None:
        """Write model_index.json and one folder for each component, safetensors only."""

    @classmethod
    @abstractmethod
    def from_pretrained(cls, folder: Path, device: torch.device) -> System:
        """Load what `save_pretrained` wrote."""
