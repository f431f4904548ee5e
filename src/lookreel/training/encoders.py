"""Presets that train the small encoders of the bundled models in the mannequin world."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lookreel.data import mannequin
from lookreel.encoders.vae import LatentCodec
from lookreel.errors import InputError
from lookreel.training.image_encoder import ImageEncoderTask, mini_image_encoder
from lookreel.training.run import run
from lookreel.training.task import Settings, Task
from lookreel.training.vae import VAETask, mini_vae
from lookreel.training.vae_start import start

SIZE = (128, 96)
HELD_OUT = mannequin.VALIDATION.start


def stills(choices: np.random.Generator, count: int) -> Tensor:
    """Pictures of one random training garment at random yaws: uint8 (count, 3, H, W)."""
    seed = int(choices.integers(mannequin.TRAIN.start, mannequin.TRAIN.stop))
    return mannequin.frames_at(seed, choices.uniform(-math.pi, math.pi, count).tolist(), SIZE).frames


def pairs(choices: np.random.Generator) -> Tensor:
    """Two pairs of one random garment, from opposite sides: uint8 (2, 2, 3, H, W); a pair is within 40 degrees."""
    return _pairs(int(choices.integers(mannequin.TRAIN.start, mannequin.TRAIN.stop)), choices)


def _pairs(seed: int, choices: np.random.Generator) -> Tensor:
    first = choices.uniform(-math.pi, math.pi) + np.array([0, math.pi])
    second = first + choices.uniform(-1, 1, 2) * math.radians(40)
    yaws = np.stack([first, second], axis=1).ravel()
    return mannequin.frames_at(seed, yaws.tolist(), SIZE).frames.unflatten(0, (2, 2))


def _vae(settings: Settings, init: Path | None) -> Task:
    torch.manual_seed(settings.seed)
    vae, rng = mini_vae(), np.random.default_rng(0)
    start(vae, torch.cat([stills(rng, 4) for _ in range(64)]).float() / 127.5 - 1)
    return VAETask(vae, stills, _held_out_stills(rng), settings)


def _vae_decoder(settings: Settings, init: Path | None) -> Task:
    if init is None:
        raise InputError("preset 'mini-vae-decoder': give --init, the folder that has the VAE to continue in vae/")
    vae = LatentCodec.from_pretrained(init / "vae").vae.requires_grad_(True).train()
    return VAETask(vae, stills, _held_out_stills(np.random.default_rng(0)), settings, decoder_only=True)


def _held_out_stills(rng: np.random.Generator) -> Tensor:
    yaws = rng.uniform(-math.pi, math.pi, 32)
    return torch.cat([mannequin.frames_at(HELD_OUT + i, [yaw], SIZE).frames for i, yaw in enumerate(yaws)])


def _image_encoder(settings: Settings, init: Path | None) -> Task:
    torch.manual_seed(settings.seed)
    held_out = [_pairs(HELD_OUT + i, np.random.default_rng([i])) for i in range(64)]
    return ImageEncoderTask(mini_image_encoder(), pairs, torch.cat(held_out), settings)


RECIPES: dict[str, tuple[Callable[[Settings, Path | None], Task], Settings]] = {
    "mini-vae": (
        _vae,
        Settings(steps=500, batch=4, lr=1e-3, warmup=50, average=0.99, save_every=100, probe_every=100),
    ),
    "mini-vae-decoder": (
        _vae_decoder,
        Settings(steps=1000, batch=4, lr=5e-4, warmup=50, average=0.995, save_every=100, probe_every=100),
    ),
    "mini-image-encoder": (
        _image_encoder,
        Settings(steps=400, batch=16, lr=1e-3, warmup=50, average=0.99, save_every=200, probe_every=200),
    ),
}


def _train(preset: str, data: str, out: Path, steps: int | None, init: str | Path | None, stage: int | None) -> Path:
    """Train one of the encoders; they learn from mannequins only, in one stage."""
    if data != "mannequin":
        raise InputError(f"--data {data}: {preset} learns from the mannequin world; expected --data mannequin")
    if stage not in (None, 1):
        raise InputError(f"preset {preset!r}: it has one stage; leave --stage out")
    make, settings = RECIPES[preset]
    settings = settings if steps is None else replace(settings, steps=steps)
    run(
        make(settings, Path(init) if init else None),
        out,
        {"preset": preset, "data": data, "settings": asdict(settings)},
    )
    return out / "model"


def _bind(preset: str) -> Callable:
    return lambda *arguments: _train(preset, *arguments)


PRESETS = {preset: _bind(preset) for preset in RECIPES}
