"""Training recipes for FashionFlow, as functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lookreel.fashionflow import config
from lookreel.fashionflow.config import FashionFlowConfig
from lookreel.training.task import Settings

VIDEOS = 500  # of the Fashion dataset's training part (section 4.1)
EPOCHS = 2500  # section 4.2
UNCLIPPED = 1e9  # neither the paper nor its code clips the gradient


@dataclass(frozen=True)
class Recipe:
    """One training: the networks, and numbers for the film network and for the interpolation network."""

    config: FashionFlowConfig
    film: Settings
    interpolation: Settings | None
    mannequins: int = 600
    """Clips of the mannequin world, where that is the data."""


def paper() -> Recipe:
    """The paper's numbers (section 4.2): 2500 epochs of 500 videos, AdamW at 2e-4 with betas 0.5 and 0.999.

    It gives no batch size; two clips a step are the published code's. The interpolation network is trained alike, as
    the paper gives no numbers for it.
    """
    settings = Settings(
        steps=EPOCHS * VIDEOS // 2, batch=2, lr=2e-4, betas=(0.5, 0.999), clip=UNCLIPPED, average=0.0,
        checkpointing=True, precision="no", save_every=500, probe_every=5000,
    )  # fmt: skip
    return Recipe(config.paper(), settings, settings)


def published() -> Recipe:
    """The published code's numbers: AdamW at 1e-4 with its defaults, no interpolation, pictures rescaled twice."""
    settings = Settings(
        steps=EPOCHS * VIDEOS // 2, batch=2, lr=1e-4, clip=UNCLIPPED, average=0.0,
        checkpointing=True, precision="no", save_every=500, probe_every=5000,
    )  # fmt: skip
    return Recipe(config.published(), settings, None)


def mini() -> Recipe:
    """The bundled model, for two CPU cores: see docs/training.md for what it cost."""
    film = Settings(steps=2400, batch=4, lr=1e-3, warmup=50, decay=0.3, average=0.995, save_every=200, probe_every=1000)
    doubling = Settings(
        steps=700, batch=4, lr=1e-3, warmup=30, decay=0.3, average=0.99, save_every=200, probe_every=700
    )
    return Recipe(config.mini(), film, doubling, mannequins=900)


def toy() -> Recipe:
    """Seconds on a CPU: for tests of the trainer."""
    few = Settings(steps=2, batch=2, lr=1e-3, precision="no", log_every=1, probe_every=2, save_every=1)
    return Recipe(config.toy(), few, few, mannequins=2)


RECIPES: dict[str, Callable[[], Recipe]] = {
    "fashionflow": paper,
    "fashionflow-paper": paper,
    "fashionflow-published": published,
    "mini-fashionflow": mini,
}
