"""The most memory that a film takes, by size, length and plan: counted on meta tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from diffusers import AutoencoderKL
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from lookreel.reference.footprint import Estimate, Parts
from lookreel.running.plan import Plan

SIZES = ((512, 384), (768, 512), (1024, 576))
LENGTHS = (16, 100, 300)
PLANS = {
    "float32": Plan(),
    "float16": Plan(dtype=torch.float16),
    "float16, smallest": Plan(dtype=torch.float16, offload=True, frames_at_once=2, pictures_at_once=1),
}


def peaks(build: Callable[..., Any], photos: int = 3) -> list[dict[str, Any]]:
    """Rows of size, frames, plan and gigabytes by stage, on a GPU; build(size=...) makes a full-size model."""
    rows = []
    for size in SIZES:
        with torch.device("meta"):
            parts = Parts(build(size=size), sd15_vae(), clip_vit_l())
        for frames in LENGTHS:
            estimate = Estimate(parts, frames, photos)
            for name, plan in PLANS.items():
                need = estimate(plan, torch.device("cuda"))
                stages = {stage: round(value / 1e9, 2) for stage, value in vars(need).items()}
                rows.append({"size": list(size), "frames": frames, "plan": name, **stages, "peak": need.peak / 1e9})
    return rows


def sd15_vae() -> AutoencoderKL:
    """Stable Diffusion's VAE, without its weights."""
    return AutoencoderKL(
        block_out_channels=(128, 256, 512, 512),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
        latent_channels=4,
    )


def clip_vit_l() -> CLIPVisionModelWithProjection:
    """CLIP's ViT-L/14, without its weights."""
    return CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=1024,
            intermediate_size=4096,
            num_hidden_layers=24,
            num_attention_heads=16,
            patch_size=14,
            projection_dim=768,
        )
    )
