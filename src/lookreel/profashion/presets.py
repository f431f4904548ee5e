"""Training recipes for ProFashion, as functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lookreel.profashion import config
from lookreel.profashion.batches import Sampling
from lookreel.profashion.config import ProFashionConfig
from lookreel.training.task import Settings


@dataclass(frozen=True)
class Recipe:
    """One training: the networks, and numbers for both stages."""

    config: ProFashionConfig
    stage1: Settings
    stage2: Settings
    pictures: Sampling
    clips: Sampling
    offset_weight: float = 1.0
    """lambda of Eq. 13, with offsets in cells of each site's grid."""
    mannequins: int = 2000
    """Garments of the mannequin world, where that is the data."""


def profashion_sd15() -> Recipe:
    """The paper's numbers (section 4.2): 1024x576, batch 128 then 16, 30,000 then 20,000 steps, AdamW at 5e-5."""
    return Recipe(
        config=config.sd15(),
        stage1=Settings(steps=30_000, batch=128, accumulate=16, checkpointing=True, save_every=500, probe_every=1000),
        stage2=Settings(steps=20_000, batch=16, accumulate=2, checkpointing=True, save_every=500, probe_every=1000),
        pictures=Sampling(targets=1),
        clips=Sampling(targets=16),
    )


def mini() -> Recipe:
    """The bundled model, for two CPU cores: see docs/training.md for what it cost."""
    return Recipe(
        config=config.mini(),
        stage1=Settings(
            steps=10_000, batch=4, lr=5e-4, warmup=100, decay=0.2, average=0.998, save_every=250, probe_every=1000
        ),
        stage2=Settings(
            steps=1_000, batch=2, lr=5e-4, warmup=30, decay=0.2, average=0.98, save_every=50, probe_every=500
        ),
        pictures=Sampling(targets=4, noise_power=2.0),
        clips=Sampling(targets=16, noise_power=2.0, flow="surface"),
    )


def toy() -> Recipe:
    """Seconds on a CPU: for tests of the trainer."""
    few = Settings(steps=4, batch=2, lr=1e-3, precision="no", log_every=1, probe_every=2, save_every=2)
    return Recipe(
        config=config.toy(),
        stage1=few,
        stage2=few,
        pictures=Sampling(targets=2),
        clips=Sampling(targets=4, flow="keypoints"),
        mannequins=4,
    )


PRESETS: dict[str, Callable[[], Recipe]] = {"profashion-sd15": profashion_sd15, "mini": mini, "toy": toy}
