"""DreamPose's phase 1 as a task for the trainer: pairs of frames of the same clip."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn

from lookreel.data import mannequin
from lookreel.data.source import Source
from lookreel.dreampose import batches
from lookreel.dreampose.cache import PairCache
from lookreel.dreampose.conditions import null_photo
from lookreel.dreampose.model import Batch, PictureStage
from lookreel.dreampose.presets import Recipe
from lookreel.dreampose.system import DreamPoseSystem
from lookreel.metrics.picture import psnr
from lookreel.poses.densepose import of_body
from lookreel.training.task import Settings

HELD_OUT = range(mannequin.VALIDATION.start, mannequin.VALIDATION.start + 6)
SHOWN = 3  # figures of the sample sheet
FRAMES = 8  # of each


class PairTask:
    """The U-Net and the adapter on random pairs of frames (section 4.3, first phase)."""

    def __init__(self, system: DreamPoseSystem, source: Source, recipe: Recipe, settings: Settings) -> None:
        self.system, self.source, self.recipe, self.settings = system, source, recipe, settings
        self.name = "pairs"

    @cached_property
    def network(self) -> PictureStage:
        return PictureStage(self.system.model)

    def prepare(self, out: Path, process: int, processes: int) -> None:
        """Encode the source's clips into `out`/../latents."""
        self.system.model.unet.set_checkpointing(self.settings.checkpointing)
        self.system.to(next(self.network.parameters()).device)
        self.null = null_photo(self.system.encoders, self.system.config).to(torch.device("cpu"))
        self.cache = PairCache(out.parent / "latents", self.source)
        self.cache.fill(self.system.encoders, self.system.config, process, processes)

    def batch(self, step: int, samples: range, device: torch.device) -> Batch:
        recipe, poses = self.recipe, self.system.config.poses
        made = batches.pairs(
            self.cache, poses, self.null, self.settings.seed, step, samples, recipe.drop, recipe.noise_power
        )
        return batches.to(made, device)

    def probe(self, network: nn.Module) -> dict[str, float]:
        """PSNR of turns that no training sees, made of their front photo; only at the mannequin's small sizes."""
        if min(self.system.size) > 256:
            return {}
        found = [_turn(self.system, seed) for seed in HELD_OUT]
        values = [psnr(_pictures(made), _pictures(true)).mean() for made, true in found]
        return {"psnr": float(sum(values) / len(values))}

    def picture(self, network: nn.Module) -> Tensor | None:
        """Held-out figures: photo and film above the truth."""
        return None if min(self.system.size) > 256 else sheet(self.system, HELD_OUT[:SHOWN])

    def save(self, folder: Path) -> None:
        self.system.save_pretrained(folder, torch.float16)


def sheet(system: DreamPoseSystem, seeds: range) -> Tensor:
    """For each figure two rows, made above true: its photo, then a turn. uint8 (3, H, W)."""
    rows = []
    for seed in seeds:
        made, true = _turn(system, seed)
        photo = mannequin.frames_at(seed, [0.0], system.size).frames
        rows += [torch.cat([photo, made]), torch.cat([photo, true])]
    return torch.stack(rows).permute(2, 0, 3, 1, 4).flatten(3, 4).flatten(1, 2)


def _turn(system: DreamPoseSystem, seed: int) -> tuple[Tensor, Tensor]:
    """A turn made of the figure's front photo, and the true one: uint8 (F, 3, H, W)."""
    photo = mannequin.frames_at(seed, [0.0], system.size).frames[0].permute(1, 2, 0).numpy()
    true = mannequin.clip(seed, "turn", FRAMES, system.size)
    return system.animate(photo, of_body(true.track), seed=seed).frames, true.frames


def _pictures(frames: Tensor):
    return frames.permute(0, 2, 3, 1).contiguous().numpy()
