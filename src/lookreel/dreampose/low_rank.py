"""Changes of low rank: a layer's weight, seen as a matrix (m, n), gains up @ down with up (m, r) and down (r, n).

Source: Hu et al. 2021 (arXiv 2106.09685). With it a tuned subject takes a part of the room of whole weights.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from lookreel.dreampose.subject import DOWN, UP


class LowRank(nn.Module):
    """What is added to one weight; at the start it is zero. rank: at most that of the weight."""

    def __init__(self, weight: Tensor, rank: int, generator: torch.Generator) -> None:
        super().__init__()
        m, n = len(weight), weight[0].numel()
        rank = min(rank, m, n)
        self.up = nn.Parameter(torch.zeros(m, rank, device=weight.device))
        self.down = nn.Parameter((torch.randn(rank, n, generator=generator) / n**0.5).to(weight.device))

    def forward(self, weight: Tensor) -> Tensor:
        return weight + (self.up @ self.down).view_as(weight)


def add(module: nn.Module, rank: int, seed: int) -> None:
    """Freeze a network and let the weights of its linear layers and convolutions change by low rank."""
    module.requires_grad_(False)
    generator = torch.Generator().manual_seed(seed)
    layers = [layer for layer in module.modules() if isinstance(layer, nn.Linear | nn.Conv2d)]
    for layer in layers:
        parametrize.register_parametrization(layer, "weight", LowRank(layer.weight, rank, generator))


def changes(module: nn.Module) -> dict[str, Tensor]:
    """The changes of a network that `add` was called on: "NAME.up" and "NAME.down", as a subject's folder has them."""
    found = {}
    for name, layer in module.named_modules():
        if isinstance(layer, nn.Linear | nn.Conv2d) and parametrize.is_parametrized(layer, "weight"):
            change = cast(LowRank, cast(Any, layer.parametrizations)["weight"][0])
            found |= {f"{name}.weight{UP}": change.up.detach(), f"{name}.weight{DOWN}": change.down.detach()}
    return found


def settle(module: nn.Module) -> None:
    """Put the changes into the weights; the network is then an ordinary one."""
    for layer in list(module.modules()):
        if parametrize.is_parametrized(layer, "weight"):
            parametrize.remove_parametrizations(layer, "weight", leave_parametrized=True)
