"""Everything that decides FashionFlow's networks and its sampling. Saved with each model, read back by `load`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from lookreel.nets.config import Config, FilmConfig

WORDS = {
    "beta_schedule": ("cosine_ramp", "cosine", "scaled_linear", "linear"),
    "prediction": ("eps", "v"),
    "sampler": ("ddpm", "ddim", "multistep"),
}
NET_WORDS = {"convolution": ("pseudo3d", "2d", "3d"), "attention": ("both", "spatial", "temporal", "none")}


@dataclass(frozen=True)
class NetConfig(Config):
    """Sizes of the space-time U-Net. The defaults are the published network's: 71,671,548 parameters."""

    words = NET_WORDS

    in_channels: int = 4
    """Channels of the latents, and of what is given beside them."""
    out_channels: int = 4
    widths: tuple[int, ...] = (64, 128, 256, 512)
    """Channels of each level, finest first (section 4.2). Every level halves both sides of the latents."""
    depth: int = 2
    """Residual blocks of a level beside the timed first one; 2 gives the paper's six convolutions."""
    attends: tuple[bool, ...] = (False, False, False, True)
    """Whether each level has spatio-temporal attention; the middle always has ("innermost", section 3.5)."""
    halves_time: tuple[bool, ...] = (False, False, False, True)
    """Whether each level also halves the frames."""
    heads: int = 8
    head_width: int = 64
    """Heads of the spatio-temporal attention and their channels."""
    down_heads: tuple[int, ...] = (1, 1, 2, 4)
    up_heads: tuple[int, ...] = (1, 1, 2, 4)
    """Heads of the cross-attention of each level, finest first."""
    context_width: int = 768
    """Channels of the photo's tokens."""
    groups: int = 8
    """Groups of every GroupNorm."""
    norm_over_frames: bool = True
    """Whether a GroupNorm's statistics are taken over all frames together, as published, or over each frame."""
    convolution: str = "pseudo3d"
    """"pseudo3d" (the paper), "2d" or "3d": what it is measured against."""
    attention: str = "both"
    """What the attention runs over: "both" (the paper), "spatial", "temporal", or "none"."""

    def __post_init__(self) -> None:
        """ValueError where the numbers do not fit together."""
        super().__post_init__()
        lists = (self.attends, self.halves_time, self.down_heads, self.up_heads)
        if any(len(values) != len(self.widths) for values in lists):
            raise ValueError(f"{len(self.widths)} widths; expected as many attends, halves_time, down_heads, up_heads")

    @property
    def time_width(self) -> int:
        """Channels of the time embedding."""
        return 4 * self.widths[0]

    @property
    def frame_multiple(self) -> int:
        """The number of frames must be a multiple of this."""
        return 2 ** sum(self.halves_time)

    @property
    def cell_multiple(self) -> int:
        """Both sides of the latents must be multiples of this."""
        return 2 ** len(self.widths)


