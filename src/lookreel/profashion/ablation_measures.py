"""What is measured on each film of an ablation, and how each figure is read."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from lookreel.data import mannequin
from lookreel.metrics.clip import Clip, of_mannequin
from lookreel.metrics.consistency import consistency
from lookreel.metrics.flicker import dtssd
from lookreel.metrics.picture import psnr
from lookreel.metrics.warp import warp_error

AHEAD = np.radians(30)  # by how much a photo must be the nearest for a frame to count in the selection


@dataclass(frozen=True)
class Measure:
    """A figure: its heading, the factor and the digits it is printed with, +1 where more is better, else -1."""

    title: str
    digits: int
    better: int = 1
    factor: float = 1.0


MEASURES = {
    "psnr": Measure("PSNR, dB", 2),
    "psnr_front": Measure("PSNR front, dB", 2),
    "psnr_side": Measure("PSNR side, dB", 2),
    "psnr_back": Measure("PSNR back, dB", 2),
    "vgc_front": Measure("VGC front", 3),
    "vgc_back": Measure("VGC back", 3),
    "warp": Measure("warp error, thousandths", 2, better=-1, factor=1000),
    "dtssd": Measure("dtSSD, thousandths", 2, better=-1, factor=1000),
    "selection": Measure("nearest photo weighs most", 2),
    "weight": Measure("its weight", 2),
}


def figures(frames: Tensor, truth: mannequin.Clip, photos: mannequin.Clip) -> dict[str, float]:
    """Of a film uint8 (F, 3, H, W) against its truth: those of MEASURES that can be told, without the selection.

    psnr: over garment pixels, the mean over frames, of all of them and by view. vgc: the torso against `photos` of
    front and back (`metrics/consistency.py`). warp: along the exact flow, over the person where it was seen before.
    dtssd: over whole frames (`metrics/flicker.py`).
    """
    true = of_mannequin("truth", truth)
    film = replace(true, frames=_channels_last(frames))
    turned = np.abs(np.angle(np.exp(1j * truth.yaw.double().numpy())))
    decibels = psnr(film.frames, true.frames, true.masks["garment"])
    of_view = {
        "psnr": np.ones(len(turned), bool),
        "psnr_front": turned < np.pi / 4,
        "psnr_side": (turned >= np.pi / 4) & (turned <= 3 * np.pi / 4),
        "psnr_back": turned > 3 * np.pi / 4,
    }
    found = {name: _mean(decibels[chosen]) for name, chosen in of_view.items()}
    counts = true.masks["person"] & true.masks["unoccluded"]
    found["warp"] = warp_error(film.frames, true.flow, counts)
    found["dtssd"] = dtssd(film.frames, true.frames)
    return _known(found) | sides(film, photos)


def borrowed(frames: Tensor, motion: mannequin.Clip, photos: mannequin.Clip) -> dict[str, float]:
    """The figures that need no truth: of a film that moves as another figure does."""
    return sides(replace(of_mannequin("motion", motion), frames=_channels_last(frames)), photos)


def sides(film: Clip, photos: mannequin.Clip) -> dict[str, float]:
    """vgc_front and vgc_back, where the film shows that side."""
    found = consistency(film, of_mannequin("photos", photos))
    return _known({"vgc_front": found.front, "vgc_back": found.back} if found else {})


def selected(shares: Tensor, yaws: Tensor, photo_yaws: tuple[float, ...]) -> dict[str, float]:
    """How often the photo nearest in yaw has the largest mean weight, and that weight.

    shares: (F, R). yaws: (F,). Frames count where the nearest photo is so by at least 30 degrees; none do with one.
    """
    if len(photo_yaws) < 2:
        return {}
    apart = np.abs(np.angle(np.exp(1j * (yaws.double().numpy()[:, None] - np.array(photo_yaws)))))  # (F, R)
    order = np.sort(apart, axis=1)
    clear = np.flatnonzero(order[:, 1] - order[:, 0] >= AHEAD)
    near, m = apart.argmin(1)[clear], shares.double().numpy()[clear]
    chosen = m[np.arange(len(clear)), near]
    return _known({"selection": _mean(m.argmax(1) == near), "weight": _mean(chosen)})


def _channels_last(frames: Tensor) -> np.ndarray:
    return np.ascontiguousarray(frames.permute(0, 2, 3, 1).numpy())


def _mean(values: np.ndarray) -> float:
    values = np.asarray(values, np.float64)
    values = values[~np.isnan(values)]
    return float(values.mean()) if values.size else float("nan")


def _known(values: dict[str, float]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items() if np.isfinite(value)}
