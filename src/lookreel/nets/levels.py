"""A level of SD1.5's U-Net: the resnets of one resolution, their attention, and what is carried between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from lookreel.nets.attention import Answer, KeyValue, SpatialTransformer
from lookreel.nets.blocks import Downsample, ResnetBlock, Upsample
from lookreel.nets.in_parts import in_parts
from lookreel.nets.unet_config import UNetConfig

Between = Callable[[str, Tensor], Tensor]
Context = Tensor | Mapping[str, Answer | KeyValue]
Prototypes = Mapping[str, Tensor | KeyValue]


@dataclass
class Pass:
    """What one forward pass carries from block to block.

    time (B, T), context (B, M, C') or what each block's cross-attention has settled of it, prototypes: block name ->
    (B, P, C) or its keys and values, between: applied after every site,
    tokens: block name -> (B, h*w, C), filled as the pass goes on; None where nobody asks, so that they are not kept.
    """

    time: Tensor
    context: Context
    prototypes: Prototypes
    between: Between | None
    tokens: dict[str, Tensor] | None


class Level(nn.Module):
    """Resnets of one resolution, each followed by a spatial transformer where the level has attention."""

    def __init__(self, name: str, widths: list[tuple[int, int]], heads: int | None, config: UNetConfig) -> None:
        super().__init__()
        self.name, self.checkpointing = name, False
        self.at_once: int | None = None
        c_out = widths[-1][1]
        self.resnets = nn.ModuleList(
            ResnetBlock(a, b, config.time_width, config.norm_num_groups, config.norm_eps) for a, b in widths
        )
        if heads is not None:
            sites = len(widths) if name != "mid_block" else 1
            self.attentions = nn.ModuleList(
                SpatialTransformer(c_out, config.cross_attention_dim, heads, config.norm_num_groups, config.positions)
                for _ in range(sites)
            )

    def site(self, index: int, x: Tensor, run: Pass) -> Tensor:
        """Resnet `index`, then its attention, then what the caller puts between."""
        x = self._call(self.resnets[index], x, run.time)
        return self.attend(index, x, run)

    def attend(self, index: int, x: Tensor, run: Pass) -> Tensor:
        """The attention of site `index`, if this level has attention, then what the caller puts between."""
        if hasattr(self, "attentions"):
            name = f"{self.name}.attentions.{index}"
            context = run.context if isinstance(run.context, Tensor) else run.context[name]
            given = (x, context, run.prototypes.get(name))
            if run.tokens is None:
                x = self._call(lambda *rows: self.attentions[index](*rows)[0], *given)
            else:
                x, run.tokens[name] = self._call(self.attentions[index], *given)
            del given
        return x if run.between is None else run.between(f"{self.name}.{index}", x)

    def _call(self, layer: Callable, *arguments: Tensor | KeyValue | Answer | None):
        if self.checkpointing and torch.is_grad_enabled():
            return checkpoint(layer, *arguments, use_reentrant=False)
        return in_parts(layer, arguments, self.at_once)


class DownLevel(Level):
    def __init__(self, name, widths, heads, config, downsample: bool) -> None:
        super().__init__(name, widths, heads, config)
        self.downsamplers = nn.ModuleList([Downsample(widths[-1][1])] if downsample else [])

    def forward(self, x: Tensor, run: Pass) -> tuple[Tensor, list[Tensor]]:
        skips = []
        for index in range(len(self.resnets)):
            x = self.site(index, x, run)
            skips.append(x)
        for down in self.downsamplers:
            x = down(x)
            skips.append(x)
        return x, skips


class MidLevel(Level):
    def forward(self, x: Tensor, run: Pass) -> Tensor:
        x = self.site(0, x, run)
        return self._call(self.resnets[1], x, run.time)


class UpLevel(Level):
    def __init__(self, name, widths, heads, config, upsample: bool) -> None:
        super().__init__(name, widths, heads, config)
        self.upsamplers = nn.ModuleList([Upsample(widths[-1][1])] if upsample else [])

    def forward(self, x: Tensor, skips: list[Tensor], run: Pass) -> Tensor:
        x = self.sites(range(len(self.resnets)), x, skips, run)
        for up in self.upsamplers:
            x = up(x, skips[-1].shape[-2:])
        return x

    def sites(self, indices: range, x: Tensor, skips: list[Tensor], run: Pass) -> Tensor:
        """Some of the sites; each takes the last skip away."""
        for index in indices:
            x = self.site(index, torch.cat([x, skips.pop()], dim=1), run)
        return x
