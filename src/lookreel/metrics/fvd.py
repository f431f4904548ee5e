"""Features of 16-frame runs for FVD and KVD: I3D's 400 logits before the softmax (Unterthiner et al. 2018).

Both files hold TF-hub's I3D: a TorchScript one, which resizes inside, and tensors for our own network. Frames are
squashed to 224x224, never centre-cropped: a crop throws away head and shoes of an upright film.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from lookreel.metrics.clip import Clip
from lookreel.metrics.pixels import squash, squash_bicubic, to_tensor

SIDE = 224
BATCH = 4
Windows = Callable[[Clip], Sequence[range]]
Prepare = Callable[[np.ndarray], Tensor]  # uint8 (T, H, W, 3) -> (3, T, H, W) ready for the network


@torch.inference_mode()
def features(
    clip: Clip, network: Callable[[Tensor], Tensor], device: str, windows: Windows, prepare: Prepare
) -> np.ndarray:
    """float64 (N, D): one row a run of frames; (0, 0) where the film has none."""
    runs, rows = windows(clip), []
    for start in range(0, len(runs), BATCH):
        batch = [prepare(clip.frames[run.start : run.stop]).to(device) for run in runs[start : start + BATCH]]
        rows.append(network(torch.stack(batch)).flatten(1).double().cpu().numpy())
    return np.concatenate(rows) if rows else np.empty((0, 0))


def script(network: torch.jit.ScriptModule) -> Callable[[Tensor], Tensor]:
    """StyleGAN-V's TorchScript I3D as a function of (B, 3, T, H, W) on 0-255: it scales and squashes inside."""
    return lambda x: network(x, rescale=True, resize=True, return_features=True)


def raw(frames: np.ndarray) -> Tensor:
    """(3, T, H, W) on 0-255, at the frames' own size."""
    return to_tensor(frames).transpose(0, 1)


def bilinear(frames: np.ndarray) -> Tensor:
    """(3, T, 224, 224) in [-1, 1], bilinear without antialiasing, as cd-fvd does."""
    return (squash(to_tensor(frames), SIDE) / 127.5 - 1).transpose(0, 1)


def bicubic_raw(frames: np.ndarray) -> Tensor:
    """(3, T, 224, 224) on 0-255 by PIL's bicubic, as DisCo does."""
    return torch.from_numpy(squash_bicubic(frames, SIDE)).permute(3, 0, 1, 2)


def bicubic(frames: np.ndarray) -> Tensor:
    """`bicubic_raw` in [-1, 1]."""
    return bicubic_raw(frames) / 127.5 - 1


def first_of_each(videos: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The first row of each video's features (K, D), as (1, D); videos without any are left out."""
    return [rows[:1] for rows in videos if len(rows)]


def mean_over_draws(
    generated: Sequence[np.ndarray], truth: Sequence[np.ndarray], distance: Callable[[np.ndarray, np.ndarray], float]
) -> float:
    """BDMM's FVD: the generated openings against one random run a truth film, the mean over the draws.

    generated: (1, D) a film. truth: (draws, D) a film.
    """
    ours, theirs = np.concatenate(first_of_each(generated)), np.stack([rows for rows in truth if len(rows)])
    return float(np.mean([distance(ours, theirs[:, draw]) for draw in range(theirs.shape[1])]))
