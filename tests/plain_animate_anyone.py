"""The open Animate Anyone's forward pass, written out plainly over its published tensor names: what ours is held to.

Nothing of the package is used here. p is a dict of published tensors; names are built as the files build them.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

Weights = dict[str, Tensor]


def linear(p: Weights, name: str, x: Tensor) -> Tensor:
    return F.linear(x, p[f"{name}.weight"], p.get(f"{name}.bias"))


def conv(p: Weights, name: str, x: Tensor, stride: int = 1) -> Tensor:
    weight = p[f"{name}.weight"]
    return F.conv2d(x, weight, p[f"{name}.bias"], stride=stride, padding=weight.shape[2] // 2)


def group_norm(p: Weights, name: str, x: Tensor, groups: int, eps: float) -> Tensor:
    return F.group_norm(x, groups, p[f"{name}.weight"], p[f"{name}.bias"], eps)


def layer_norm(p: Weights, name: str, x: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], p[f"{name}.weight"], p[f"{name}.bias"], 1e-5)


def attention(p: Weights, name: str, x: Tensor, memory: Tensor, heads: int) -> Tensor:
    """Softmax attention in full: x (B, L, C), memory (B, M, C')."""
    q, k, v = linear(p, f"{name}.to_q", x), linear(p, f"{name}.to_k", memory), linear(p, f"{name}.to_v", memory)
    q, k, v = (t.unflatten(2, (heads, -1)).transpose(1, 2) for t in (q, k, v))
    weights = (q @ k.transpose(2, 3) / math.sqrt(q.shape[-1])).softmax(-1)
    return linear(p, f"{name}.to_out.0", (weights @ v).transpose(1, 2).flatten(2))


def feed_forward(p: Weights, name: str, x: Tensor) -> Tensor:
    value, gate = linear(p, f"{name}.net.0.proj", x).chunk(2, -1)
    return linear(p, f"{name}.net.2", value * F.gelu(gate))


class PlainUNet:
    """The U-Net of the reference (motion None, bank filled) or of the denoiser (bank read, motion modules run)."""

    def __init__(self, p: Weights, config: dict, motion: Weights | None = None) -> None:
        self.p, self.motion = p, motion
        self.groups, self.heads = config["norm_num_groups"], config["attention_head_dim"]
        self.layers, self.widths = config["layers_per_block"], config["block_out_channels"]

    def resnet(self, name: str, x: Tensor, time: Tensor) -> Tensor:
        p = self.p
        h = conv(p, f"{name}.conv1", F.silu(group_norm(p, f"{name}.norm1", x, self.groups, 1e-5)))
        h = h + linear(p, f"{name}.time_emb_proj", F.silu(time))[:, :, None, None]
        h = conv(p, f"{name}.conv2", F.silu(group_norm(p, f"{name}.norm2", h, self.groups, 1e-5)))
        return h + (conv(p, f"{name}.conv_shortcut", x) if f"{name}.conv_shortcut.weight" in p else x)

    def spatial(self, name: str, x: Tensor) -> Tensor:
        if f"{name}.norm.weight" not in self.p:
            return x
        p, block = self.p, f"{name}.transformer_blocks.0"
        z = conv(p, f"{name}.proj_in", group_norm(p, f"{name}.norm", x, self.groups, 1e-6)).flatten(2).transpose(1, 2)
        own = layer_norm(p, f"{block}.norm1", z)
        self.written[name] = own
        memory = own if name not in self.bank else torch.cat([own, self.bank[name].expand(len(own), -1, -1)], 1)
        z = z + attention(p, f"{block}.attn1", own, memory, self.heads)
        z = z + attention(p, f"{block}.attn2", layer_norm(p, f"{block}.norm2", z), self.context, self.heads)
        z = z + feed_forward(p, f"{block}.ff", layer_norm(p, f"{block}.norm3", z))
        return x + conv(p, f"{name}.proj_out", z.transpose(1, 2).reshape(x.shape))

    def temporal(self, name: str, x: Tensor) -> Tensor:
        if self.motion is None:
            return x
        p, name = self.motion, f"{name}.temporal_transformer"
        block, (frames, _, h, w) = f"{name}.transformer_blocks.0", x.shape
        z = group_norm(p, f"{name}.norm", x, self.groups, 1e-6).permute(2, 3, 0, 1).flatten(0, 1)  # (h*w, F, C)
        z = linear(p, f"{name}.proj_in", z)
        for i in range(2):
            inner = f"{block}.attention_blocks.{i}"
            normed = layer_norm(p, f"{block}.norms.{i}", z) + p[f"{inner}.pos_encoder.pe"][:, :frames]
            z = z + attention(p, inner, normed, normed, 8)
        z = z + feed_forward(p, f"{block}.ff", layer_norm(p, f"{block}.ff_norm", z))
        return x + linear(p, f"{name}.proj_out", z).unflatten(0, (h, w)).permute(2, 3, 0, 1)

    def site(self, block: str, i: int, x: Tensor, time: Tensor) -> Tensor:
        x = self.resnet(f"{block}.resnets.{i}", x, time)
        x = self.spatial(f"{block}.attentions.{i}", x)
        return self.temporal(f"{block}.motion_modules.{i}", x)

    def __call__(self, x: Tensor, t: int, context: Tensor, bank: Weights, pose: Tensor | None = None) -> Tensor | None:
        """v of latents x (F, 4, h, w); None from a net without output head. What it wrote is in `written`."""
        self.bank, self.context, self.written = bank, context.expand(len(x), -1, -1), {}
        p, half, levels = self.p, self.widths[0] // 2, len(self.widths)
        angles = t * torch.exp(-math.log(10000) * torch.arange(half) / half)
        time = F.silu(linear(p, "time_embedding.linear_1", torch.cat([angles.cos(), angles.sin()])[None]))
        time = linear(p, "time_embedding.linear_2", time)
        x = conv(p, "conv_in", x)
        x = x if pose is None else x + pose
        skips = [x]
        for level in range(levels):
            for i in range(self.layers):
                x = self.site(f"down_blocks.{level}", i, x, time)
                skips.append(x)
            if level < levels - 1:
                x = conv(p, f"down_blocks.{level}.downsamplers.0.conv", x, stride=2)
                skips.append(x)
        x = self.site("mid_block", 0, x, time)
        x = self.resnet("mid_block.resnets.1", x, time)
        for level in range(levels):
            for i in range(self.layers + 1):
                x = self.site(f"up_blocks.{level}", i, torch.cat([x, skips.pop()], 1), time)
            if level < levels - 1:
                x = F.interpolate(x, size=skips[-1].shape[2:], mode="nearest")
                x = conv(p, f"up_blocks.{level}.upsamplers.0.conv", x)
        if "conv_out.weight" not in p:
            return None
        return conv(p, "conv_out", F.silu(group_norm(p, "conv_norm_out", x, self.groups, 1e-5)))


def pose_guider(p: Weights, picture: Tensor) -> Tensor:
    x = F.silu(conv(p, "conv_in", picture))
    for i in range(6):
        x = F.silu(conv(p, f"blocks.{i}", x, stride=1 + i % 2))
    return conv(p, "conv_out", x)


def published_windows(frames: int, size: int = 24, overlap: int = 4) -> list[list[int]]:
    """The open implementation's: the last one runs on into the first frames."""
    if frames <= size:
        return [list(range(frames))]
    return [[i % frames for i in range(start, start + size)] for start in range(0, frames, size - overlap)]


def clamped_windows(frames: int, size: int = 24, overlap: int = 4) -> list[list[int]]:
    """The same, but the last one ends where the film does."""
    starts = {min(start, frames - size) for start in range(0, frames - overlap, size - overlap)}
    return [list(range(frames))] if frames <= size else [list(range(s, s + size)) for s in sorted(starts)]
