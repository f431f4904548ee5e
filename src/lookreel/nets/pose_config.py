"""Sizes of the pose encoder."""

from dataclasses import dataclass
from math import prod


@dataclass(frozen=True)
class PoseConfig:
    """Pose encoder E_pose (ProFashion, section 3.2; Animate Anyone's pose guider); the defaults are ControlNet's
    condition encoder, stride 8."""

    split_limbs: bool = False
    """Feed the convolutions of the latent path 18 maps, one for each limb colour, pooled to the latent grid."""
    first: int = 16
    """Channels after conv_in."""
    blocks: tuple[tuple[int, int, int], ...] = (
        (16, 16, 1), (16, 32, 2), (32, 32, 1), (32, 96, 2), (96, 96, 1), (96, 256, 2),
    )  # fmt: skip
    """(channels in, channels out, stride) of the convolutions between conv_in and conv_out."""

    @property
    def stride(self) -> int:
        """How many times smaller the convolutions make a picture, each way."""
        return prod(stride for _, _, stride in self.blocks)
