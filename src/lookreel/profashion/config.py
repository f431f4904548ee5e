"""Everything that decides ProFashion's networks and its sampling. Saved with each model, read back by `load`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from lookreel.nets.config import Config
from lookreel.nets.pose_config import PoseConfig
from lookreel.nets.unet_config import UNetConfig
from lookreel.reference.config import ReferenceConfig

WORDS = {
    "aggregator": ("ppa", "mean", "concat", "first", "full"),
    "beta_schedule": ("scaled_linear", "linear"),
    "sampler": ("ddim", "multistep"),
}


@dataclass(frozen=True)
class SelectorConfig(Config):
    """The pose-aware selector of PPA (Eq. 5-7) and the pose features that it compares."""

    words = {"similarity": ("dot", "cosine")}

    split_limbs: bool = True
    """Read the picture as one map for each limb colour; off is the plain RGB reading, which hardly learns."""
    context: bool = True
    """Add a linear map of the features' mean to every position, so that each query knows the whole pose."""
    width: int = 32
    """Channels of the pose features x_p and of the queries and keys (the paper's d)."""
    groups: int = 4
    """Groups of Eq. 5's group_norm; few, since a norm per channel removes the pooled signal."""
    position: float = 0.3
    """Weight of the positional encoding P beside features of unit size."""
    temperature: float = 4.0
    """Factor on the logits of Eq. 7."""
    similarity: str = "dot"
    """How queries and keys are compared: "dot" (Eq. 7) or "cosine", which drops their lengths."""
    pool: int = 2
    """The selection grid is the latent grid divided by this."""


@dataclass(frozen=True)
class ProFashionConfig(ReferenceConfig):
    """Sizes and sampling of ProFashion. The defaults are the paper's, on Stable Diffusion 1.5."""

    words = WORDS

    selector: SelectorConfig = field(default_factory=SelectorConfig)
    aggregator: str = "ppa"
    """How references become prototypes: ppa, mean, concat, first or full."""
    flow_sites: tuple[str, ...] = (
        "down_blocks.3.0", "down_blocks.3.1", "mid_block.0", "up_blocks.0.0", "up_blocks.0.1", "up_blocks.0.2",
    )  # fmt: skip
    """Sites with flow attention: "from the last down-block to the first up-block"."""
    mirror_sides: bool = False
    """Read a side photo's mirror image too, where no photo shows the other side."""
    motion_sites: tuple[str, ...] | None = None
    """Sites with temporal attention; None means all."""
    beta_schedule: str = "scaled_linear"
    """"scaled_linear", or "linear" for checkpoints sampled as the open Animate Anyone is."""
    sampler: str = "ddim"
    """"ddim" (the paper) or "multistep" (DPM-Solver++ 2M, for 15 to 20 steps)."""

    def __post_init__(self) -> None:
        """ValueError where the numbers do not fit together."""
        super().__post_init__()
        if self.selector.width % 4:
            raise ValueError(f"selector width {self.selector.width}: must be a multiple of 4")

    @property
    def selection_grid(self) -> tuple[int, int]:
        """(h, w) of the weights m."""
        h, w = self.latent_size
        return -(-h // self.selector.pool), -(-w // self.selector.pool)


def sd15() -> ProFashionConfig:
    """The paper's: Stable Diffusion 1.5 at 1024x576."""
    return ProFashionConfig()


def mini() -> ProFashionConfig:
    """The bundled model: 128x96, three levels, for two CPU cores."""
    unet = UNetConfig(
        block_out_channels=(48, 96, 128),
        layers_per_block=1,
        down_attention=(False, True, True),
        up_attention=(True, True, True),
        attention_head_dim=(1, 2, 4),
        cross_attention_dim=64,
        norm_num_groups=16,
        positions=5,
    )
    return ProFashionConfig(
        size=(128, 96),
        vae_factor=4,
        unet=unet,
        pose=PoseConfig(split_limbs=True, first=48, blocks=((48, 64, 1),)),
        motion_heads=4,
        max_frames=24,
        flow_sites=("down_blocks.2.0", "mid_block.0", "up_blocks.0.0", "up_blocks.1.0", "up_blocks.2.0"),
        sampler="ddim",
        steps=15,
        guidance=1.25,
        noise_scale=0.85,
        mirror_sides=True,
    )


def toy() -> ProFashionConfig:
    """The smallest net that still has every part: for tests."""
    config = mini()
    unet = replace(config.unet, block_out_channels=(16, 32, 32), norm_num_groups=8, cross_attention_dim=8)
    pose = PoseConfig(split_limbs=True, first=8, blocks=((8, 16, 1),))
    return replace(
        config, size=(32, 24), unet=unet, pose=pose, motion_heads=2, steps=2, noise_scale=1.0, mirror_sides=False
    )
