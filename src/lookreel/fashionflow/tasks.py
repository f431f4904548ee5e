"""FashionFlow's two trainings as tasks for the trainer: the film network, and the interpolation network."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn

from lookreel.fashionflow import batches
from lookreel.fashionflow.cache import ClipCache
from lookreel.fashionflow.clips import Films
from lookreel.fashionflow.model import Batch, ClipStage, FashionFlow
from lookreel.fashionflow.system import FashionFlowSystem
from lookreel.training.task import Settings


class _Stage:
    """What both share: the frozen encoders' cache, the probe, saving."""

    name: str
    model: FashionFlow
    draw = staticmethod(batches.clips)

    def __init__(self, system: FashionFlowSystem, clips: Films, settings: Settings) -> None:
        self.system, self.clips, self.settings = system, clips, settings

    @cached_property
    def network(self) -> ClipStage:
        return ClipStage(self.model)

    def prepare(self, out: Path, process: int, processes: int) -> None:
        """Encode the clips into `out`/../latents, which both stages read, and those held out."""
        self.model.net.checkpointing = self.settings.checkpointing
        self.system.to(next(self.network.parameters()).device)
        self.cache = ClipCache(out.parent / "latents", self.clips)
        self.cache.fill(self.system.encoders, self.system.config, process, processes)
        self.unseen = self.clips.held_out()
        if self.unseen is not None:
            self.held_out = ClipCache(out.parent / "held-out", self.unseen)
            self.held_out.fill(self.system.encoders, self.system.config, process, processes)

    def batch(self, step: int, samples: range, device: torch.device) -> Batch:
        return batches.to(self.draw(self.cache, self.system.config, self.settings.seed, step, samples), device)

    def probe(self, network: nn.Module) -> dict[str, float]:
        """The loss on held-out clips, the same noise and timesteps each time; none where nothing is held out."""
        if self.unseen is None:
            return {}
        losses = []
        for sample in range(len(self.held_out)):
            made = self.draw(self.held_out, self.system.config, 1, 0, range(sample, sample + 1))
            losses.append(network(batches.to(made, self.system.device))["unknown"].item())
        return {"held_out": sum(losses) / len(losses)}

    def picture(self, network: nn.Module) -> Tensor | None:
        """Two held-out clips: a film made from the first frame, above the true one."""
        if self.unseen is None:
            return None
        rows = []
        for number in range(min(len(self.unseen), 2)):
            rows += self.beside(self.unseen.frames(number), number)
        return _rows(rows)

    def beside(self, clip: Tensor, seed: int) -> list[Tensor]:
        """What the network makes of a clip uint8 (F, 3, H, W), and the frames that it stands for."""
        raise NotImplementedError

    def save(self, folder: Path) -> None:
        self.system.save_pretrained(folder, torch.float16)


class FilmTask(_Stage):
    """The film network."""

    name = "film"

    @property
    def model(self) -> FashionFlow:
        return self.system.model

    def beside(self, clip: Tensor, seed: int) -> list[Tensor]:
        """A film from the first frame."""
        film = self.system.animate(clip[0].permute(1, 2, 0).numpy(), seed=seed).frames
        return [film, clip[:: self.system.config.stride]]


class DoublingTask(_Stage):
    """The interpolation network."""

    name = "interpolation"
    draw = staticmethod(batches.doublings)

    @property
    def model(self) -> FashionFlow:
        if self.system.interpolation is None:
            raise ValueError("the config has no interpolation network")
        return self.system.interpolation

    def beside(self, clip: Tensor, seed: int) -> list[Tensor]:
        """Odd frames of the clip, made from the even ones."""
        frames = clip[: self.system.config.frames]
        return [self.system.double(frames[::2], frames[0], seed=seed)[1::2], frames[1::2]]


def _rows(rows: list[Tensor], shown: int = 8) -> Tensor:
    """Films uint8 (F, 3, H, W) of equal length, one below the other, `shown` frames of each at most."""
    picked = [row[torch.linspace(0, len(row) - 1, min(len(row), shown)).long()] for row in rows]
    return torch.stack(picked).permute(2, 0, 3, 1, 4).flatten(3, 4).flatten(1, 2)
