"""What things cost beside each other on this processor, in one process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from lookreel.bench import attention_block, plain
from lookreel.bench.abba import Run, ratio
from lookreel.reference.conditions import Seen, settle
from lookreel.reference.instances import Instances

FRAMES = 16
TOKENS = (128, 72)


class Case:
    """A guided step of a window with random weights and random conditions, already read."""

    @torch.no_grad()
    def __init__(self, build: Callable[..., Any], photos: int = 3, **changes: Any) -> None:
        torch.manual_seed(0)
        self.model = build(**changes).eval()
        config, width = self.model.config, self.model.config.unet.cross_attention_dim
        self.z, self.t = torch.randn(FRAMES, 4, *config.latent_size), torch.full((FRAMES,), 500)
        latents, embeddings = torch.randn(1, photos, 4, *config.latent_size), torch.randn(1, photos, width)
        self.m = self.model.weights(torch.rand(1, FRAMES, 3, *config.size), torch.rand(1, photos, 3, *config.size))
        pose = self.model.pose_guider(torch.rand(FRAMES, 3, *config.size))
        self.seen = Seen(latents[0], embeddings, self.model.reference_encoder(latents, embeddings), self.m, pose)
        self.conditions = settle(self.model, self.seen)

    @torch.no_grad()
    def ours(self) -> tuple[Tensor, Tensor]:
        """v told and untold, as a film is sampled."""
        c, net = self.conditions, self.model.denoiser
        photos = Instances(self.model.prototype, c.memory, c.m)
        told = net.step(self.z, self.t, c.semantic, photos, c.pose, FRAMES)[0]
        return told, net.step(self.z, self.t, c.nothing, {}, c.pose, FRAMES)[0]

    @torch.no_grad()
    def plain(self) -> tuple[Tensor, Tensor]:
        """The same by the plain formulation."""
        x_R = self.model.semantic(self.seen.embeddings, self.m)
        return plain.guided_step(self.model, self.seen.features, x_R, self.m, (self.z, self.t, self.seen.pose))

    @torch.no_grad()
    def untold_reads_too(self) -> None:
        """Ours, but with the untold half also computed with the photos, its result thrown away (Moore's way)."""
        c = self.conditions
        self.ours()
        photos = Instances(self.model.prototype, c.memory, c.m)
        self.model.denoiser.step(self.z, self.t, c.nothing, photos, c.pose, FRAMES)

    @torch.no_grad()
    def shallow(self, deep: Tensor) -> None:
        c, net = self.conditions, self.model.denoiser
        photos = Instances(self.model.prototype, c.memory, c.m)
        net.step(self.z, self.t, c.semantic, photos, c.pose, FRAMES, deep)
        net.step(self.z, self.t, c.nothing, {}, c.pose, FRAMES, deep)

    @torch.no_grad()
    def deep(self) -> Tensor:
        c = self.conditions
        return self.model.denoiser.step(self.z, self.t, c.nothing, {}, c.pose, FRAMES)[1]


def ratios(build: Callable[..., Any], rounds: int = 5, grid: tuple[int, int] = TOKENS) -> dict[str, Any]:
    """Name -> ratio of times; build(**changes) makes ProFashion at the bundled model's width, random weights."""
    block, three = attention_block.pair(grid), Case(build)
    apart = max(_apart(block.plain(), block.ours()), *map(_apart, three.plain(), three.ours()))
    if apart > 1e-4:
        raise RuntimeError(f"the formulations differ by {apart:.1e}; times of different results say nothing")
    deep = three.deep()
    cases: dict[str, tuple[Run, Run]] = {
        f"guided attention block, {grid[0] * grid[1]:,} tokens: plain / ours": (block.plain, block.ours),
        "guided step: plain / ours": (three.plain, three.ours),
        "guided step: untold half reads photos too / ours": (three.untold_reads_too, three.ours),
        "guided step: three photos / one": (three.ours, Case(build, 1).ours),
        "guided step: photos side by side / PPA": (Case(build, aggregator="concat").ours, three.ours),
        "guided step: with flow attention / without": (three.ours, Case(build, flow_sites=()).ours),
        "guided step: with motion layers / without": (three.ours, Case(build, flow_sites=(), motion_sites=()).ours),
        "guided step: in full / deep features again": (three.ours, lambda: three.shallow(deep)),
    }
    found = {name: asdict(ratio(one, other, rounds)) for name, (one, other) in cases.items()}
    return {"largest relative difference": apart, **found}


def _apart(one: Tensor, other: Tensor) -> float:
    """The largest difference over the largest value."""
    return ((one - other).abs().max() / one.abs().max()).item()
