"""Speed on a CUDA device, beside what that device can do: measured in the same run, with random weights."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from lookreel.bench.counters import Cost
from lookreel.bench.peaks import sd15_vae
from lookreel.diffusion.windows import windows
from lookreel.encoders.vae import LatentCodec
from lookreel.reference.footprint import step_inputs
from lookreel.running.compiled import compile_layers

BACKENDS = ("FLASH_ATTENTION", "EFFICIENT_ATTENTION", "CUDNN_ATTENTION", "MATH")
# (batch, heads, queries, keys, channels of a head) of a 16-frame window at 1024x576
SHAPES = {
    "first level, told": (16, 8, 9216, 18432, 40),
    "first level, untold": (16, 8, 9216, 9216, 40),
    "second level, told": (16, 8, 2304, 4608, 80),
    "temporal, first level": (9216, 8, 16, 16, 40),
}


@torch.no_grad()
def gpu(build: Callable[..., Any], cost: Cost, frames: int = 16) -> dict[str, Any] | None:
    """Ceilings, attention by backend, a guided step eager and compiled, whole films; None without a CUDA device.

    cost: of the guided step. mfu: its FLOPs over the time, over what this device's own matrix product reaches.
    """
    if not torch.cuda.is_available():
        return None
    device = torch.device("cuda")
    ceilings = {"gemm, TFLOP/s": gemm(device), "copy, TB/s": copy(device)}
    torch.manual_seed(0)
    model = build().to(device, torch.bfloat16).eval()
    model.pose_features.float()
    model.aggregator.float()
    with device:
        halves = [step_inputs(model, frames, 3, told, torch.bfloat16) for told in (True, False)]
    steps, memory = {}, torch.cuda.get_device_properties(device).total_memory
    for name in ("eager", "compiled, channels last"):
        if name != "eager":
            model.denoiser.to(memory_format=torch.channels_last)
            compile_layers(model.denoiser)
        torch.cuda.reset_peak_memory_stats()
        spent = seconds(lambda: [model.denoiser.step(*given) for given in halves], 5)
        steps[name] = {
            "ms per frame-step": 1000 * spent / frames,
            "mfu": cost.teraflop / spent / ceilings["gemm, TFLOP/s"],
            "peak, GB": torch.cuda.max_memory_allocated() / 1e9,
        }
    decode = decoding(device, model.config.latent_size)
    films = {str(length): _film(model.config, steps["compiled, channels last"], decode, length) for length in (16, 300)}
    return {
        "device": torch.cuda.get_device_name(device),
        "memory, GB": memory / 1e9,
        "ceilings": ceilings,
        "attention, ms": {name: attention(device, shape) for name, shape in SHAPES.items()},
        "guided step": steps,
        "decoding, ms per frame": 1000 * decode,
        "film, seconds by frames": films,
    }


def seconds(run: Callable[[], Any], rounds: int) -> float:
    """Median time of a run after two warm-ups, by the device's own clock."""
    for _ in range(2):
        run()
    found = []
    for _ in range(rounds):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        run()
        end.record()
        end.synchronize()
        found.append(begin.elapsed_time(end) / 1000)
    return statistics.median(found)


def gemm(device: torch.device, n: int = 8192) -> float:
    """TFLOP/s of a bfloat16 matrix product."""
    a, b = (torch.randn(n, n, device=device, dtype=torch.bfloat16) for _ in range(2))
    return 2 * n**3 / seconds(lambda: a @ b, 10) / 1e12


def copy(device: torch.device, size: int = 2**30) -> float:
    """TB/s of a copy in the device's memory, read and written."""
    source = torch.empty(size, device=device, dtype=torch.uint8)
    target = torch.empty_like(source)
    return 2 * size / seconds(lambda: target.copy_(source), 10) / 1e12


def attention(device: torch.device, shape: tuple[int, int, int, int, int]) -> dict[str, float | None]:
    """Milliseconds by backend, None where it does not take the shape. Heads lie side by side, as the networks' do."""
    batch, heads, queries, keys, width = shape
    q, k, v = (
        torch.randn(batch, n, heads, width, device=device, dtype=torch.bfloat16).transpose(1, 2)
        for n in (queries, keys, keys)
    )
    found: dict[str, float | None] = {}
    for name in BACKENDS:
        try:
            with sdpa_kernel(getattr(SDPBackend, name)):
                found[name] = 1000 * seconds(lambda: F.scaled_dot_product_attention(q, k, v), 5)
        except RuntimeError:  # no kernel of this backend for the shape, or its scores do not fit
            found[name] = None
    return found


def decoding(device: torch.device, latents: tuple[int, int]) -> float:
    """Seconds for each frame that the VAE decodes, eight at a time, in bfloat16."""
    codec = LatentCodec(sd15_vae().to(device, torch.bfloat16).eval())
    given = torch.randn(8, 4, *latents, device=device)
    return seconds(lambda: list(codec.decode(given)), 3) / 8


def _film(config: Any, step: dict[str, float], decode: float, frames: int) -> float:
    """Seconds of sampling and decoding a film; what is done once for each film is a few steps' worth at most."""
    evaluated = sum(map(len, windows(frames, config.window, config.overlap)))
    return config.steps * evaluated * step["ms per frame-step"] / 1000 + frames * decode
