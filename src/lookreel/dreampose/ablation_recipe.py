"""DreamPose's ablations: Table 2, the number of photos that a model is tuned to, and Fig. 7's two guidance scales."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from lookreel.dreampose.config import DreamPoseConfig
from lookreel.dreampose.presets import Tuning, small, toy_tuning
from lookreel.training.task import Settings

FULL, CLIP_ONLY, ONE_POSE = "full", "CLIP only", "one pose"
COLUMNS = ("L1", "SSIM", "VGG", "LPIPS")  # of Table 2, on UBC Fashion: in all but SSIM lower is better
PAPER = {
    CLIP_ONLY: (0.025, 0.882, 0.247, 0.070),
    "no VAE tuning": (0.025, 0.897, 0.210, 0.057),
    ONE_POSE: (0.019, 0.899, 0.208, 0.056),
    "one pose, smoothed": (0.767, 0.758, 0.502, 0.202),
    FULL: (0.019, 0.900, 0.207, 0.056),
}


@dataclass(frozen=True)
class Row:
    """One way of making the films that are measured."""

    name: str
    network: str = FULL
    """FULL, CLIP_ONLY or ONE_POSE: what cross-attention reads, and how many poses."""
    tuned: bool = True
    """Whether the U-Net and the adapter are tuned to the subject."""
    decoder: bool = True
    """Whether the VAE's decoder is."""
    smoothed: bool = False
    """Whether the film's frames are averaged with their neighbours."""
    photos: int = 1
    """How many photos the model is tuned to."""

    @property
    def published(self) -> dict[str, float]:
        """The paper's figures of this row, on its own data."""
        return dict(zip(COLUMNS, PAPER[self.name], strict=True)) if self.name in PAPER else {}

    @property
    def file_name(self) -> str:
        return self.name.replace(", ", "-").replace(" ", "-")


@dataclass(frozen=True)
class Ablation:
    """Rows that are measured on the same figures.

    base: the model that they start from. settings: every network is trained on by these before any is tuned, so that
    all have had the same training; None takes the base as it is. tuning: of every subject.
    """

    name: str
    title: str
    rows: tuple[Row, ...]
    settings: Settings | None
    tuning: Tuning
    base: str = "mini-dreampose"
    mannequins: int = 200
    subjects: int = 4
    frames: int = 24
    """Of a turn; with fewer the flow from frame to frame is long, and the warp error mostly the turn's own."""

    def describe(self) -> dict[str, Any]:
        """What the trained models depend on."""
        settings = None if self.settings is None else asdict(self.settings)
        clips = {"mannequins": self.mannequins, "frames": self.frames}
        return {"name": self.name, "base": self.base, "settings": settings, "tuning": asdict(self.tuning)} | clips


@dataclass(frozen=True)
class Grid:
    """Fig. 7: films of tuned subjects at every pair of the two scales."""

    name: str
    title: str
    tuning: Tuning
    image_scales: tuple[float, ...] = (0.0, 1.0, 1.5, 2.0, 3.0, 5.0)
    pose_scales: tuple[float, ...] = (0.0, 1.0, 1.5, 2.0, 3.0, 5.0)
    base: str = "mini-dreampose"
    subjects: int = 2
    frames: int = 6
    steps: int | None = None
    """Of the sampler; None takes the model's."""

    def describe(self) -> dict[str, Any]:
        """What the films depend on."""
        films = {"frames": self.frames, "steps": self.steps}
        return {"name": self.name, "base": self.base, "tuning": asdict(self.tuning)} | films

    def pairs(self) -> dict[str, tuple[float, float]]:
        """Every pair of scales, image and pose, by the name that files give it."""
        return {f"{image:g}x{pose:g}": (image, pose) for image in self.image_scales for pose in self.pose_scales}


def network_config(config: DreamPoseConfig, network: str) -> DreamPoseConfig:
    """The config of one of Table 2's networks."""
    changed = {FULL: config, CLIP_ONLY: replace(config, vae_tokens=False), ONE_POSE: config.with_poses(1)}
    return changed[network]


def brief() -> Tuning:
    """`small`, by half the steps: the rows are compared with one another."""
    numbers = small()
    return replace(numbers, unet=replace(numbers.unet, steps=150), decoder=replace(numbers.decoder, steps=80))


def table2() -> Ablation:
    """Table 2. The three networks go on from the bundled model for as many steps each."""
    rows = (
        Row(CLIP_ONLY, CLIP_ONLY),
        Row("no VAE tuning", decoder=False),
        Row(ONE_POSE, ONE_POSE),
        Row("one pose, smoothed", ONE_POSE, smoothed=True),
        Row(FULL),
        Row("not tuned", tuned=False, decoder=False),
    )
    settings = Settings(
        steps=200, batch=16, lr=2e-4, warmup=20, decay=0.3, average=0.98, save_every=50, probe_every=10_000
    )
    return Ablation("dreampose-table2", "DreamPose: what each part brings (Table 2)", rows, settings, brief())


def photos() -> Ablation:
    """How many photos a model is tuned to; a target that faces backwards is the paper's named failure (section 6)."""
    rows = tuple(Row(f"{count} photo{'s' if count > 1 else ''}", photos=count) for count in (1, 3, 5))
    rows = (Row("not tuned", tuned=False, decoder=False), *rows)
    title = "DreamPose: the number of photos"
    return Ablation("dreampose-photos", title, rows, None, brief(), subjects=3, frames=16)


def guidance() -> Grid:
    return Grid("dreampose-guidance", "DreamPose: the two guidance scales (Fig. 7)", brief(), steps=12)


def toy(base: str) -> Ablation:
    """Four rows in seconds: for tests."""
    settings = Settings(steps=1, batch=1, lr=1e-3, precision="no", log_every=1, probe_every=10, save_every=1)
    rows = (Row(CLIP_ONLY, CLIP_ONLY), Row("one pose, smoothed", ONE_POSE, smoothed=True), Row(FULL))
    return Ablation("toy", "Toy", rows, settings, toy_tuning(), base, mannequins=1, subjects=2, frames=6)


def toy_grid(base: str) -> Grid:
    return Grid("toy-grid", "Toy", toy_tuning(), (1.0, 2.0), (1.0, 3.0), base, subjects=1, frames=4)


ABLATIONS: dict[str, Callable[[], Ablation]] = {"dreampose-table2": table2, "dreampose-photos": photos}
GRIDS: dict[str, Callable[[], Grid]] = {"dreampose-guidance": guidance}
