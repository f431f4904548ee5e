"""Metrics that compare two frames through a network: loaded from the user's weights folder, or skipped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lookreel.metrics import lpips, weights
from lookreel.metrics.clip import check_pair
from lookreel.metrics.pixels import batches, to_tensor
from lookreel.metrics.result import Skipped
from lookreel.metrics.trunks import vgg19
from lookreel.metrics.vgg_loss import VGGLoss

PAIRED = ("lpips_alex", "lpips_vgg", "lpips_vgg_disco", "vgg19_l1")
BATCH = 8


@dataclass(frozen=True)
class PairedMetric:
    """distance: two batches (B, 3, H, W) on 0-255 -> (B,). weights: sha256 of each file by its name."""

    name: str
    distance: Callable[[Tensor, Tensor], Tensor]
    weights: dict[str, str]
    device: str = "cpu"

    @torch.inference_mode()
    def values(self, generated: np.ndarray, truth: np.ndarray) -> np.ndarray:
        """float64 (F,), one value a frame, of uint8 (F, H, W, 3) RGB. Raises InputError where the two do not match."""
        check_pair(generated, truth)
        found = []
        for part in batches(len(truth), BATCH):
            pair = (to_tensor(frames[part], self.device) for frames in (generated, truth))
            found.append(self.distance(*pair).double().cpu().numpy())
        return np.concatenate(found)


def load(name: str, weights_dir: str | Path | None, device: str = "cpu") -> PairedMetric | Skipped:
    """The metric of one of PAIRED, or why it is skipped. Raises InputError for a damaged or foreign file."""
    return _vgg_loss(name, weights_dir, device) if name == "vgg19_l1" else _lpips(name, weights_dir, device)


def _lpips(name: str, weights_dir: str | Path | None, device: str) -> PairedMetric | Skipped:
    net = "alex" if name == "lpips_alex" else "vgg"
    trunk, heads = weights.find(weights_dir, lpips.FILES[net]), lpips.heads_file(net)
    if trunk is None:
        return weights.skipped(name, lpips.FILES[net])
    if heads is None:
        known = lpips.HEADS[net]
        reason = f"{name}: skipped, no installed package holds the heads {known.file}; from {known.source}"
        return Skipped(name, reason, known.file, known.source, known.identity)
    model = lpips.load(net, trunk, heads).to(device)
    scale = _disco if name == "lpips_vgg_disco" else _signed
    used = {trunk.name: weights.sha256_of(trunk), f"lpips {heads.name}": weights.sha256_of(heads)}
    return PairedMetric(name, lambda a, b: model(scale(a), scale(b)), used, device)


def _vgg_loss(name: str, weights_dir: str | Path | None, device: str) -> PairedMetric | Skipped:
    path = weights.find(weights_dir, "vgg19")
    if path is None:
        return weights.skipped(name, "vgg19")
    model = VGGLoss(vgg19().load(path)).to(device)
    used = {path.name: weights.sha256_of(path)}
    return PairedMetric(name, lambda a, b: model(a / 255, b / 255), used, device)


def _signed(x: Tensor) -> Tensor:
    """0-255 to [-1, 1], as LPIPS expects."""
    return x / 127.5 - 1


def _disco(x: Tensor) -> Tensor:
    """0-255 to [0, 1]: DisCo's script feeds LPIPS unscaled pictures, and its tables hold the result."""
    return x / 255
