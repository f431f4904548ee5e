"""The Inception Score: exp of the mean divergence between each sample's classes and those of all.

Salimans et al. 2016, section 4. Of frames through Inception, or of 16-frame runs through C3D (StyleGAN-V's
isv2048_ucf). It looks at the generated films alone and says little within one domain; FashionFlow does not say which of
the two it printed.
"""

from __future__ import annotations

import numpy as np
import torch

from lookreel.errors import InputError
from lookreel.metrics.clip import Clip
from lookreel.metrics.windows import non_overlapping

SPLITS = 10
SHUFFLE = 42  # StyleGAN-V's seed
BATCH = 8


def inception_score(probabilities: np.ndarray, splits: int = SPLITS) -> float:
    """The mean score over `splits` parts of the shuffled probabilities (N, classes)."""
    p = np.asarray(probabilities, np.float64)
    if p.ndim != 2 or len(p) < splits:
        raise InputError(f"probabilities of shape {p.shape}; an Inception Score needs at least {splits} samples")
    p = np.clip(p[np.random.RandomState(SHUFFLE).permutation(len(p))], 1e-16, 1)  # noqa: NPY002
    parts = [p[i * len(p) // splits : (i + 1) * len(p) // splits] for i in range(splits)]
    return float(np.mean([np.exp((part * (np.log(part) - np.log(part.mean(0)))).sum(1).mean()) for part in parts]))


@torch.inference_mode()
def c3d_probabilities(clip: Clip, network: torch.jit.ScriptModule, device: str) -> np.ndarray:
    """float64 (N, 101) of the runs of 16 frames; the network takes uint8 (B, 3, 16, H, W) and resizes inside."""
    runs, rows = non_overlapping(clip), []
    for start in range(0, len(runs), BATCH):
        batch = np.stack([clip.frames[run.start : run.stop] for run in runs[start : start + BATCH]])
        video = torch.from_numpy(np.ascontiguousarray(batch.transpose(0, 4, 1, 2, 3))).to(device)
        rows.append(network(video).double().cpu().numpy())
    return np.concatenate(rows) if rows else np.empty((0, 0))
