"""Features for VFID-I3D: one row a film, Mixed_5c of piergiaj's I3D averaged over time and place (1024).

FashionFlow cites Chang et al. 2019, whose script feeds [0, 1] at the films' own size and never leaves train mode, so
that batch norm uses each single film's statistics. `evaluated` does what was meant, `as_published` what was done.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from lookreel.metrics.clip import Clip
from lookreel.metrics.fvd import bilinear, raw
from lookreel.metrics.i3d import I3D

LONGEST = 60  # frames


@torch.inference_mode()
def evaluated(clip: Clip, network: I3D, device: str) -> np.ndarray:
    """float64 (1, 1024): eval mode, 224x224 in [-1, 1], the first 60 frames at most."""
    video = bilinear(clip.frames[:LONGEST]).unsqueeze(0).to(device)
    return network.eval().features(video).double().cpu().numpy()


@torch.inference_mode()
def as_published(clip: Clip, network: I3D, device: str) -> np.ndarray:
    """float64 (1, 1024): batch statistics, the whole film at its own size in [0, 1]."""
    video = (raw(clip.frames) / 255).unsqueeze(0).to(device)
    return single_film_statistics(network).features(video).double().cpu().numpy()


def single_film_statistics(network: I3D) -> I3D:
    """The network in train mode; its running statistics stay as they were read."""
    network.train()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm3d):
            layer.momentum = 0.0
    return network
