"""What ProFashion's and Animate Anyone's configs share."""

from __future__ import annotations

from dataclasses import dataclass, field

from lookreel.nets.config import FilmConfig
from lookreel.nets.pose_config import PoseConfig
from lookreel.nets.unet_config import UNetConfig


@dataclass(frozen=True)
class ReferenceConfig(FilmConfig):
    """Sizes and sampling of a denoiser that reads photos, poses and neighbouring frames."""

    unet: UNetConfig = field(default_factory=UNetConfig)
    """Denoising U-Net; the reference encoder is the same without the output head."""
    pose: PoseConfig = field(default_factory=PoseConfig)
    motion_heads: int = 8
    """Heads of the temporal attention, and of the flow attention where there is one."""
    max_frames: int = 32
    """Longest window that the temporal positions allow."""
    steps: int = 35
    guidance: float = 3.5
    noise_scale: float = 1.0
    """Deviation of the first noise, over 0 and at most 1: with less, films keep nearer to the mean of what the photos
    leave open, calmer and a little softer."""
    window: int = 16
    """Frames that the temporal layers see at once."""
    overlap: int = 4

    def __post_init__(self) -> None:
        """ValueError where the numbers do not fit together."""
        super().__post_init__()
        if not 0 <= self.overlap < self.window <= self.max_frames:
            raise ValueError(f"overlap {self.overlap}, window {self.window}, max_frames {self.max_frames}: must rise")
        if not 0 < self.noise_scale <= 1:
            raise ValueError(f"noise_scale {self.noise_scale}: must be over 0 and at most 1")
