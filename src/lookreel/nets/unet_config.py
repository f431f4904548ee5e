"""Sizes of the U-Net, read from and written to diffusers' config.json."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import Any

from lookreel.errors import InputError

# Settings of diffusers' class that SD1.5 leaves at these values; any other value is another architecture.
SD15_ONLY = {
    "act_fn": "silu",
    "addition_embed_type": None,
    "center_input_sample": False,
    "class_embed_type": None,
    "conv_in_kernel": 3,
    "conv_out_kernel": 3,
    "downsample_padding": 1,
    "dual_cross_attention": False,
    "encoder_hid_dim": None,
    "flip_sin_to_cos": True,
    "freq_shift": 0,
    "mid_block_scale_factor": 1,
    "mid_block_type": "UNetMidBlock2DCrossAttn",
    "only_cross_attention": False,
    "resnet_time_scale_shift": "default",
    "time_embedding_type": "positional",
    "transformer_layers_per_block": 1,
    "use_linear_projection": False,
}
DOWN = {True: "CrossAttnDownBlock2D", False: "DownBlock2D"}
UP = {True: "CrossAttnUpBlock2D", False: "UpBlock2D"}
Widths = list[tuple[int, int]]


@dataclass(frozen=True)
class UNetConfig:
    """Sizes of a U-Net; the names are diffusers'. The defaults are SD1.5's."""

    in_channels: int = 4
    """Channels of the latents."""
    out_channels: int = 4
    """Channels predicted; 0 leaves the output head out."""
    block_out_channels: tuple[int, ...] = (320, 640, 1280, 1280)
    """Width of each level, finest first."""
    layers_per_block: int = 2
    """Resnets in each down level; an up level has one more."""
    down_attention: tuple[bool, ...] = (True, True, True, False)
    """Whether each down level has attention, finest first."""
    up_attention: tuple[bool, ...] = (False, True, True, True)
    """Whether each up level has attention, coarsest first."""
    attention_head_dim: int | tuple[int, ...] = 8
    """The number of heads at each level: diffusers' misnomer, kept because SD1.5's config.json has it."""
    cross_attention_dim: int = 768
    """Channels of the context (a CLIP image embedding)."""
    norm_num_groups: int = 32
    """Groups of every GroupNorm."""
    norm_eps: float = 1e-5
    """Epsilon of the resnets' GroupNorms."""
    positions: int = 0
    """Octaves of the waves that tell a small network where each cell lies (`position.py`); SD1.5 has none."""

    @property
    def levels(self) -> int:
        return len(self.block_out_channels)

    @property
    def time_width(self) -> int:
        """Channels of the time embedding."""
        return self.block_out_channels[0] * 4

    def heads(self, level: int) -> int:
        """Attention heads at a level, finest first."""
        heads = self.attention_head_dim
        return heads if isinstance(heads, int) else heads[level]

    def down(self) -> list[tuple[Widths, int | None]]:
        """For each down level: (in, out) channels of its resnets, and heads or None."""
        widths = self.block_out_channels
        return [
            (
                [(widths[max(i - 1, 0)], w)] + [(w, w)] * (self.layers_per_block - 1),
                self.heads(i) if self.down_attention[i] else None,
            )
            for i, w in enumerate(widths)
        ]

    def mid(self) -> tuple[Widths, int]:
        w = self.block_out_channels[-1]
        return [(w, w), (w, w)], self.heads(self.levels - 1)

    def up(self) -> list[tuple[Widths, int | None]]:
        """For each up level, coarsest first; the input of a resnet is the hidden state and one skip."""
        widths, result = self.block_out_channels, []
        for i, level in enumerate(reversed(range(self.levels))):
            w, below = widths[level], widths[min(level + 1, self.levels - 1)]
            skips = [w] * self.layers_per_block + [widths[max(level - 1, 0)]]
            hidden = [below] + [w] * self.layers_per_block
            resnets = [(a + b, w) for a, b in zip(hidden, skips, strict=True)]
            result.append((resnets, self.heads(level) if self.up_attention[i] else None))
        return result

    def grid(self, name: str, latents: tuple[int, int]) -> tuple[int, int]:
        """(h, w) at a block or site, from (h, w) of the latents: every level halves them, rounding up.

        "down_blocks.1..." is level 1, the middle the last level, and so is "up_blocks.0...".
        """
        where, last = name.split("."), self.levels - 1
        level = last if where[0] == "mid_block" else int(where[1])
        cell = 2 ** (last - level if where[0] == "up_blocks" else level)
        return -(-latents[0] // cell), -(-latents[1] // cell)

    @classmethod
    def from_diffusers(cls, raw: dict[str, Any], folder: str | os.PathLike) -> UNetConfig:
        """Read diffusers' config; InputError where it names another architecture than SD1.5's."""
        if not raw.get("block_out_channels"):
            raise InputError(f"{folder}/config.json: no block_out_channels; expected the config of a U-Net")
        for key, value in SD15_ONLY.items():
            if raw.get(key, value) not in (value, [value] * len(raw["block_out_channels"])):
                raise InputError(f"{folder}/config.json: {key} is {raw[key]!r}; SD1.5's U-Net has {value!r}")
        layers = raw.get("layers_per_block", 2)
        if not isinstance(layers, int):
            if len(set(layers)) != 1:
                raise InputError(f"{folder}/config.json: layers_per_block is {layers}; one number is expected")
            layers = layers[0]
        down, up = raw.get("down_block_types", ()), raw.get("up_block_types", ())
        unknown = [name for name in down if name not in DOWN.values()] + [n for n in up if n not in UP.values()]
        if unknown:
            raise InputError(f"{folder}/config.json: unknown block {unknown[0]!r}; expected SD1.5's blocks")
        heads = raw.get("num_attention_heads") or raw.get("attention_head_dim", 8)
        plain = ("in_channels", "out_channels", "cross_attention_dim", "norm_num_groups", "norm_eps", "positions")
        return cls(
            **{key: raw[key] for key in plain if key in raw},
            block_out_channels=tuple(raw["block_out_channels"]),
            layers_per_block=layers,
            down_attention=tuple(name == DOWN[True] for name in down),
            up_attention=tuple(name == UP[True] for name in up),
            attention_head_dim=heads if isinstance(heads, int) else tuple(heads),
        )

    def to_diffusers(self) -> dict[str, Any]:
        """The config.json that diffusers' UNet2DConditionModel reads."""
        raw = {key: value for key, value in asdict(self).items() if key != "positions" or value}
        down, up = raw.pop("down_attention"), raw.pop("up_attention")
        types = {"down_block_types": [DOWN[a] for a in down], "up_block_types": [UP[a] for a in up]}
        return {"_class_name": "UNet2DConditionModel"} | raw | types
