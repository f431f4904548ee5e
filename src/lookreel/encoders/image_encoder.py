"""Pictures to one global embedding each, by transformers' CLIP vision tower with projection."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import CLIPVisionModelWithProjection
from transformers.image_utils import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD
from transformers.utils import logging

from lookreel.nets.weights import check_loaded, readable, tensor_file


class ImageEncoder(nn.Module):
    """CLIP's image embedding: one token of width `width` for each picture."""

    def __init__(self, clip: CLIPVisionModelWithProjection) -> None:
        super().__init__()
        self.clip = clip
        self.register_buffer("mean", torch.tensor(OPENAI_CLIP_MEAN)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(OPENAI_CLIP_STD)[:, None, None], persistent=False)

    @property
    def width(self) -> int:
        return self.clip.config.projection_dim

    def forward(self, pixels: Tensor) -> Tensor:
        """pixels (N, 3, H, W) in [-1, 1] -> embeddings (N, D).

        The picture is resized to CLIP's square without keeping its aspect, as the open Animate Anyone does: a
        full-length figure would lose head and feet in a centre crop.
        """
        side = self.clip.config.image_size
        square = F.interpolate(pixels.float(), (side, side), mode="bicubic", antialias=True, align_corners=False)
        normed = (square.clamp(-1, 1) / 2 + 0.5 - self.mean) / self.std
        return self.clip(normed.to(self.clip.dtype)).image_embeds

    @torch.no_grad()
    def encode(self, pixels: Tensor) -> Tensor:
        """The same without gradients."""
        return self(pixels)

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike, dtype: torch.dtype = torch.float32) -> ImageEncoder:
        """Load transformers' folder. Raises InputError where there is no safetensors file, or it is not whole."""
        variant = "fp16" if ".fp16." in tensor_file(folder).name else None
        with readable(folder), _no_bar():
            loaded: Any = CLIPVisionModelWithProjection.from_pretrained(
                folder, use_safetensors=True, variant=variant, dtype=dtype, output_loading_info=True
            )
        clip, told = loaded
        check_loaded(folder, told)
        return cls(clip.eval().requires_grad_(False))

    def save_pretrained(self, folder: str | os.PathLike, dtype: torch.dtype = torch.float32) -> None:
        """Write transformers' folder at `dtype`; the encoder itself keeps its own."""
        with _no_bar():
            copy.deepcopy(self.clip).to(dtype).save_pretrained(folder)


@contextmanager
def _no_bar() -> Iterator[None]:
    """Without transformers' own progress bar, which tells of milliseconds."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
