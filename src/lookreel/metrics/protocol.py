"""The protocols: at which size, on which frames and by which definitions clips are compared.

Published tables do not compare with each other because each fixed these choices otherwise (docs/metrics.md). A protocol
fixes all of them under one name; numbers of two protocols never stand in one table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from lookreel.errors import InputError

RESIZER = "Pillow bicubic on uint8 RGB, once, both sides"


@dataclass(frozen=True)
class FrameRule:
    """Which frames the paired metrics count; the frames that the model saw (the references) never count.

    count: so many, evenly spaced; None for all there are. distance: a counted frame lies at least so many frames from
    every reference. Both hold only where a manifest says which frames the references are; else every frame counts.
    """

    count: int | None = None
    distance: int = 1

    def picked(self, frames: int, references: Sequence[int]) -> list[int]:
        """Numbers of the frames that count, rising; empty where none is far enough from the references."""
        far = apart(frames, references, self.distance)
        if not references or self.count is None or len(far) <= self.count:
            return far
        return [far[place] for place in np.rint(np.linspace(0, len(far) - 1, self.count)).astype(int)]


def apart(frames: int, references: Sequence[int], distance: int = 1) -> list[int]:
    """The frames of 0 ... frames - 1 that lie at least `distance` frames from every reference."""
    return [frame for frame in range(frames) if all(abs(frame - reference) >= distance for reference in references)]


@dataclass(frozen=True)
class Protocol:
    """One way to compare generated clips with the truth.

    name: its id in reports. size: (H, W) at which both sides are compared; None: the generated clip's own. frames: the
    rule of the paired metrics. pictures, networks: paired metrics, one value a frame, without and with weights. masked:
    those of `pictures` that are also given over each mask of the manifest. film: metrics of whole sets of clips.
    windows: in words, the runs of frames that film metrics see. garment: whether the garment metrics belong to it.
    rank: the metric by which the worst, median and best clip are shown. source: whom it follows.
    """

    name: str
    size: tuple[int, int] | None
    frames: FrameRule
    pictures: tuple[str, ...]
    networks: tuple[str, ...]
    film: tuple[str, ...]
    windows: str
    masked: tuple[str, ...] = ()
    garment: bool = False
    rank: str = "ssim"
    source: str = ""

    def describe(self) -> dict[str, Any]:
        """All of it as JSON values, the resizer among them."""
        return asdict(self) | {"resizer": RESIZER}


RUNS = "16 consecutive frames at the clip's own rate, without overlap, from frame 0; no run holds a reference"
FVD = ("fvd16_sgv", "fvd16_400", "fvd16_n100_sgv", "fvd16_n100_400", "kvd16_sgv", "kvd16_400")
FILM = ("fid", *FVD, "vfid_i3d_eval", "is_frame", "is_video_c3d")


def ubc256() -> Protocol:
    """Ours for UBC Fashion: 256x256, 50 frames far from the references as DreamPose took them; all beside."""
    return Protocol(
        name="ubc256",
        size=(256, 256),
        frames=FrameRule(50, 50),
        pictures=("ssim", "psnr", "l1"),
        masked=("ssim", "psnr", "l1"),
        networks=("lpips_alex", "lpips_vgg", "vgg19_l1"),
        film=FILM,
        windows=RUNS,
        garment=True,
        source="our own, with the frames that DreamPose took",
    )


def native() -> Protocol:
    """As ubc256, at the size of the generated clips; the truth is cropped and resized as the model's input was."""
    return replace(ubc256(), name="native", size=None, source="our own, as ubc256 but at the generated clips' size")


def bdmm() -> Protocol:
    """As BDMM's script for UBC Fashion: its SSIM and its L1 on [-1, 1], 256x256, every frame but the first."""
    return Protocol(
        name="bdmm",
        size=(256, 256),
        frames=FrameRule(),
        pictures=("ssim_bdmm", "psnr", "l1_bdmm"),
        networks=("lpips_alex",),
        film=("fvd16_bdmm_sgv", "fvd16_bdmm_400"),
        windows="the first 16 frames, against 16 frames from a random place of each true clip, the mean of 100 draws",
        rank="ssim_bdmm",
        source="BDMM's, but for its list of frames: here every frame but the references",
    )


def disco() -> Protocol:
    """As DisCo's script for TikTok: grey SSIM, LPIPS fed [0, 1], 256x256, the reference is the first frame."""
    return Protocol(
        name="disco",
        size=(256, 256),
        frames=FrameRule(),
        pictures=("ssim_disco", "psnr", "l1_disco"),
        networks=("lpips_vgg_disco",),
        film=("fid_pytorch", "fid_vid", "fvd16_disco_sgv", "fvd16_disco_400"),
        windows="16 consecutive frames from every start",
        rank="ssim_disco",
        source="DisCo's",
    )


PROTOCOLS = {"ubc256": ubc256, "native": native, "bdmm": bdmm, "disco": disco}

# What some tables print although its definition is at fault: only beside the right value, and only when asked for.
PUBLISHED_PICTURES = ("psnr_overflow",)
PUBLISHED_FILM = ("vfid_i3d_as_published",)


def protocol(name: str, as_published: bool = False) -> Protocol:
    """The protocol of that name. Raises InputError for another name.

    as_published: with the metrics whose faults some tables carry: PSNR with uint8 overflow, VFID in training mode.
    """
    if name not in PROTOCOLS:
        raise InputError(f"--protocol: {name}; expected one of {', '.join(PROTOCOLS)}")
    found = PROTOCOLS[name]()
    if not as_published:
        return found
    return replace(found, pictures=found.pictures + PUBLISHED_PICTURES, film=found.film + PUBLISHED_FILM)