@dataclass(frozen=True)
class FashionFlowConfig(FilmConfig):
    """Sizes and sampling of FashionFlow. The defaults are the paper's."""

    words = WORDS

    size: tuple[int, int] = (640, 512)
    """(H, W) of the film. The paper's text says 512 high and 640 wide; its code, and its films, are upright."""
    net: NetConfig = field(default_factory=NetConfig)
    interpolation: NetConfig | None = None
    """The network that doubles the frames (section 3.3): in_channels is 8; None where there is none."""
    photo_tokens: int = 50
    """Tokens of the image encoder: one for each patch, and one."""
    frames: int = 70
    """Frames of the clips it is trained on, and of a film unless asked otherwise."""
    max_frames: int = 280
    """The most frames that are made at once; beyond `frames` a film drifts."""
    fps: float = 25.0
    """Frames per second before interpolation."""
    local: bool = True
    """Local conditioning: frame 0 is the photo's latent (section 3.1)."""
    photo_in_every_frame: bool = False
    """Local conditioning beyond the paper's: every frame also reads the photo's latent, in four more channels."""
    global_: bool = True
    """Global conditioning: cross-attention reads the photo's tokens (section 3.4); else it reads zeros."""
    beta_schedule: str = "cosine_ramp"
    """"cosine_ramp" (the published code), "cosine" (Nichol and Dhariwal), "scaled_linear" or "linear"."""
    zero_snr: bool = False
    """Rescale the schedule to no signal at its end; needs prediction "v"."""
    prediction: str = "eps"
    """What the network predicts: "eps" (the paper) or "v", which bears few sampling steps."""
    sampler: str = "ddpm"
    """"ddpm" (the paper: 1000 steps), "ddim" or "multistep"."""
    steps: int = 1000
    noise_scale: float = 1.0
    """Deviation of a film's first noise, over 0 and at most 1: with less, films are calmer and a little softer."""
    interpolation_noise_scale: float = 1.0
    """The same for the frames between, whose neighbours leave less open."""
    doubly_rescaled: bool = False
    """Feed pictures as the published weights had them: [0, 1] to the VAE, and scaled by 1/255 once too often and cut to
    a centred square for CLIP, which then sees an almost black picture. For those weights only."""

    def __post_init__(self) -> None:
        """ValueError where the numbers do not fit together."""
        super().__post_init__()
        for net in filter(None, (self.net, self.interpolation)):
            if self.frames % net.frame_multiple or self.max_frames % net.frame_multiple:
                raise ValueError(f"frames {self.frames}, {self.max_frames}: must be multiples of {net.frame_multiple}")
        if self.net.in_channels != 4 + 4 * self.photo_in_every_frame:
            raise ValueError(f"in_channels {self.net.in_channels}: must be 4, or 8 with photo_in_every_frame")
        if self.interpolation is not None and self.interpolation.in_channels != 8:
            raise ValueError(f"interpolation in_channels {self.interpolation.in_channels}: must be 8")
        if self.interpolation is not None and 2 * self.net.frame_multiple % self.interpolation.frame_multiple:
            raise ValueError("interpolation halves_time: must suit twice the frames that the film network makes")
        if self.zero_snr and self.prediction == "eps":
            raise ValueError("zero_snr: at a timestep without signal eps says nothing; must go with prediction v")
        for name in ("noise_scale", "interpolation_noise_scale"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} {getattr(self, name)}: must be over 0 and at most 1")
        if not (self.local or self.global_):
            raise ValueError("local, global_: at least one must be on, else the photo is not read")

    @property
    def cell(self) -> int:
        """Pixels of which both sides of a film must be multiples: the coarsest level's of either network."""
        nets = filter(None, (self.net, self.interpolation))
        return self.vae_factor * max(net.cell_multiple for net in nets)

    @property
    def stride(self) -> int:
        """Every how many frames of the training clips make a film: their rate is that after interpolation."""
        return 1 if self.interpolation is None else 2

    @property
    def overlap(self) -> int:
        """Frames that neighbouring windows of the interpolation share: even, so that each begins with a known frame."""
        return self.frames // 8 * 2


def paper() -> FashionFlowConfig:
    """The paper's, with the interpolation network of section 3.3, from 12.5 frames a second to the data's 25."""
    return FashionFlowConfig(interpolation=NetConfig(in_channels=8), fps=12.5)


def published() -> FashionFlowConfig:
    """The published code's and weights': no interpolation, and pictures rescaled twice."""
    return FashionFlowConfig(doubly_rescaled=True)


def mini() -> FashionFlowConfig:
    """The bundled model: 128x96, three levels, for two CPU cores; it reads the encoders of the bundled `mini`."""
    net = NetConfig(
        in_channels=8,
        widths=(32, 48, 80),
        attends=(False, False, True),
        halves_time=(False, False, True),
        heads=4,
        head_width=20,
        down_heads=(1, 2, 2),
        up_heads=(1, 1, 2),
        context_width=64,
    )
    return FashionFlowConfig(
        size=(128, 96),
        vae_factor=4,
        net=net,
        interpolation=replace(net, widths=(16, 32, 48), depth=1, head_width=12),
        photo_tokens=65,
        frames=16,
        max_frames=64,
        fps=8.0,
        photo_in_every_frame=True,
        beta_schedule="scaled_linear",
        zero_snr=True,
        prediction="v",
        sampler="multistep",
        steps=20,
        noise_scale=0.75,
        interpolation_noise_scale=0.6,
    )


def toy() -> FashionFlowConfig:
    """The smallest networks that still have every part: for tests."""
    config = mini()
    small = dict(widths=(8, 8), groups=2, attends=(False, True), halves_time=(False, True), heads=2, head_width=4)
    net = replace(config.net, **small, down_heads=(1, 2), up_heads=(1, 1), context_width=16)
    return replace(config, size=(32, 48), net=net, interpolation=net, photo_tokens=5, frames=4, max_frames=16, steps=2)
