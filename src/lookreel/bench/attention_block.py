"""The first level's attention block in a guided step, plain and as it is computed here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from lookreel.bench.plain import guided_block
from lookreel.nets.attention import TransformerBlock, halves
from lookreel.nets.prototypes import prototype


@dataclass(frozen=True)
class Pair:
    """The two formulations of the same guided block, each giving (2, L, C): untold, then told."""

    plain: Callable[[], Tensor]
    ours: Callable[[], Tensor]


@torch.no_grad()
def pair(grid: tuple[int, int] = (128, 72), width: int = 320, heads: int = 8, photos: int = 3) -> Pair:
    """One frame at `grid` with random weights; the defaults are SD1.5's first level at 1024x576: 9,216 tokens."""
    torch.manual_seed(0)
    block, tokens = TransformerBlock(width, 768, heads).eval(), grid[0] * grid[1]
    x = torch.randn(1, tokens, width).expand(2, -1, -1)  # both halves begin with the same latents
    embedding = torch.randn(1, 1, 768)
    features = torch.randn(1, photos, tokens, width)
    m = torch.rand(1, 1, photos, grid[0] // 2, grid[1] // 2).softmax(2)
    weight = torch.cat([block.attn1.to_k.weight, block.attn1.to_v.weight])
    memory = features @ weight.T  # once for each film
    said, nothing = block.attn2.settle(embedding), block.attn2.settle(torch.zeros(1, 1, 768))

    @torch.no_grad()
    def plain() -> Tensor:
        context = torch.cat([torch.zeros_like(embedding), embedding])
        return guided_block(block, x, context, prototype(features, m, grid)[0])

    @torch.no_grad()
    def ours() -> Tensor:
        untold = block(x[:1], nothing)[0]
        told = block(x[1:], said, halves(prototype(memory, m, grid)[0]))[0]
        return torch.cat([untold, told])

    return Pair(plain, ours)
