"""Test figures of the mannequin world, and what can be told of a film of one: everything about the truth is known.

Their poses are those of a body without clothes: the mannequin's own maps would give away what it wears from each side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from lookreel.data import mannequin
from lookreel.data.mannequin.labels import HEAD
from lookreel.dreampose.system import DreamPoseSystem
from lookreel.dreampose.tuning_photos import TuningPhoto
from lookreel.metrics import picture
from lookreel.metrics.clip import of_mannequin
from lookreel.metrics.warp import warp_error
from lookreel.poses.densepose import dense, of_body

AWAY = math.radians(30)  # frames turned further than this from the photo are new views
BACK = math.radians(135)
SIDE = math.radians(45)
# The yaws of so many photos: the front, then evenly round the figure.
VIEWS = {n: tuple(2 * math.pi * ((i + 1) // 2) / n * (-1) ** (i + 1) for i in range(n)) for n in (1, 3, 5)}


@dataclass(frozen=True)
class Figure:
    """A figure of a test seed. photos: what a model is tuned to, the front first. truth: its turn."""

    seed: int
    photos: list[TuningPhoto]
    stills: mannequin.Clip
    truth: mannequin.Clip

    @property
    def front(self) -> np.ndarray:
        """The photo that films are made of, uint8 (H, W, 3)."""
        return self.stills.frames[0].permute(1, 2, 0).numpy()

    @property
    def turned(self) -> np.ndarray:
        """|yaw| (F,) of the turn's frames, 0 to pi."""
        return np.abs(np.angle(np.exp(1j * self.truth.yaw.numpy())))


def figure(seed: int, size: tuple[int, int], frames: int, photos: int = 1) -> Figure:
    """The figure of `seed` with 1, 3 or 5 photos round it, and a turn of so many frames."""
    stills = mannequin.frames_at(seed, VIEWS[photos], size)
    uv, pixels = dense(of_body(stills.track), size).uv, stills.frames.float() / 127.5 - 1
    opened = [TuningPhoto(pixels[i], uv[i], f"mannequin {seed}, photo {i}", str(seed)) for i in range(photos)]
    return Figure(seed, opened, stills, mannequin.clip(seed, "turn", frames, size))


def film_of(system: DreamPoseSystem, figure: Figure, **settings) -> Tensor:
    """The figure's turn, made of its front photo by its own poses: uint8 (F, 3, H, W)."""
    return system.animate(figure.front, of_body(figure.truth.track), seed=figure.seed, **settings).frames


def told(film: Tensor, figure: Figure, system: DreamPoseSystem) -> dict[str, float]:
    """The figures of a film uint8 (F, 3, H, W) of a test figure's turn.

    l1, ssim, psnr, embedding: against the true frames that are turned away from the photo; the last is 1 - cosine of
    the bundled image encoder's embeddings. psnr_front, psnr_side, psnr_back: by view, all frames. facing: the share of
    the backward frames whose head looks more like the true one than like the photo's face. warp: the error along the
    exact flow on the person, all frames (`metrics/warp.py`).
    """
    made, true, turned = _pictures(film), _pictures(figure.truth.frames), figure.turned
    away = turned > AWAY
    known = of_mannequin(str(figure.seed), figure.truth)
    values = picture.psnr(made, true)
    views = {"front": turned < SIDE, "side": (turned >= SIDE) & (turned <= BACK), "back": turned > BACK}
    return {
        "l1": float(picture.l1(made[away], true[away]).mean()),
        "ssim": float(picture.ssim(made[away], true[away]).mean()),
        "psnr": float(values[away].mean()),
        "embedding": _apart(film[away], figure.truth.frames[away], system),
        **{f"psnr_{name}": float(values[chosen].mean()) for name, chosen in views.items()},
        "facing": _facing(made, true, figure),
        "warp": warp_error(made, known.flow, known.masks["person"] & known.masks["unoccluded"]),
    }


def smoothed(film: Tensor) -> Tensor:
    """Frames averaged with their two neighbours: what Table 2 calls temporal smoothing of the output."""
    padded = torch.cat([film[:1], film, film[-1:]]).float()
    return ((padded[:-2] + padded[1:-1] + padded[2:]) / 3).round().to(torch.uint8)


def _facing(made: np.ndarray, true: np.ndarray, figure: Figure) -> float:
    """See `told`; NaN where no frame shows the back."""
    front = np.isin(figure.stills.dense[0, 0].numpy(), HEAD)
    right = []
    for i in np.flatnonzero(figure.turned > BACK):
        head = front & np.isin(figure.truth.dense[i, 0].numpy(), HEAD)
        pixels = [frame[head].astype(int) for frame in (made[i], true[i], figure.front)]
        right.append(np.abs(pixels[0] - pixels[1]).mean() < np.abs(pixels[0] - pixels[2]).mean())
    return float(np.mean(right)) if right else math.nan


def _apart(film: Tensor, truth: Tensor, system: DreamPoseSystem) -> float:
    encoder = system.encoders.image_encoder
    made, true = (encoder.encode(frames.to(system.device).float() / 127.5 - 1) for frames in (film, truth))
    return float(1 - F.cosine_similarity(made, true).mean())


def _pictures(frames: Tensor) -> np.ndarray:
    """uint8 (F, 3, H, W) -> (F, H, W, 3)."""
    return np.ascontiguousarray(frames.permute(0, 2, 3, 1).cpu().numpy())


def strip(films: Sequence[Tensor], columns: int = 8) -> np.ndarray:
    """Films uint8 (F, 3, H, W) as lines of frames, one below the other: uint8 (H', W', 3)."""
    lines = []
    for film in films:
        picked = film[torch.linspace(0, len(film) - 1, min(columns, len(film))).round().long()]
        lines.append(np.concatenate(list(_pictures(picked)), axis=1))
    return np.concatenate(lines, axis=0)
