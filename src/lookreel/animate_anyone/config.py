"""Everything that decides Animate Anyone's networks and its sampling. Saved with each model, read back by `load`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from lookreel.nets.from_json import tuples
from lookreel.nets.pose_config import PoseConfig
from lookreel.nets.unet_config import UNetConfig

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
class AnimateAnyoneConfig:
    """Sizes and sampling. The defaults are the open implementation's, on Stable Diffusion 1.5."""

    size: tuple[int, int] = (768, 512)
    """(H, W) of the film."""
    vae_factor: int = 8
    """Picture pixels in a latent cell, each way: the VAE's."""
    unet: UNetConfig = field(default_factory=UNetConfig)
    """Denoising U-Net; the reference encoder is the same without the output head."""
    pose: PoseConfig = field(default_factory=PoseConfig)
    motion_heads: int = 8
    """Heads of the temporal attention."""
    max_frames: int = 32
    """Longest window that the temporal positions allow."""
    references: str = "select"
    """What becomes of several photos: select (weights by pose), mean, concat (all tokens side by side) or first."""
    select: SelectConfig = field(default_factory=SelectConfig)
    beta_schedule: str = "linear"
    """"linear", as the open implementation samples, or "scaled_linear", as it trains."""
    sampler: str = "ddim"
    """"ddim", "ddim_integer" (whole strides, as diffusers steps where the steps do not divide 1000) or "multistep"."""
    steps: int = 30
    guidance: float = 3.5
    window: int = 24
    """Frames that the temporal layers see at once."""
    overlap: int = 4
    wrapped: bool = False
    """Let the last window run on into the first frames, as the open implementation does; off clamps it to the end."""

    def __post_init__(self) -> None:
        """ValueError where the numbers do not fit together."""
        if not 0 <= self.overlap < self.window <= self.max_frames:
            raise ValueError(f"overlap {self.overlap}, window {self.window}, max_frames {self.max_frames}: must rise")
        if any(side % self.vae_factor for side in self.size):
            raise ValueError(f"size {self.size}: must be multiples of {self.vae_factor}")
        for name, words in WORDS.items():
            if getattr(self, name) not in words:
                raise ValueError(f"{name} is {getattr(self, name)!r}; expected one of {', '.join(words)}")

    @property
    def latent_size(self) -> tuple[int, int]:
        """(h, w) of the latents."""
        return self.size[0] // self.vae_factor, self.size[1] // self.vae_factor

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> AnimateAnyoneConfig:
        """The config that `to_json` wrote; ValueError or TypeError where a word or a field is unknown."""
        parts = {"unet": UNetConfig, "pose": PoseConfig, "select": SelectConfig}
        plain = {key: tuples(value) for key, value in raw.items() if key not in parts}
        nested = {key: kind(**{k: tuples(v) for k, v in raw[key].items()}) for key, kind in parts.items()}
        return cls(**plain, **nested)
