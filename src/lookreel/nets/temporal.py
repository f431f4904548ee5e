"""Temporal attention over the frames of a clip: AnimateDiff v2's motion module, under its parameter names."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from lookreel.nets.attention import Attention, FeedForward
from lookreel.nets.in_parts import in_parts


class FramePositions(nn.Module):
    """Fixed sinusoids of the frame's number, even channels sine and odd channels cosine; part of the checkpoint."""

    def __init__(self, width: int, max_frames: int) -> None:
        super().__init__()
        angles = torch.arange(max_frames)[:, None] * torch.exp(-math.log(10000) * torch.arange(0, width, 2) / width)
        self.register_buffer("pe", torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)[None, :, :width])

    def forward(self, x: Tensor) -> Tensor:
        """x (N, F, C), F at most max_frames."""
        return x + self.pe[:, : x.shape[1]].to(x.dtype)


class FrameAttention(Attention):
    """Self-attention over frames, positions added to its normed input."""

    def __init__(self, width: int, heads: int, max_frames: int) -> None:
        super().__init__(width, width, heads)
        self.pos_encoder = FramePositions(width, max_frames)

    def forward(self, x: Tensor) -> Tensor:
        """x (N, F, C) -> (N, F, C)."""
        x = self.pos_encoder(x)
        return super().forward(x, x)


class TemporalBlock(nn.Module):
    """Twice attention over frames, then a feed-forward; each pre-normed with a residual."""

    def __init__(self, width: int, heads: int, max_frames: int) -> None:
        super().__init__()
        self.attention_blocks = nn.ModuleList(FrameAttention(width, heads, max_frames) for _ in range(2))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.ff = FeedForward(width)
        self.ff_norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        for norm, attention in zip(self.norms, self.attention_blocks, strict=True):
            x = x + attention(norm(x))
        return x + self.ff(self.ff_norm(x))


class TemporalTransformer(nn.Module):
    """GroupNorm, linear in, one temporal block, linear out (zero at the start), residual."""

    def __init__(self, width: int, heads: int, groups: int, max_frames: int) -> None:
        super().__init__()
        self.at_once: int | None = None
        self.norm = nn.GroupNorm(groups, width, eps=1e-6)
        self.proj_in = nn.Linear(width, width)
        self.transformer_blocks = nn.ModuleList([TemporalBlock(width, heads, max_frames)])
        self.proj_out = nn.Linear(width, width)
        nn.init.zeros_(self.proj_out.weight)
        nn.init.zeros_(self.proj_out.bias)

    def forward(self, x: Tensor, frames: int) -> Tensor:
        """x (B*F, C, h, w), clips of F frames one after the other; each cell attends over its frames.

        `at_once` bounds the cells that are worked on together, to those of so many pictures.
        """
        h, w = x.shape[2:]
        z = self.norm(x).unflatten(0, (-1, frames)).permute(0, 3, 4, 1, 2).flatten(0, 2)  # (B*h*w, F, C)
        z = in_parts(self._mixed, (z,), self.at_once and max(1, self.at_once * h * w // frames))
        return x + z.unflatten(0, (-1, h, w)).permute(0, 3, 4, 1, 2).flatten(0, 1)

    def _mixed(self, z: Tensor) -> Tensor:
        return self.proj_out(self.transformer_blocks[0](self.proj_in(z)))


class MotionModule(nn.Module):
    """The name that AnimateDiff's checkpoints give the transformer."""

    def __init__(self, width: int, heads: int, groups: int, max_frames: int) -> None:
        super().__init__()
        self.temporal_transformer = TemporalTransformer(width, heads, groups, max_frames)

    def forward(self, x: Tensor, frames: int) -> Tensor:
        return self.temporal_transformer(x, frames)


class TemporalLayers(nn.ModuleDict):
    """A motion module at each of a U-Net's sites; widths: site name ("down_blocks.0.1": level, resnet) -> channels."""

    def __init__(self, widths: Mapping[str, int], heads: int, groups: int, max_frames: int) -> None:
        super().__init__({key(site): MotionModule(width, heads, groups, max_frames) for site, width in widths.items()})


def key(site: str) -> str:
    """The name of a site in a ModuleDict, where a dot may not stand."""
    return site.replace(".", "_")
