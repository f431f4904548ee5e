"""What the trainer needs to know of a thing to be trained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Settings:
    """Numbers of one training; saved beside its checkpoints."""

    steps: int
    """Optimiser steps."""
    batch: int
    """Samples in a step, over all processes."""
    lr: float = 5e-5
    """AdamW's learning rate after warm-up (paper: 5e-5, constant)."""
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 1e-2
    clip: float = 1.0
    """Largest norm of the gradient."""
    warmup: int = 1
    """Steps over which the rate rises from 0."""
    decay: float = 0.0
    """Share of the steps, at the end, over which the rate falls to 0."""
    average: float = 0.999
    """Decay of the moving average of the weights; 0 keeps the last weights."""
    accumulate: int = 1
    """Parts that a step is taken in, to fit a large batch into memory."""
    precision: str = "bf16"
    """"bf16" (autocast) or "no" (float32)."""
    checkpointing: bool = False
    """Recompute activations in the backward pass: less memory, a third more time."""
    seed: int = 0
    log_every: int = 10
    probe_every: int = 250
    save_every: int = 250
    """Steps between lines of the log, probes with sample pictures, and checkpoints."""

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 1."""
        rising = step / max(self.warmup, 1)
        falling = (self.steps - step + 1) / (self.decay * self.steps) if self.decay else 1.0
        return self.lr * min(1.0, rising, falling)


class Task(Protocol):
    """One stage of a training. `network` is what is optimised: network(batch) -> {"loss": ..., ...}."""

    name: str
    settings: Settings
    network: nn.Module

    def prepare(self, out: Path, process: int, processes: int) -> None:
        """Work before the first step, such as caching latents under `out`; done already where it was done before."""
        ...

    def batch(self, step: int, samples: range, device: torch.device) -> Any:
        """The samples with these numbers of a step; sample i is drawn from (seed, step, i) alone."""
        ...

    def probe(self, network: nn.Module) -> dict[str, float]:
        """Figures on fixed held-out samples, by name."""
        ...

    def picture(self, network: nn.Module) -> Tensor | None:
        """A sample sheet, uint8 (3, H, W), or None."""
        ...

    def save(self, folder: Path) -> None:
        """Write what was trained, so that it can be loaded for use."""
        ...


def draws(seed: int, step: int, sample: int) -> tuple[np.random.Generator, torch.Generator]:
    """The random numbers of one sample: a generator for choices, one for noise on the CPU."""
    sequence = np.random.SeedSequence([seed, step, sample])
    choices = np.random.Generator(np.random.PCG64(sequence))
    noise = torch.Generator().manual_seed(int(sequence.generate_state(1, np.uint64)[0] >> 1))
    return choices, noise
