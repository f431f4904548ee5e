"""Training of the small CLIP-style image encoder that the bundled models share.

Contrast between pictures (Radford et al. 2021, with a second picture in the caption's place): two pictures of one
garment, seen from about the same side in different poses, belong together; every other picture of the batch does not,
the same garment's other side included. So the embedding tells which garment it is, and which side.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from lookreel.encoders.image_encoder import ImageEncoder
from lookreel.training.task import Settings, draws

Pairs = Callable[[np.random.Generator], Tensor]


class ContrastStage(nn.Module):
    """Symmetric cross-entropy of the similarities within a batch, temperature learned."""

    def __init__(self, encoder: ImageEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.log_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    def forward(self, pairs: Tensor) -> dict[str, Tensor]:
        """pairs: (N, 2, 3, H, W) in [-1, 1]."""
        one, other = (F.normalize(self.encoder(pairs[:, i]).float(), dim=1) for i in range(2))
        logits = one @ other.T * self.log_scale.exp().clamp(max=100)
        target = torch.arange(len(pairs), device=pairs.device)
        loss = (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
        return {"loss": loss, "right": (logits.argmax(1) == target).float().mean()}


class ImageEncoderTask:
    """Trains on pairs(choices) -> uint8 (n, 2, 3, H, W): n pairs of one garment, each from another side."""

    name = "image-encoder"

    def __init__(self, encoder: ImageEncoder, pairs: Pairs, held_out: Tensor, settings: Settings) -> None:
        self.network = ContrastStage(encoder)
        self.encoder, self.pairs, self.held_out, self.settings = encoder, pairs, held_out, settings

    def prepare(self, out: Path, process: int, processes: int) -> None:
        """Nothing: the source renders as it goes."""

    def batch(self, step: int, samples: range, device: torch.device) -> Tensor:
        pairs = [self.pairs(draws(self.settings.seed, step, i)[0]) for i in samples]
        return torch.cat(pairs).to(device).float() / 127.5 - 1

    def probe(self, network: nn.Module) -> dict[str, float]:
        """Share of held-out pictures whose partner is the nearest of all."""
        pairs = self.held_out.to(self.encoder.mean.device).float() / 127.5 - 1
        return {"held_out": network(pairs)["right"].item()}

    def picture(self, network: nn.Module) -> None:
        return None

    def save(self, folder: Path) -> None:
        """Write folder/image_encoder."""
        self.encoder.save_pretrained(folder / "image_encoder")


def mini_image_encoder() -> ImageEncoder:
    """The bundled encoder: a vision transformer of three layers on 64x64 pixels, embedding width 64."""
    config = CLIPVisionConfig(
        image_size=64,
        patch_size=8,
        hidden_size=64,
        intermediate_size=192,
        num_hidden_layers=3,
        num_attention_heads=4,
        projection_dim=64,
    )
    return ImageEncoder(CLIPVisionModelWithProjection(config))
