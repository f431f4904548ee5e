"""A start for the small VAE from which it learns in minutes instead of hours.

From the library's random start the colours of a picture have to find their way through ten normalised layers. Here all
residual branches begin at zero, and the encoder's main path is set to what can be written down: gather each 4x4 patch
into channels, project it onto the principal components of the training pictures' patches. The decoder learns the rest.
"""

from __future__ import annotations

from typing import cast

import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn
from torch.nn import functional as F

CONSTANT = 10.0  # a constant this many deviations large in each group keeps the last GroupNorm nearly linear


@torch.no_grad()
def start(vae: AutoencoderKL, pictures: Tensor) -> None:
    """Set the weights of a VAE of factor 4. pictures: (N, 3, H, W) in [-1, 1].

    The latents become the first principal components of the 4x4 patches, each divided by the root of its deviation:
    between raw components, of which the first would drown the others, and whitened ones, which are mostly noise.
    """
    _calm(vae)
    components, deviation, mean = _principal(pictures, vae.config.latent_channels)
    encoder = vae.encoder
    _identity(encoder.conv_in.weight[:3, :, 1, 1])
    _gather(encoder.down_blocks[0].downsamplers[0].conv, 3)
    _identity(encoder.down_blocks[1].resnets[0].conv_shortcut.weight[:12, :12, 0, 0])
    _gather(encoder.down_blocks[1].downsamplers[0].conv, 12)
    groups = encoder.conv_norm_out.num_groups
    _project(encoder.down_blocks[2].resnets[0].conv_shortcut, groups, components, deviation, mean)
    _read_out(encoder.conv_out, groups, deviation)
    quant, post_quant = cast(nn.Conv2d, vae.quant_conv), cast(nn.Conv2d, vae.post_quant_conv)
    for conv in (quant, post_quant):
        conv.weight.zero_()
        _identity(conv.weight[:, :, 0, 0])
    cast(Tensor, quant.bias)[len(components) :] = -6.0  # the logarithm of the posterior's variance


def _calm(vae: AutoencoderKL) -> None:
    """Convolutions that keep the size of what goes through; residual branches that add nothing yet."""
    for name, module in vae.named_modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight, 0, module.weight[0].numel() ** -0.5)
            nn.init.zeros_(module.bias)
        if name.endswith((".conv2", ".to_out.0")):
            nn.init.zeros_(module.weight)
    for name, module in vae.encoder.named_modules():
        if isinstance(module, nn.Conv2d) and name.endswith(("conv_in", "conv", "conv_shortcut", "conv_out")):
            nn.init.zeros_(module.weight)


def _principal(pictures: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Components (count, 48) of the patches, their deviations (count,), the mean patch (48,), in `_gather`'s order."""
    patches = F.pixel_unshuffle(F.pixel_unshuffle(pictures, 2), 2).movedim(1, 3).flatten(0, 2)
    # pixel_unshuffle puts the colour (then the offset) first; _gather puts the offset first
    order = torch.arange(48).view(3, 4, 4).permute(2, 1, 0).flatten()
    patches = patches[:, order].double()
    mean = patches.mean(0)
    values, vectors = torch.linalg.eigh(torch.cov((patches - mean).T))
    components = vectors.T.flip(0)[:count]
    return components.float(), values.flip(0)[:count].sqrt().float(), mean.float()


def _identity(block: Tensor) -> None:
    """Set a square block of a weight to the identity."""
    block.copy_(torch.eye(len(block)))


def _gather(conv: nn.Conv2d, channels: int) -> None:
    """Make a strided 3x3 convolution move the four pixels of a 2x2 cell into channels (offset, channel)."""
    for offset in range(4):
        rows = slice(offset * channels, (offset + 1) * channels)
        _identity(conv.weight[rows, :channels, offset // 2, offset % 2])


def _project(conv: nn.Conv2d, groups: int, components: Tensor, deviation: Tensor, mean: Tensor) -> None:
    """Component k into group k of the last norm as the pair +p, -p beside the pair +c, -c of a large constant."""
    group, bias = conv.out_channels // groups, cast(Tensor, conv.bias)
    for k, (component, size) in enumerate(zip(components, deviation, strict=True)):
        for sign, row in ((1, k * group), (-1, k * group + 1)):
            conv.weight[row, : len(component), 0, 0] = sign * component
            bias[row] = -sign * (component @ mean)
            bias[row + 2] = sign * CONSTANT * size


def _read_out(conv: nn.Conv2d, groups: int, deviation: Tensor) -> None:
    """silu(x) - silu(-x) = x undoes the activation; the factor undoes the norm and applies the scale."""
    group = conv.in_channels // groups
    for k, size in enumerate(deviation):
        normed = CONSTANT * size * (2 / group) ** 0.5
        conv.weight[k, k * group, 1, 1] = normed / size.sqrt()
        conv.weight[k, k * group + 1, 1, 1] = -normed / size.sqrt()
