"""Everything that decides DreamPose's networks and its sampling. Saved with each model, read back by `load`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from lookreel.nets.config import FilmConfig
from lookreel.nets.unet_config import UNetConfig

LATENT = 4  # channels of the latents
CHANNELS = 2  # of a pose map: U and V

WORDS = {
    "clip_square": ("squeezed", "centred"),
    "beta_schedule": ("scaled_linear", "linear"),
    "prediction": ("eps", "v"),
    "sampler": ("pndm", "ddim", "multistep"),
}


@dataclass(frozen=True)
class DreamPoseConfig(FilmConfig):
    """Sizes and sampling of DreamPose. The defaults are the paper's, on Stable Diffusion 1.4 or 1.5."""

    words = WORDS

    size: tuple[int, int] = (640, 512)
    """(H, W) of the film: the published code's, whatever its own option says."""
    unet: UNetConfig = field(default_factory=lambda: UNetConfig(in_channels=LATENT + 5 * CHANNELS))
    """The denoiser; its first convolution also reads the poses."""
    poses: int = 5
    """Consecutive poses that a frame reads, its own in the middle (section 4.2.2); 1 is the ablation of Table 2."""
    photo_tokens: int = 50
    """Tokens of the image encoder: one for each patch, and one."""
    vae_tokens: bool = True
    """The split encoder of section 4.2.1; False reads CLIP's tokens alone, the ablation of Table 2."""
    clip_square: str = "squeezed"
    """How a photo becomes CLIP's square: "squeezed", whole, or "centred", as published weights have seen it: cut."""
    beta_schedule: str = "scaled_linear"
    """"scaled_linear", which is Stable Diffusion's, or "linear"."""
    zero_snr: bool = False
    """Rescale the schedule to no signal at its end; needs prediction "v", and the photo then leaves the start."""
    prediction: str = "eps"
    """What the network predicts: "eps" (the paper) or "v", which bears few sampling steps."""
    sampler: str = "pndm"
    """"pndm" (the paper), "ddim" or "multistep"."""
    steps: int = 100
    image_scale: float = 8.0
    """s_I of Eq. 4; the paper gives none, its code's page recommends 8 and 3."""
    pose_scale: float = 3.0
    """s_P of Eq. 4."""

    def __post_init__(self) -> None:
        """ValueError where the numbers do not fit together."""
        super().__post_init__()
        if self.poses < 1 or self.poses % 2 == 0:
            raise ValueError(f"poses {self.poses}: must be odd, the frame's own in the middle")
        if self.unet.in_channels != LATENT + self.pose_channels:
            expected = LATENT + self.pose_channels
            raise ValueError(f"in_channels {self.unet.in_channels}: must be {expected} with {self.poses} poses")
        if self.zero_snr and self.prediction == "eps":
            raise ValueError("zero_snr: at a timestep without signal eps says nothing; must go with prediction v")

    @property
    def cell(self) -> int:
        """Pixels of which both sides of a film must be multiples: the U-Net's second level halves the latents."""
        return 2 * self.vae_factor

    @property
    def pose_channels(self) -> int:
        """Channels of all the poses that a frame reads."""
        return CHANNELS * self.poses

    def with_poses(self, poses: int) -> DreamPoseConfig:
        """The same with another number of poses."""
        return replace(self, poses=poses, unet=replace(self.unet, in_channels=LATENT + CHANNELS * poses))


def sd15() -> DreamPoseConfig:
    """The paper's: Stable Diffusion 1.4 or 1.5 at 640x512."""
    return DreamPoseConfig()


def mini() -> DreamPoseConfig:
    """The bundled model: 128x96, three levels, for two CPU cores; it reads the encoders of the bundled `mini`.

    Its U-Net is that of `mini` without the attention of the second level on the way down.
    """
    unet = UNetConfig(
        in_channels=LATENT + 5 * CHANNELS,
        block_out_channels=(48, 96, 128),
        layers_per_block=1,
        down_attention=(False, False, True),
        up_attention=(True, True, True),
        attention_head_dim=(1, 2, 4),
        cross_attention_dim=64,
        norm_num_groups=16,
        positions=5,
    )
    return DreamPoseConfig(
        size=(128, 96),
        vae_factor=4,
        unet=unet,
        photo_tokens=65,
        zero_snr=True,
        prediction="v",
        sampler="multistep",
        steps=20,
        image_scale=1.0,
        pose_scale=1.0,
    )


def toy() -> DreamPoseConfig:
    """The smallest networks that still have every part: for tests."""
    config = mini()
    unet = replace(config.unet, block_out_channels=(16, 32, 32), norm_num_groups=8, cross_attention_dim=16)
    return replace(
        config, size=(32, 24), unet=unet, photo_tokens=5, zero_snr=False, steps=2, image_scale=2.0, pose_scale=2.0
    )
