"""Stable Diffusion 1.5's U-Net in plain torch, under SD1.5's parameter names.

The same class serves as ProFashion's reference encoder (section 3.3), whose attention features are handed out by
`features`, and as the denoiser's image part (section 3.5), which takes prototype tokens and pose features as
arguments. Checkpoints in diffusers' layout load strictly, nothing is renamed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from lookreel.nets.attention import SpatialTransformer
from lookreel.nets.blocks import Downsample, ResnetBlock, TimestepMLP, Upsample, timestep_embedding
from lookreel.nets.unet_config import UNetConfig
from lookreel.nets.weights import read_config, read_tensors, write_component

Between = Callable[[str, Tensor], Tensor]


@dataclass
class Pass:
    """What one forward pass carries from block to block.

    time (B, T), context (B, M, C'), prototypes: block name -> (B, P, C), between: applied after every site,
    tokens: block name -> (B, h*w, C), filled as the pass goes on; None where nobody asks, so that they are not kept.
    """

    time: Tensor
    context: Tensor
    prototypes: Mapping[str, Tensor]
    between: Between | None
    tokens: dict[str, Tensor] | None


class Level(nn.Module):
    """Resnets of one resolution, each followed by a spatial transformer where the level has attention."""

    def __init__(self, name: str, widths: list[tuple[int, int]], heads: int | None, config: UNetConfig) -> None:
        super().__init__()
        self.name, self.checkpointing = name, False
        c_out = widths[-1][1]
        self.resnets = nn.ModuleList(
            ResnetBlock(a, b, config.time_width, config.norm_num_groups, config.norm_eps) for a, b in widths
        )
        if heads is not None:
            sites = len(widths) if name != "mid_block" else 1
            self.attentions = nn.ModuleList(
                SpatialTransformer(c_out, config.cross_attention_dim, heads, config.norm_num_groups)
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
            x, tokens = self._call(self.attentions[index], x, run.context, run.prototypes.get(name))
            if run.tokens is not None:
                run.tokens[name] = tokens
        return x if run.between is None else run.between(f"{self.name}.{index}", x)

    def _call(self, module: nn.Module, *arguments: Tensor | None):
        if self.checkpointing and torch.is_grad_enabled():
            return checkpoint(module, *arguments, use_reentrant=False)
        return module(*arguments)


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
        for index in range(len(self.resnets)):
            x = self.site(index, torch.cat([x, skips.pop()], dim=1), run)
        for up in self.upsamplers:
            x = up(x, skips[-1].shape[-2:])
        return x


class UNet(nn.Module):
    """SD1.5's U-Net of any number of levels.

    config: the sizes, `UNetConfig`. With `config.out_channels` 0 the output head is left out (a reference encoder,
    682 tensors at SD1.5 size instead of 686).
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        first = config.block_out_channels[0]
        self.conv_in = nn.Conv2d(config.in_channels, first, 3, padding=1)
        self.time_embedding = TimestepMLP(first, config.time_width)
        self.down_blocks = nn.ModuleList(
            DownLevel(f"down_blocks.{i}", widths, heads, config, i < config.levels - 1)
            for i, (widths, heads) in enumerate(config.down())
        )
        self.mid_block = MidLevel("mid_block", *config.mid(), config)
        self.up_blocks = nn.ModuleList(
            UpLevel(f"up_blocks.{i}", widths, heads, config, i < config.levels - 1)
            for i, (widths, heads) in enumerate(config.up())
        )
        if config.out_channels:
            self.conv_norm_out = nn.GroupNorm(config.norm_num_groups, first, eps=config.norm_eps)
            self.conv_out = nn.Conv2d(first, config.out_channels, 3, padding=1)

    def forward(
        self,
        sample: Tensor,
        timestep: Tensor | int,
        context: Tensor,
        prototypes: Mapping[str, Tensor] | None = None,
        added: Tensor | None = None,
        between: Between | None = None,
    ) -> Tensor:
        """Predict from sample (B, in, h, w) at timestep (B,) int64 with context (B, M, cross_attention_dim).

        prototypes: attention block name (`attention_names`) -> extra key/value tokens (B, P, C), Eq. 10.
        added: features (B, C0, h, w) added after conv_in (the driving pose).
        between: called as between(site, x) after every site (`site_names`): where a video network's temporal
            layers go. x is (B, C, h, w) and so is what it returns.
        Returns (B, out, h, w).
        """
        x = self._trunk(sample, timestep, context, prototypes or {}, added, between, None)
        return self.conv_out(F.silu(self.conv_norm_out(x)))

    def features(self, sample: Tensor, timestep: Tensor | int, context: Tensor) -> dict[str, Tensor]:
        """Every attention block's normed self-attention input, name -> (B, h*w, C), in the order of the pass."""
        tokens: dict[str, Tensor] = {}
        self._trunk(sample, timestep, context, {}, None, None, tokens)
        return tokens

    def _trunk(self, sample, timestep, context, prototypes, added, between, tokens) -> Tensor:
        timestep = torch.as_tensor(timestep, device=sample.device).expand(len(sample))
        time = self.time_embedding(timestep_embedding(timestep, self.config.block_out_channels[0]).to(sample.dtype))
        run = Pass(time, context, prototypes, between, tokens)
        x = self.conv_in(sample)
        x = x if added is None else x + added
        skips = [x]
        for level in self.down_blocks:
            x, more = level(x, run)
            skips += more
        x = self.mid_block(x, run)
        for level in self.up_blocks:
            x = level(x, skips, run)
        return x

    def attention_names(self) -> dict[str, int]:
        """Attention block name -> channels, in the order of the pass."""
        levels = [*self.down_blocks, self.mid_block, *self.up_blocks]
        return {
            f"{level.name}.attentions.{i}": level.resnets[-1].conv2.out_channels
            for level in levels
            for i in range(len(getattr(level, "attentions", ())))
        }

    def site_names(self) -> dict[str, int]:
        """Site name ("down_blocks.0.1": level, resnet) -> channels, in the order of the pass."""
        sites = {f"{level.name}.{i}": level for level in [*self.down_blocks] for i in range(len(level.resnets))}
        sites["mid_block.0"] = self.mid_block
        sites |= {f"{level.name}.{i}": level for level in self.up_blocks for i in range(len(level.resnets))}
        return {name: level.resnets[-1].conv2.out_channels for name, level in sites.items()}

    def set_checkpointing(self, on: bool) -> None:
        """Recompute activations in the backward pass instead of keeping them."""
        for level in [*self.down_blocks, self.mid_block, *self.up_blocks]:
            level.checkpointing = on

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike, dtype: torch.dtype = torch.float32) -> UNet:
        """Load a folder that diffusers' `UNet2DConditionModel.save_pretrained` or ours wrote.

        Raises InputError where a file is missing, only a pickle is there, the config names an unknown architecture
        or the tensors do not fit it exactly.
        """
        model = cls(UNetConfig.from_diffusers(read_config(folder), folder))
        return read_tensors(model, folder, dtype)

    def save_pretrained(self, folder: str | os.PathLike, dtype: torch.dtype = torch.float32) -> None:
        """Write config.json and the tensors in diffusers' layout."""
        write_component(folder, self.config.to_diffusers(), self, dtype)
