"""ProFashion's two training stages as tasks for the trainer (section 3.6)."""

from __future__ import annotations

from dataclasses import asdict
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn

from lookreel.data import mannequin
from lookreel.data.latents import LatentCache
from lookreel.data.source import Source
from lookreel.photos import Photo
from lookreel.profashion import batches
from lookreel.profashion.aggregators import PPA
from lookreel.profashion.batches import Sampling
from lookreel.profashion.model import Batch, ClipStage, PictureStage
from lookreel.profashion.probes import gain, selection
from lookreel.profashion.system import ProFashionSystem
from lookreel.training.task import Settings

PROBE_SEEDS = range(mannequin.VALIDATION.start, mannequin.VALIDATION.start + 24)


class _Stage:
    """What both stages share: the frozen encoders' cache, the probes, the sample film, saving.

    surface: whether the cache, which the stages share, holds the flow of the body's surface.
    """

    name: str
    network: nn.Module

    def __init__(
        self, system: ProFashionSystem, source: Source, sampling: Sampling, settings: Settings, surface: bool = False
    ) -> None:
        self.system, self.source, self.sampling, self.settings = system, source, sampling, settings
        self.surface = surface
        self.model = system.model
        self.model.reference_encoder.unet.set_checkpointing(settings.checkpointing)
        self.model.denoiser.unet.set_checkpointing(settings.checkpointing)
        self.model.denoiser.motion.checkpointing = settings.checkpointing

    def prepare(self, out: Path, process: int, processes: int) -> None:
        """Encode the source's clips into `out`/../latents, which both stages read."""
        device = next(self.model.parameters()).device
        self.system.to(device)
        self.cache = LatentCache(out.parent / "latents", self.source, self.surface)
        self.cache.fill(self.system.codec, self.system.image_encoder, process, processes)

    def probe(self, network: nn.Module) -> dict[str, float]:
        """The selector's figures (`probes.py`); none for an aggregator that selects by no map of locations."""
        if not isinstance(self.model.aggregator, PPA):
            return {}
        figures = asdict(selection(self.model, PROBE_SEEDS)) | {"gain": gain(self.system, PROBE_SEEDS[:8])}
        return {f"ppa/{name}": value for name, value in figures.items()}

    def picture(self, network: nn.Module) -> Tensor:
        """Two held-out garments: photos, then film frames at eight yaws made from them, above the truth."""
        return sample_sheet(self.system, PROBE_SEEDS[:2])

    def save(self, folder: Path) -> None:
        self.system.save_pretrained(folder, torch.float16)


class PictureTask(_Stage):
    """Stage 1."""

    name = "stage 1"

    @cached_property
    def network(self) -> PictureStage:
        return PictureStage(self.model)

    def batch(self, step: int, samples: range, device: torch.device) -> Batch:
        made = batches.pictures(self.cache, self.sampling, self.model.config.size, self.settings.seed, step, samples)
        return batches.to(made, device)


class ClipTask(_Stage):
    """Stage 2."""

    name = "stage 2"

    def __init__(
        self,
        system: ProFashionSystem,
        source: Source,
        sampling: Sampling,
        settings: Settings,
        surface: bool = False,
        offset_weight: float = 1.0,
    ) -> None:
        super().__init__(system, source, sampling, settings, surface)
        self.offset_weight = offset_weight

    @cached_property
    def network(self) -> ClipStage:
        return ClipStage(self.model, self.offset_weight)

    @cached_property
    def grid(self) -> tuple[int, int]:
        """The finest flow site's grid; the latents' where no site has flow attention."""
        return max(self.model.flow_grids(), default=self.model.config.latent_size)

    def batch(self, step: int, samples: range, device: torch.device) -> Batch:
        size, seed = self.model.config.size, self.settings.seed
        return batches.to(batches.clips(self.cache, self.sampling, size, self.grid, seed, step, samples), device)


def sample_sheet(system: ProFashionSystem, seeds: range, frames: int = 8) -> Tensor:
    """For each garment two rows, made above true: three photos, then `frames` frames of a turn. uint8 (3, H, W)."""
    rows = []
    for seed in seeds:
        photos = mannequin.frames_at(seed, [0.0, torch.pi, torch.pi / 2], system.size)
        film = mannequin.clip(seed, "turn", frames, system.size)
        given = list(zip(photos.frames.permute(0, 2, 3, 1).numpy(), photos.track.keypoints, strict=True))
        made = system.animate([Photo(*pair) for pair in given], film.track, seed=seed)
        rows += [torch.cat([photos.frames, made.frames]), torch.cat([photos.frames, film.frames])]
    return torch.stack(rows).permute(2, 0, 3, 1, 4).flatten(3, 4).flatten(1, 2)
