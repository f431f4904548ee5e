"""How much memory a film takes, counted on meta tensors: no weight is read and nothing is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn

from lookreel.diffusion.windows import windows
from lookreel.reference.conditions import POSES_FOR_A_PICTURE
from lookreel.reference.instances import Instances
from lookreel.running.memory import Footprint
from lookreel.running.meter import Meter
from lookreel.running.plan import Plan

if TYPE_CHECKING:
    from lookreel.reference.system import ReferenceModel

PROCESS = 700_000_000  # the runtime's own: libraries on a CPU, context and workspaces on a GPU
SLACK = 1.1  # an allocator does not fill every gap


@dataclass(frozen=True)
class Parts:
    """What is counted, all on the meta device."""

    model: ReferenceModel
    vae: AutoencoderKL
    clip: nn.Module


class Estimate:
    """Footprints of one film by plan. frames, photos: of the film. reuse: whether deep features are used again."""

    def __init__(self, parts: Parts, frames: int, photos: int, reuse: bool = False) -> None:
        self.parts, self.frames, self.photos, self.reuse = parts, frames, photos, reuse
        self.config: Any = parts.model.config
        self.window = min(frames, self.config.window)
        self.step_bytes = cache(self._step_bytes)
        self.decode_bytes = cache(self._decode_bytes)
        self.encode_bytes = cache(self._encode_bytes)
        self.pose_encoder_bytes = cache(self._pose_encoder_bytes)

    def __call__(self, plan: Plan, device: torch.device) -> Footprint:
        """Bytes at once, by stage. Activations are counted in float32 and scaled to the plan's precision."""
        half = plan.dtype.itemsize / 4
        waiting = 0 if plan.offload else sum(self.weights(plan).values())
        weights = self.weights(plan) if plan.offload else dict.fromkeys(("encode", "denoise", "decode"), waiting)
        pose = 0 if plan.offload else self.frames * self.pose_bytes * half
        there = PROCESS + self.latents + (self.pictures if device.type == "cpu" else 0)
        seen = self.memory_bytes / 2 * half + pose  # features, half of keys and values
        networks = self.encode_bytes(plan.pictures_at_once) * half
        encode = max(networks, self.pose_encoder_bytes(plan.pictures_at_once)) * SLACK
        step = (self.step_bytes(plan.frames_at_once) * SLACK + self.memory_bytes + self.deep_bytes) * half
        decode = self.decode_bytes(plan.pictures_at_once, plan.tile) * half * SLACK
        return Footprint(
            encode=int(there + weights["encode"] + seen + encode),
            denoise=int(there + weights["denoise"] + pose + step),
            decode=int(there + weights["decode"] + decode),
        )

    def weights(self, plan: Plan) -> dict[str, int]:
        """Bytes of the networks that work in each stage; those that two stages need count in the first."""
        model, size = self.parts.model, plan.dtype.itemsize
        small = _numbers(model) - _numbers(model.reference_encoder) - _numbers(model.denoiser)
        vae = _numbers(self.parts.vae) * size
        encoders = (_numbers(model.reference_encoder) + _numbers(self.parts.clip)) * size + small * 4
        decode = vae if plan.offload else 0
        return {"encode": encoders + vae, "denoise": _numbers(model.denoiser) * size, "decode": decode}

    @cached_property
    def memory_bytes(self) -> int:
        """Keys and values of the photos in float32: they do not grow with the film."""
        widths, latents = self.parts.model.denoiser.unet.attention_names(), self.config.latent_size
        cells = {name: _cells(self.config.unet.grid(name, latents)) for name in widths}
        return sum(4 * 2 * self.photos * cells[name] * width for name, width in widths.items())

    @cached_property
    def pose_bytes(self) -> int:
        """A frame's pose features in float32."""
        return 4 * self.config.unet.block_out_channels[0] * _cells(self.config.latent_size)

    @cached_property
    def deep_bytes(self) -> int:
        """Deep features that are used again, of every window and both halves, in float32."""
        if not self.reuse:
            return 0
        spans = windows(self.frames, self.config.window, self.config.overlap)
        return 2 * sum(map(len, spans)) * self.pose_bytes

    @property
    def latents(self) -> int:
        """The latents and what a sampler holds beside them, float32."""
        return 6 * 4 * 4 * self.frames * _cells(self.config.latent_size)

    @property
    def pictures(self) -> int:
        """The film and its drawn poses, bytes."""
        return 2 * 3 * self.frames * _cells(self.config.size)

    @torch.no_grad()
    def _step_bytes(self, frames_at_once: int | None) -> int:
        """The told half of one step of a window, in float32; the other half needs less."""
        model = self.parts.model
        model.denoiser.set_at_once(frames_at_once)
        with torch.device("meta"):
            given = step_inputs(model, self.window, self.photos)
            with Meter(flops=False) as meter:
                model.denoiser.step(*given)
        return meter.peak

    @torch.no_grad()
    def _decode_bytes(self, pictures: int, tile: int | None) -> int:
        """Decoding so many pictures, in float32."""
        h, w = self.config.latent_size
        cells = (h, w) if tile is None else (min(h, tile), min(w, tile))
        with Meter(flops=False) as meter:
            self.parts.vae.decode(torch.empty(pictures, 4, *cells, device="meta"))
        tiles = 0 if tile is None else 4 * 4 * pictures * _cells(self.config.size)
        return meter.peak + tiles

    @torch.no_grad()
    def _encode_bytes(self, pictures: int) -> int:
        """The VAE, then the reference encoder on the photos, in float32."""
        (h, w), width = self.config.latent_size, self.config.unet.cross_attention_dim
        with torch.device("meta"):
            latents, x = torch.empty(1, self.photos, 4, h, w), torch.empty(1, self.photos, width)
            photos = torch.empty(min(pictures, self.photos), 3, *self.config.size)
        return max(
            _peak(lambda: self.parts.vae.encode(photos)),
            _peak(lambda: self.parts.model.reference_encoder(latents, x)),
        )

    @torch.no_grad()
    def _pose_encoder_bytes(self, pictures: int) -> int:
        """The pose encoder, which stays in float32."""
        poses = min(POSES_FOR_A_PICTURE * pictures, self.frames)
        given = torch.empty(poses, 3, *self.config.size, device="meta")
        return _peak(lambda: self.parts.model.pose_guider(given))


