"""ProFashion as a user meets it: several photos and driving poses in, a film out (Fig. 2)."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from lookreel.photos import OpenedPhoto
from lookreel.poses.draw import draw
from lookreel.poses.motions import Motion
from lookreel.profashion import folder as model_folder
from lookreel.profashion.config import ProFashionConfig
from lookreel.profashion.model import Batch, ClipStage, PictureStage, ProFashion
from lookreel.reference.conditions import POSES_FOR_A_PICTURE, unit
from lookreel.reference.other_side import other_side
from lookreel.reference.system import ReferenceSystem


@dataclass
class ProFashionSystem(ReferenceSystem):
    """The frozen encoders and the trained networks. Several photos need their poses; one photo needs none."""

    model: ProFashion
    name: str = "profashion"

    @property
    def config(self) -> ProFashionConfig:
        return self.model.config

    def weights(self, references: list[OpenedPhoto], driving: Motion, poses: Tensor) -> Tensor:
        """m of Eq. 5-7, (1, F, R, h, w) for PPA; one photo weighs 1 everywhere."""
        model, device = self.model, self.device
        pictures = torch.cat([_drawn_pose(photo, self.size) for photo in references])
        x_rp = model.pose_features(unit(pictures, device))[None]
        parts = poses.split(POSES_FOR_A_PICTURE * self.plan.pictures_at_once)
        m = [model.aggregator.weights(model.pose_features(unit(part, device))[None], x_rp) for part in parts]
        return torch.cat(m, dim=1)

    def mirrors(self, references: list[OpenedPhoto]) -> dict[int, OpenedPhoto]:
        return other_side(references) if self.config.mirror_sides else {}

    def with_mirror_sides(self, mirror_sides: bool) -> ProFashionSystem:
        """The same model, reading mirror images of side photos or not."""
        self.model.config = replace(self.config, mirror_sides=mirror_sides)
        return self

    def photos_read(self, photos: int) -> int:
        """Of several photos one may be read in a mirror too."""
        return photos + (self.config.mirror_sides and photos > 1)

    def encoders(self) -> list[nn.Module]:
        model = self.model
        return [model.reference_encoder, model.pose_guider, model.pose_features, model.aggregator]

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """Stage 1's loss for single pictures, stage 2's where the batch carries a flow (Eq. 13).

        As in training, the parameters that the stage teaches are set to learn, and only they.
        """
        stage = PictureStage(self.model) if batch.delta is None else ClipStage(self.model)
        return stage(batch)

    def save_pretrained(self, folder: str | os.PathLike, dtype: torch.dtype = torch.float32) -> None:
        model_folder.save(self, Path(folder), dtype)

    @classmethod
    def from_pretrained(cls, folder: Path, device: torch.device) -> ProFashionSystem:
        made = cls(*model_folder.load(folder), name=str(folder))
        made.to(device)
        return made


def _drawn_pose(photo: OpenedPhoto, size: tuple[int, int]) -> Tensor:
    """The photo's pose as a picture, uint8 (1, 3, H, W); black where none is known: only a single photo's may be."""
    if photo.keypoints is None:
        return torch.zeros(1, 3, *size, dtype=torch.uint8)
    return torch.from_numpy(draw(photo.keypoints[None], size))
