"""Recipes for DreamPose, as functions: phase 1 on all clips, and the numbers of phase 2, a subject's tuning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lookreel.dreampose import config
from lookreel.dreampose.batches import DROP
from lookreel.dreampose.config import DreamPoseConfig
from lookreel.training.task import Settings

VIDEOS = 339  # of the Fashion dataset's training part (section 4.5)
EPOCHS = 300  # the published command's, two pairs of each video; the paper says 5 and not of what
BATCH = 16  # over all processes


@dataclass(frozen=True)
class Tuning:
    """Phase 2: the numbers with which a model is tuned to a subject (section 4.3)."""

    unet: Settings
    """Of the U-Net and the adapter."""
    decoder: Settings
    """Of the VAE's decoder."""
    low_rank_rate: float = 10.0
    """Factor on both learning rates where changes are of low rank."""
    cropped: float = 0.7
    """Share of the steps whose picture and pose are cropped, alike."""
    least: float = 0.9
    """Smallest crop, as a share of the picture's sides."""
    noise_power: float = 1.0
    """As in `Recipe`."""


@dataclass(frozen=True)
class Recipe:
    """One training: the networks and the numbers of phase 1."""

    config: DreamPoseConfig
    settings: Settings
    drop: float = DROP
    noise_power: float = 1.0
    """Timesteps are drawn with density t^(noise_power - 1); 1 (the paper) is uniform."""
    mannequins: int = 600
    """Clips of the mannequin world, where that is the data."""
    begin: str | None = None
    """The bundled model whose denoising U-Net is continued where no --init is given."""


def sd15() -> Recipe:
    """The paper's and the published code's numbers: AdamW at 5e-6, batch 16, on Stable Diffusion 1.4 or 1.5."""
    steps = EPOCHS * VIDEOS * 2 // BATCH
    settings = Settings(
        steps=steps, batch=BATCH, lr=5e-6, average=0.0, accumulate=4, checkpointing=True, save_every=500,
        probe_every=1000,
    )  # fmt: skip
    return Recipe(config.sd15(), settings)


def mini() -> Recipe:
    """The bundled model, for two CPU cores: see docs/training.md for what it cost."""
    settings = Settings(
        steps=3000, batch=16, lr=5e-4, warmup=50, decay=0.3, average=0.995, save_every=200, probe_every=1000
    )
    return Recipe(config.mini(), settings, noise_power=1.5, mannequins=1000, begin="mini")


def toy_tuning() -> Tuning:
    """Seconds on a CPU: for tests."""
    few = Settings(steps=2, batch=2, lr=1e-3, average=0.0, precision="no", log_every=1, save_every=1)
    return Tuning(few, few)


def toy() -> Recipe:
    """Seconds on a CPU: for tests of the trainer."""
    few = Settings(steps=2, batch=2, lr=1e-3, precision="no", log_every=1, probe_every=2, save_every=1)
    return Recipe(config.toy(), few, mannequins=2)


def tuning(model: DreamPoseConfig) -> Tuning:
    """How a model is tuned to a subject: the paper's numbers where it has Stable Diffusion's widths, else `small`."""
    return sd15_tuning() if model.unet.block_out_channels[0] >= config.sd15().unet.block_out_channels[0] else small()


def sd15_tuning() -> Tuning:
    """Section 4.3 and the published code: 500 steps at 1e-5, one crop each; 1,500 steps of 16 crops at 5e-5."""
    unet = Settings(steps=500, batch=1, lr=1e-5, average=0.0, checkpointing=True, log_every=10, save_every=100)
    decoder = Settings(steps=1500, batch=16, lr=5e-5, average=0.0, accumulate=4, log_every=10, save_every=250)
    return Tuning(unet, decoder)


def small() -> Tuning:
    """Of `mini-dreampose`: within five minutes on two cores."""
    unet = Settings(steps=300, batch=4, lr=1e-4, warmup=10, decay=0.3, average=0.0, save_every=50)
    decoder = Settings(steps=150, batch=4, lr=2e-4, warmup=10, decay=0.3, average=0.0, save_every=50)
    return Tuning(unet, decoder)


RECIPES: dict[str, Callable[[], Recipe]] = {"dreampose-sd15": sd15, "mini-dreampose": mini}
