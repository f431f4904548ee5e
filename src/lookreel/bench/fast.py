"""The faster presets beside the exact film: evaluations, time, and how far the pictures are apart."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lookreel.data import mannequin
from lookreel.diffusion.pace import PRESETS, pace, work
from lookreel.film import Film
from lookreel.metrics.paired import PairedMetric, load
from lookreel.metrics.picture import psnr
from lookreel.photos import Photo
from lookreel.system import System

YAWS = (0.0, math.pi, math.pi / 2)


def fast(system: System, garments: int, frames: int = 16, weights: Path | None = None) -> dict[str, Any]:
    """Means over test garments. PSNR in dB to the exact film, and of every film to the truth.

    weights: a folder of metrics' weights; LPIPS is measured where it is there. speed: the exact film's processor time
    over the preset's, for whole films, photos and decoding among it.
    """
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in PRESETS}
    lpips = load("lpips_alex", weights)
    for seed in range(mannequin.TEST.start, mannequin.TEST.start + garments):
        truth = mannequin.clip(seed, "turn", frames, system.size)
        whole, spent = timed(system, truth, seed, "exact")
        rows["exact"].append({"speed": 1.0, "truth": _psnr(whole, truth.frames)})
        for name in [name for name in PRESETS if name != "exact"]:
            film, seconds = timed(system, truth, seed, name)
            row = {"speed": spent / seconds, "psnr": _psnr(film, whole.frames), "truth": _psnr(film, truth.frames)}
            if isinstance(lpips, PairedMetric):
                row["lpips"] = float(lpips.values(pictures(film.frames), pictures(whole.frames)).mean())
            rows[name].append(row)
    measured = {name: _work(system, name) | _mean(found) for name, found in rows.items()}
    return {"garments": garments, "frames": frames, "presets": measured}


def timed(system: System, truth: mannequin.Clip, seed: int, preset: str) -> tuple[Film, float]:
    """The film of a garment's turn, and the processor seconds that it took."""
    made = mannequin.frames_at(seed, list(YAWS), system.size)
    photos = [Photo(*p) for p in zip(pictures(made.frames), made.track.keypoints, strict=True)]
    began = time.process_time()
    film = system.animate(photos, truth.track, seed=seed, preset=preset)
    return film, time.process_time() - began


def _work(system: Any, name: str) -> dict[str, float]:
    """Evaluations of the network for each window."""
    config, wanted = system.config, pace(name)
    steps = wanted.steps_of(config.steps)
    return {"steps": steps, **vars(work(wanted, system.model.schedule, steps, config.guidance))}


def _mean(rows: list[dict[str, float]]) -> dict[str, float]:
    return {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}


def _psnr(film: Film, truth: torch.Tensor) -> float:
    return float(psnr(pictures(film.frames), pictures(truth)).mean())


def pictures(frames: torch.Tensor) -> np.ndarray:
    """uint8 (F, 3, H, W) as (F, H, W, 3)."""
    return np.ascontiguousarray(frames.permute(0, 2, 3, 1).numpy())
