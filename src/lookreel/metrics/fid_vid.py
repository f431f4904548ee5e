"""Features for FID-VID as DisCo measures it: 3D-ResNet50 on 16 frames at 112x112 (Balaji et al. 2019).

PIL's bicubic, RGB 0-255 less the Kinetics mean, no deviation; a film shorter than 16 frames repeats its last one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from lookreel.metrics.clip import Clip
from lookreel.metrics.pixels import squash_bicubic
from lookreel.metrics.resnet3d import ResNet3D
from lookreel.metrics.windows import LENGTH, every

SIDE = 112
MEAN = (114.7748, 107.7354, 99.4750)
BATCH = 8


def each_start(clip: Clip, network: ResNet3D, device: str) -> np.ndarray:
    """float64 (N, 2048): one row for each start frame, as from DisCo's frame folders."""
    return _features(clip, every(clip) or [range(len(clip))], network, device)


def mean_of_film(clip: Clip, network: ResNet3D, device: str) -> np.ndarray:
    """float64 (1, 2048): the mean over the film cut into runs of 16, as from DisCo's video files."""
    runs = [range(start, min(start + LENGTH, len(clip))) for start in range(0, len(clip), LENGTH)]
    return _features(clip, runs, network, device).mean(0, keepdims=True)


@torch.inference_mode()
def _features(clip: Clip, runs: Sequence[range], network: ResNet3D, device: str) -> np.ndarray:
    frames = torch.from_numpy(squash_bicubic(clip.frames, SIDE) - np.array(MEAN, np.float32)).permute(0, 3, 1, 2)
    rows = []
    for start in range(0, len(runs), BATCH):
        batch = torch.stack([_padded(frames[run.start : run.stop]) for run in runs[start : start + BATCH]])
        rows.append(network(batch.to(device).transpose(1, 2)).double().cpu().numpy())
    return np.concatenate(rows)


def _padded(frames: Tensor) -> Tensor:
    """(T, 3, H, W), T up to 16 -> (16, 3, H, W)."""
    return torch.cat([frames, frames[-1:].expand(LENGTH - len(frames), -1, -1, -1)])
