"""Toy DreamPose systems for tests: the real classes at their smallest, every layer awake."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import torch

from lookreel.data import mannequin
from lookreel.dreampose import config as configs
from lookreel.dreampose.conditions import Photo
from lookreel.dreampose.config import DreamPoseConfig
from lookreel.dreampose.model import Batch, DreamPose
from lookreel.dreampose.system import DreamPoseSystem
from lookreel.encoders.shared import Encoders
from toys import awake, codec, image_encoder, seeded, track

CONFIG = configs.toy()
GRID = CONFIG.latent_size

__all__ = ["CONFIG", "GRID", "batch", "encoders", "model", "photo", "photo_file", "system", "track"]


def encoders() -> Encoders:
    return Encoders(codec(), image_encoder())


def model(config: DreamPoseConfig = CONFIG) -> DreamPose:
    """The toy networks as they start."""
    with seeded(3):
        return DreamPose(config)


def system(config: DreamPoseConfig = CONFIG, **changes) -> DreamPoseSystem:
    """A whole toy system, with changes to its config."""
    network = awake(model(replace(config, **changes)))
    generator = torch.Generator().manual_seed(5)
    first = network.unet.conv_in.weight.data
    first[:, 4:] = 0.2 * torch.randn(first[:, 4:].shape, generator=generator)
    mix = network.adapter.linear1.weight.data
    mix[:, config.photo_tokens :] = 0.2 * torch.randn(mix[:, config.photo_tokens :].shape, generator=generator)
    return DreamPoseSystem(encoders(), network.eval().requires_grad_(False), name="toy")


@cache
def photo() -> np.ndarray:
    """A photo of a mannequin, uint8 (H, W, 3)."""
    return mannequin.frames_at(mannequin.VALIDATION.start, [0.0], CONFIG.size).frames[0].permute(1, 2, 0).numpy()


def photo_file(folder: Path, name: str = "front.png") -> Path:
    """The photo as a file."""
    from PIL import Image

    Image.fromarray(photo()).save(folder / name)
    return folder / name


def batch(samples: int = 2, config: DreamPoseConfig = CONFIG, no_image: bool = False, no_pose: bool = False) -> Batch:
    g = torch.Generator().manual_seed(8)

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=g)

    width = config.unet.cross_attention_dim
    return Batch(
        latents=random(samples, 4, *GRID),
        noise=random(samples, 4, *GRID),
        t=torch.randint(1000, (samples,), generator=g),
        poses=random(samples, config.pose_channels, *GRID).clamp(-1, 1),
        photo=Photo(random(samples, config.photo_tokens, width), random(samples, 4, *GRID)),
        null=Photo(random(1, config.photo_tokens, width), random(1, 4, *GRID)),
        no_image=torch.full((samples,), no_image),
        no_pose=torch.full((samples,), no_pose),
    )
