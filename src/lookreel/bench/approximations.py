"""What half precision and decoding in tiles change, on the bundled model."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from lookreel.bench.fast import pictures, timed
from lookreel.data import mannequin
from lookreel.metrics.picture import psnr
from lookreel.running.plan import Plan


def approximations(system: Any, garments: int, frames: int = 8) -> dict[str, float]:
    """PSNR in dB to the exact film, means over test garments. The system is left in bfloat16."""
    tile = min(system.config.latent_size) * 2 // 3
    plans = {
        f"decoding in tiles of {tile} cells": Plan(tile=tile),
        "bfloat16": Plan(dtype=torch.bfloat16),
    }
    seeds = range(mannequin.TEST.start, mannequin.TEST.start + garments)
    clips = {seed: mannequin.clip(seed, "turn", frames, system.size) for seed in seeds}
    exact = {seed: timed(system, clip, seed, "exact")[0] for seed, clip in clips.items()}
    found = {}
    for name, plan in plans.items():
        system.run_by(plan, system.device)
        films = {seed: timed(system, clip, seed, "exact")[0] for seed, clip in clips.items()}
        pairs = [(pictures(films[seed].frames), pictures(exact[seed].frames)) for seed in seeds]
        found[name] = float(np.mean([psnr(*pair).mean() for pair in pairs]))
    return found
