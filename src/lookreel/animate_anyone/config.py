"""Everything that decides Animate Anyone's networks and its sampling. Saved with each model, read back by `load`."""

from __future__ import annotations

from dataclasses import dataclass, field

from lookreel.reference.config import ReferenceConfig

REFERENCES = ("select", "mean", "concat", "first")
WORDS = {
    "references": REFERENCES,
    "beta_schedule": ("linear", "scaled_linear"),
    "sampler": ("ddim", "ddim_integer", "multistep"),
}


@dataclass(frozen=True)
class SelectConfig:
    """How photos are weighed by their poses, without training: a softmax of minus these distances."""

    yaw: float = 4.0
    """Weight of the difference in yaw, for each radian."""
    joints: float = 4.0
    """Weight of the mean distance of the joints, for each height of the torso."""
    local: float = 0.0
    """Weight of the distance of the joints near each location of a photo; 0 weighs it alike everywhere."""
    reach: float = 0.25
    """How far a joint has a say, in heights of the torso."""
    coarse: int = 4
    """The grid of weights by location is the latent grid divided by this."""


@dataclass(frozen=True)
class AnimateAnyoneConfig(ReferenceConfig):
    """Sizes and sampling. The defaults are the open implementation's, on Stable Diffusion 1.5."""

    words = WORDS

    size: tuple[int, int] = (768, 512)
    steps: int = 30
    window: int = 24
    references: str = "select"
    """What becomes of several photos: select (weights by pose), mean, concat (all tokens side by side) or first."""
    select: SelectConfig = field(default_factory=SelectConfig)
    beta_schedule: str = "linear"
    """"linear", as the open implementation samples, or "scaled_linear", as it trains."""
    sampler: str = "ddim"
    """"ddim", "ddim_integer" (whole strides, as diffusers steps where the steps do not divide 1000) or "multistep"."""
    wrapped: bool = False
    """Let the last window run on into the first frames, as the open implementation does; off clamps it to the end."""
