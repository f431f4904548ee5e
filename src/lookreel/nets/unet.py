"""Stable Diffusion 1.5's U-Net in plain torch, under SD1.5's parameter names.

The same class serves as ProFashion's reference encoder (section 3.3), whose attention features are handed out by
`features`, and as the denoiser's image part (section 3.5), which takes prototype tokens and pose features as
arguments. Checkpoints in diffusers' layout load strictly, nothing is renamed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lookreel.nets.attention import Answer, KeyValue, TransformerBlock
from lookreel.nets.blocks import TimestepMLP, timestep_embedding
from lookreel.nets.levels import Between, Context, DownLevel, MidLevel, Pass, Prototypes, UpLevel
from lookreel.nets.position import Position
from lookreel.nets.unet_config import UNetConfig
from lookreel.nets.weights import read_config, read_tensors, write_component


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
        self.position = Position(config.positions, first) if config.positions else None
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
        context: Context,
        prototypes: Prototypes | None = None,
        added: Tensor | None = None,
        between: Between | None = None,
    ) -> Tensor:
        """Predict from sample (B, in, h, w) at timestep (B,) int64 with context (B, M, cross_attention_dim).

        context: tokens for all blocks, or what `settle` made of them.
        prototypes: attention block name (`attention_names`) -> extra tokens (B, P, C), Eq. 10, or their keys and
            values.
        added: features (B, C0, h, w) added after conv_in (the driving pose).
        between: called as between(site, x) after every site (`site_names`): where a video network's temporal
            layers go. x is (B, C, h, w) and so is what it returns.
        Returns (B, out, h, w).
        """
        return self.resumable(sample, timestep, context, prototypes, added, between)[0]

    def resumable(
        self,
        sample: Tensor,
        timestep: Tensor | int,
        context: Context,
        prototypes: Prototypes | None = None,
        added: Tensor | None = None,
        between: Between | None = None,
        *,
        deep: Tensor | None = None,
        shallow: int = 1,
    ) -> tuple[Tensor, Tensor]:
        """`forward`, and the deep features, which change little from step to step (DeepCache, Ma et al. 2024).

        deep: (B, C, h, w) as an earlier call returned them: then only the last `shallow` sites of the way up are
            computed, and of the way down what they read. None computes everything.
        shallow: 1 to layers_per_block + 1.
        Returns the prediction and the input of those last sites.
        """
        x, run = self._start(sample, timestep, context, prototypes or {}, added, between, None)
        skips, first = [x], len(self.up_blocks[-1].resnets) - shallow
        if deep is None:
            deep = self._down_and_up(x, skips, run, first)
        else:
            for index in range(shallow - 1):
                skips.append(self.down_blocks[0].site(index, skips[-1], run))
        x = self.up_blocks[-1].sites(range(first, first + shallow), deep, skips, run)
        return self.conv_out(F.silu(self.conv_norm_out(x))), deep

    def features(self, sample: Tensor, timestep: Tensor | int, context: Tensor) -> dict[str, Tensor]:
        """Every attention block's normed self-attention input, name -> (B, h*w, C), in the order of the pass."""
        tokens: dict[str, Tensor] = {}
        x, run = self._start(sample, timestep, context, {}, None, None, tokens)
        self._down_and_up(x, [x], run, len(self.up_blocks[-1].resnets))
        return tokens

    def settle(self, context: Tensor) -> dict[str, Answer | KeyValue]:
        """All that context (B, M, cross_attention_dim) decides alone, block name -> answer or keys and values.

        It does not change from step to step, so that a film needs it once. What is read without conditions is
        `settle` of a single zero token.
        """
        return {name: self._block(name).attn2.settle(context) for name in self.attention_names()}

    def keys_values(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Features (..., C) as the blocks' self-attentions read them: keys and values side by side, (..., 2C).

        They are linear in the features (to_k and to_v have no bias): K(sum m z) = sum m K(z). So a film projects each
        photo once and mixes keys and values instead.
        """
        made = {}
        for name, tokens in features.items():
            attention = self._block(name).attn1
            weight = torch.cat([attention.to_k.weight, attention.to_v.weight])
            made[name] = F.linear(tokens.to(weight.dtype), weight)
        return made

    def _block(self, name: str) -> TransformerBlock:
        """The transformer block of a name from `attention_names`."""
        return self.get_submodule(f"{name}.transformer_blocks.0")

    def _start(self, sample, timestep, context, prototypes, added, between, tokens) -> tuple[Tensor, Pass]:
        timestep = torch.as_tensor(timestep, device=sample.device).expand(len(sample))
        time = self.time_embedding(timestep_embedding(timestep, self.config.block_out_channels[0]).to(sample.dtype))
        x = self.conv_in(sample)
        x = x if self.position is None else x + self.position(*x.shape[2:])
        x = x if added is None else x + added
        return x, Pass(time, context, prototypes, between, tokens)

    def _down_and_up(self, x: Tensor, skips: list[Tensor], run: Pass, last: int) -> Tensor:
        """The way down, filling `skips`, the middle, and the way up but for the sites from `last` of its last level."""
        for level in self.down_blocks:
            x, more = level(x, run)
            skips += more
        x = self.mid_block(x, run)
        for level in self.up_blocks[:-1]:
            x = level(x, skips, run)
        return self.up_blocks[-1].sites(range(last), x, skips, run)

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

    def set_at_once(self, pictures: int | None) -> None:
        """Let resnets and transformers work on so many pictures at a time: the same result in less memory."""
        for level in [*self.down_blocks, self.mid_block, *self.up_blocks]:
            level.at_once = pictures

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
