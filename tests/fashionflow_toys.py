"""Toy FashionFlow systems for tests: the real classes at their smallest, every layer awake."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lookreel.data import mannequin
from lookreel.encoders.shared import Encoders
from lookreel.fashionflow import config as configs
from lookreel.fashionflow.conditions import Conditions, between_frames, from_photo
from lookreel.fashionflow.folder import networks
from lookreel.fashionflow.model import Batch
from lookreel.fashionflow.system import FashionFlowSystem
from toys import awake, codec, image_encoder, seeded

CONFIG = configs.toy()
FRAMES, GRID = CONFIG.frames, CONFIG.latent_size


def encoders() -> Encoders:
    return Encoders(codec(), image_encoder())


def system(**changes) -> FashionFlowSystem:
    """A whole toy system, with changes to its config."""
    with seeded(3):
        model, interpolation = networks(replace(CONFIG, **changes))
    parts = [None if part is None else awake(part).eval().requires_grad_(False) for part in (model, interpolation)]
    return FashionFlowSystem(encoders(), *parts, name="toy")


def without_interpolation(**changes) -> FashionFlowSystem:
    return system(interpolation=None, **changes)


@cache
def photo() -> np.ndarray:
    """A photo of a mannequin, uint8 (H, W, 3)."""
    return mannequin.frames_at(mannequin.VALIDATION.start, [0.0], CONFIG.size).frames[0].permute(1, 2, 0).numpy()


def conditions(samples: int = 2, doubling: bool = False, local: bool = True, in_every_frame: bool = True) -> Conditions:
    g = torch.Generator().manual_seed(7)
    tokens = torch.randn(samples, CONFIG.photo_tokens, CONFIG.net.context_width, generator=g)
    latent = torch.randn(samples, 4, *GRID, generator=g)
    if doubling:
        return between_frames(tokens, latent, torch.rand(samples, FRAMES, 3, *GRID, generator=g) * 2 - 1)
    return from_photo(tokens, latent, FRAMES, local, in_every_frame)


def batch(samples: int = 2, **how) -> Batch:
    g = torch.Generator().manual_seed(8)
    shape = (samples, FRAMES, 4, *GRID)
    latents, noise = torch.randn(shape, generator=g), torch.randn(shape, generator=g)
    return Batch(latents, noise, torch.randint(1000, (samples,), generator=g), conditions(samples, **how))


def published_checkpoint(path: Path, prefix: str = "module.") -> tuple[Path, dict[str, dict[str, Tensor]]]:
    """A file in the authors' layout: net and adapter of the toy config without what the paper does not have."""
    made = without_interpolation(photo_in_every_frame=False, net=replace(CONFIG.net, in_channels=4))
    parts = {"net": made.model.net.state_dict(), "adapter": made.model.adapter.state_dict()}
    torch.save({name: {prefix + key: t for key, t in tensors.items()} for name, tensors in parts.items()}, path)
    return path, parts
