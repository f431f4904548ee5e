"""Animate Anyone as a user meets it: one photo as published, or several read in one of four ways."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lookreel.animate_anyone import folder as model_folder
from lookreel.animate_anyone.config import REFERENCES, AnimateAnyoneConfig
from lookreel.animate_anyone.losses import Batch, loss
from lookreel.animate_anyone.model import AnimateAnyone
from lookreel.animate_anyone.references import references
from lookreel.diffusion.windows import windows, wrapped
from lookreel.errors import InputError
from lookreel.photos import OpenedPhoto, as_photos, fit_keypoints, open_photo
from lookreel.poses.motions import Motion
from lookreel.reference.system import ReferenceSystem
from lookreel.system import Photos


@dataclass
class AnimateAnyoneSystem(ReferenceSystem):
    """The frozen encoders and the networks of the open checkpoint.

    Guidance's unconditional half reads no photo and a zero embedding and keeps the pose, as published; the photo is
    encoded by the VAE's mean, at the reference net's timestep 0, once for each film.
    """

    model: AnimateAnyone
    name: str = "animate-anyone"

    @property
    def config(self) -> AnimateAnyoneConfig:
        return self.model.config

    def with_references(self, how: str) -> AnimateAnyoneSystem:
        """The same model, reading several photos by `select`, `mean`, `concat` or `first`."""
        if how not in REFERENCES:
            raise InputError(f"references: found {how!r}; expected one of {', '.join(REFERENCES)}")
        self.model.config = replace(self.config, references=how)
        self.model.references = references(self.model.config)
        return self

    def open(self, photos: Photos) -> list[OpenedPhoto]:
        """The photos at the model's size; where photos are selected by pose, several need theirs."""
        if self.model.references.needs_poses:
            return super().open(photos)
        return [open_photo(photo, self.size) for photo in as_photos(photos)]

    def weights(self, opened: list[OpenedPhoto], driving: Motion, poses: Tensor) -> Tensor:
        """m (1, F, R, h, w) from keypoints. One photo weighs 1 whatever its pose."""
        h, w = self.config.latent_size
        coarse = self.config.select.coarse
        frames = fit_keypoints(driving.track.keypoints, driving.track.size, self.size)
        unknown = np.zeros((18, 3), np.float32)
        photos = np.stack([unknown if photo.keypoints is None else photo.keypoints for photo in opened])
        grid = max(1, h // coarse), max(1, w // coarse)
        return self.model.references.weights(frames, photos, self.size, grid)

    def encoders(self) -> list[nn.Module]:
        return [self.model.reference_encoder, self.model.pose_guider]

    def spans(self, frames: int) -> list[range]:
        made = wrapped if self.config.wrapped else windows
        return made(frames, self.config.window, self.config.overlap)

    def facts(self) -> dict[str, Any]:
        return {"references": self.config.references, "beta_schedule": self.config.beta_schedule}

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """Stage 1's loss, stage 2's where the batch holds clips."""
        return loss(self.model, batch)

    def save_pretrained(self, folder: str | os.PathLike, dtype: torch.dtype = torch.float32) -> None:
        model_folder.save(self, Path(folder), dtype)

    @classmethod
    def from_pretrained(cls, folder: Path, device: torch.device) -> AnimateAnyoneSystem:
        made = cls(*model_folder.load(folder), name=str(folder))
        made.to(device)
        return made
