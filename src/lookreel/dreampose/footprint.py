"""How much memory a film of DreamPose takes, counted on meta tensors: no weight is read and nothing is computed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from diffusers import AutoencoderKL

from lookreel.dreampose.config import LATENT, DreamPoseConfig
from lookreel.dreampose.model import DreamPose
from lookreel.dreampose.sampling import AT_ONCE, repeated
from lookreel.encoders.shared import Encoders
from lookreel.reference.footprint import PROCESS, SLACK
from lookreel.running.memory import Footprint
from lookreel.running.meter import Meter
from lookreel.running.plan import Plan

FLOAT = 4  # bytes


class Estimate:
    """Footprints of one film by plan. frames: of the film. reuse: whether deep features are used again.

    Frames are made in batches, so that only latents, poses and pictures grow with the film.
    """

    def __init__(self, config: DreamPoseConfig, encoders: Encoders, frames: int, reuse: bool = False) -> None:
        self.config, self.frames, self.reuse = config, frames, reuse
        with torch.device("meta"):
            self.model, self.vae = DreamPose(config), AutoencoderKL.from_config(encoders.codec.vae.config)
        self.clip = sum(p.numel() for p in encoders.image_encoder.parameters())
        self.step_bytes = cache(self._step_bytes)
        self.decode_bytes = cache(self._decode_bytes)
        self.encode_bytes = cache(self._encode_bytes)

    def __call__(self, plan: Plan, device: torch.device) -> Footprint:
        """Bytes at once, by stage. Activations are counted in float32 and scaled to the plan's precision."""
        half = plan.dtype.itemsize / FLOAT
        weights = self.weights(plan)
        if not plan.offload:
            weights = dict.fromkeys(weights, sum(weights.values()) - weights["decode"])
        there = PROCESS + self.grown + (self.pictures if device.type == "cpu" else 0)
        deep = self.deep_bytes if self.reuse else 0
        step = (self.step_bytes(min(plan.frames_at_once or AT_ONCE, self.frames)) * SLACK + deep) * half
        decode = self.decode_bytes(min(plan.pictures_at_once, self.frames), plan.tile) * half * SLACK
        return Footprint(
            encode=int(there + weights["encode"] + self.encode_bytes() * half * SLACK),
            denoise=int(there + weights["denoise"] + step),
            decode=int(there + weights["decode"] + decode),
        )

    def weights(self, plan: Plan) -> dict[str, int]:
        """Bytes of the networks that work in each stage; the VAE works in two."""
        size, vae = plan.dtype.itemsize, _numbers(self.vae) * plan.dtype.itemsize
        denoise = _numbers(self.model.unet) * size + _numbers(self.model.adapter) * FLOAT
        return {"encode": vae + self.clip * size, "denoise": denoise, "decode": vae}

    @property
    def grown(self) -> int:
        """Latents, what a sampler holds beside them, and the poses, in float32."""
        h, w = self.config.latent_size
        return FLOAT * (9 * LATENT + self.config.pose_channels) * self.frames * h * w

    @property
    def pictures(self) -> int:
        """The film and its poses, bytes."""
        height, width = self.config.size
        return (3 + 2 + 3) * self.frames * height * width

    @property
    def deep_bytes(self) -> int:
        """Deep features of all frames and all three predictions, in float32."""
        h, w = self.config.latent_size
        return FLOAT * 3 * self.frames * self.config.unet.block_out_channels[0] * h * w

    @torch.no_grad()
    def _step_bytes(self, frames: int) -> int:
        """One prediction for so many frames, and the keys and values it reads of two pictures, in float32."""
        config, (h, w) = self.config, self.config.latent_size
        with torch.device("meta"):
            tokens = torch.empty(1, config.photo_tokens, config.unet.cross_attention_dim)
            x, poses = torch.empty(frames, LATENT, h, w), torch.empty(frames, config.pose_channels, h, w)
            t = torch.full((frames,), 1)
            settled = self.model.unet.settle(tokens)
            kept = 2 * FLOAT * sum(part.numel() for given in settled.values() for part in given)
            return kept + _peak(lambda: self.model(x, t, repeated(settled, frames), poses))

    @torch.no_grad()
    def _encode_bytes(self) -> int:
        """The photo, or the black picture, in the VAE, in float32."""
        given = torch.empty(1, 3, *self.config.size, device="meta")
        return _peak(lambda: self.vae.encode(given))

    @torch.no_grad()
    def _decode_bytes(self, pictures: int, tile: int | None) -> int:
        """Decoding so many pictures, in float32."""
        h, w = self.config.latent_size
        cells = (h, w) if tile is None else (min(h, tile), min(w, tile))
        peak = _peak(lambda: self.vae.decode(torch.empty(pictures, LATENT, *cells, device="meta")))
        return peak + (0 if tile is None else FLOAT * 4 * pictures * self.config.size[0] * self.config.size[1])


def _peak(call: Callable[[], Any]) -> int:
    with Meter(flops=False) as meter:
        call()
    return meter.peak


def _numbers(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())
