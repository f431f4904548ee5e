"""What every paper's system offers: photos and a motion in, a film out."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from lookreel.errors import InputError
from lookreel.film import Film
from lookreel.photos import Photo, Picture
from lookreel.poses.track import Track
from lookreel.running.memory import Footprint
from lookreel.running.plan import Plan

OnStep = Callable[[int, int, Callable[[], Tensor]], None]
Photos = Sequence[Photo | Picture] | Photo | Picture


class System(ABC):
    """A paper's method, ready to use. `lookreel.load` returns one."""

    name: str
    """The name or folder it was loaded by."""
    sha256: str
    """Hash of its weights."""
    takes_motion: bool = True
    """Whether it needs a motion; the others refuse one."""
    interpolates: bool = False
    """Whether its `animate` can double the frames (interpolate=2)."""
    presets: ClassVar[tuple[str, ...]] = ("exact",)
    """The presets that its `animate` knows: see `diffusion/pace.py`."""
    scales: ClassVar[tuple[str, ...]] = ("guidance",)
    """What its `animate` calls the strength of its guidance."""
    samplers: ClassVar[tuple[str, ...]] = ()
    """The samplers that its `animate` takes by name; none where it has its own only."""
    most_photos: ClassVar[int | None] = None
    """How many photos its `animate` takes; None is any number."""

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
        preset: str = "exact",
        on_step: OnStep | None = None,
    ) -> Film:
        """Make a film.

        photos: one or several of a path, a PIL picture, an (H, W, 3) uint8 array, or a `Photo`.
        motion: a bundled name, a path, or a `Track`.
        seed: equal seeds give equal films. steps, guidance: None takes the model's own.
        frames: the first so many frames of the motion; None takes all.
        preset: "exact", or one of the faster ones of `diffusion/pace.py`, which make a similar film.
        on_step(done, total, preview): called after each sampler step; preview() is a small rough film,
            uint8 (F, 3, h, w).
        Raises InputError where an input is wrong.
        """

    def plan_for(
        self,
        memory: int,
        device: torch.device,
        frames: int,
        photos: int,
        *,
        precision: torch.dtype | None = None,
        preset: str = "exact",
    ) -> tuple[Plan, Footprint]:
        """How to make a film of so many frames from so many photos in `memory` bytes of `device`; `run_by` follows it.

        precision: None leaves it to the device. Raises InputError where no plan fits, or this model has none.
        """
        raise InputError(f"--memory: {self.name} has no plans; FashionFlow runs in float32 only")

    def run_by(self, plan: Plan, device: torch.device) -> System:
        """Run from now on by `plan` on `device`."""
        raise InputError(f"--precision, --compile: {self.name} runs in float32 on one device only; expected neither")

    def with_references(self, how: str) -> System:
        """This model, reading several photos in the way `how`: only for Animate Anyone, whose weights know one photo.

        Raises InputError for every other model: it has its own way.
        """
        raise InputError(f"references: found {how!r}; {self.name} reads photos in its own way only")

    def with_mirror_sides(self, mirror_sides: bool) -> System:
        """This model, reading mirror images of side photos or not: only for ProFashion.

        Raises InputError for every other model.
        """
        raise InputError(f"--mirror, --no-mirror: {self.name} reads no mirror images; expected neither")

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
