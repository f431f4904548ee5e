"""The training loop: a generator that takes one optimiser step at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from torch import nn

from lookreel.training.task import Settings


@dataclass(frozen=True)
class Step:
    """What one optimiser step did: its number from 1, the mean losses, the gradient's norm before clipping."""

    number: int
    losses: dict[str, float]
    norm: float


def train(
    network: nn.Module,
    batch: Callable[[int, int], Any],
    optimizer: Any,
    accelerator: Any,
    settings: Settings,
    *,
    first: int,
    last: int,
) -> Iterator[Step]:
    """Take steps first+1 to last, yielding after each; the caller averages, logs and saves.

    network(batch) returns {"loss": ..., more to log}. batch(step, part) builds part `part` of the step's
    `settings.accumulate` parts from (seed, step) alone, which is what makes a resumed run the same run.
    accelerator: accelerate's Accelerator, which `network` and `optimizer` went through.
    """
    network.train()
    parameters = [p for p in network.parameters() if p.requires_grad]
    for number in range(first + 1, last + 1):
        for group in optimizer.param_groups:
            group["lr"] = settings.rate(number)
        sums: dict[str, float] = {}
        for part in range(settings.accumulate):
            whole = part == settings.accumulate - 1  # only the last part's gradients travel between processes
            with nullcontext() if whole else accelerator.no_sync(network):
                losses = network(batch(number, part))
                accelerator.backward(losses["loss"] / settings.accumulate)
            for name, value in losses.items():
                sums[name] = sums.get(name, 0.0) + value.detach().item() / settings.accumulate
        norm = accelerator.clip_grad_norm_(parameters, settings.clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        yield Step(number, sums, float(norm))