def step_inputs(
    model: ReferenceModel, frames: int, photos: int, told: bool = True, dtype: torch.dtype = torch.float32
) -> tuple:
    """Random arguments of `Denoiser.step` on the default device, conditions as a film holds them."""
    config, width = model.config, model.config.unet.cross_attention_dim
    unet, (h, w) = model.denoiser.unet, config.latent_size
    z, t = torch.randn(frames, 4, h, w, dtype=dtype), torch.full((frames,), 500)
    pose = torch.randn(frames, config.unet.block_out_channels[0], h, w, dtype=dtype)
    if not told:
        return z, t, unet.settle(torch.zeros(1, 1, width, dtype=dtype)), {}, pose, frames
    m = torch.rand(1, frames, photos, *weights_grid(config))
    semantic = unet.settle(model.semantic(torch.randn(1, photos, width, dtype=dtype), m))
    return z, t, semantic, Instances(model.prototype, memory(model, photos, dtype), m), pose, frames


def memory(model: ReferenceModel, photos: int, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    """Random keys and values of the photos, side by side, on the default device."""
    config, widths = model.config, model.denoiser.unet.attention_names()
    cells = {name: _cells(config.unet.grid(name, config.latent_size)) for name in widths}
    return {name: torch.randn(1, photos, cells[name], 2 * width, dtype=dtype) for name, width in widths.items()}


def weights_grid(config: Any) -> tuple[int, int]:
    """(h, w) of the photos' weights: the selection grid, or the latents' where a model has none."""
    return getattr(config, "selection_grid", config.latent_size)


def _peak(call: Callable[[], Any]) -> int:
    with Meter(flops=False) as meter:
        call()
    return meter.peak


def _cells(grid: tuple[int, int]) -> int:
    return grid[0] * grid[1]


def _numbers(module: Any) -> int:
    return sum(p.numel() for p in module.parameters())
