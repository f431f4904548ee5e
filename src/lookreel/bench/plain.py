"""The formulations that the savings are measured against: the same result by the work that a plain reading does."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lookreel.nets.attention import TransformerBlock


def guided_step(model: Any, features: dict[str, Tensor], x_R: Tensor, m: Tensor, given: tuple) -> tuple[Tensor, Tensor]:
    """v told and untold of one window. Photos are mixed and then projected, embeddings go through every
    cross-attention, the untold half reads no photo.

    features: block name -> (1, R, L, C). x_R: (F, M, D). m: (1, F, R, h, w). given: z, t, pose of F frames.
    """
    z, t, pose = given
    z_R = {name: model.prototype(name, tokens, m) for name, tokens in features.items()}
    told = model.denoiser.video(z, t, x_R, z_R, pose, len(z))
    untold = model.denoiser.video(z, t, torch.zeros_like(x_R), {}, pose, len(z))
    return _picture(told), _picture(untold)


def guided_block(block: TransformerBlock, z: Tensor, context: Tensor, prototype: Tensor) -> Tensor:
    """A guided pair (untold, told) through one block as the open Animate Anyone computes it: (2, L, C).

    Both halves read the photo, the untold half's attention is then computed again without it, and both ask the
    cross-attention over their one token. context: (2, 1, C'), zero for the untold half. prototype: (1, P, C).
    """
    tokens = block.norm1(z)
    both = block.attn1(tokens, torch.cat([tokens, prototype.expand(2, -1, -1)], dim=1)) + z
    untold = block.attn1(tokens[:1], tokens[:1]) + z[:1]
    z = torch.cat([untold, both[1:]])
    z = z + block.attn2(block.norm2(z), context)
    return z + block.ff(block.norm3(z))


def _picture(made: Tensor | tuple) -> Tensor:
    """v of a denoiser, which may return offsets beside it."""
    return made if isinstance(made, Tensor) else made[0]
