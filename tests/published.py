"""Checkpoints in the layouts that others publish, small and random: made with diffusers' and transformers' classes."""

import json
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from toys import seeded

WIDTHS, CROSS, GROUPS, HEADS = (16, 32, 32, 32), 16, 8, 2
UNET = dict(
    block_out_channels=WIDTHS,
    layers_per_block=2,
    norm_num_groups=GROUPS,
    cross_attention_dim=CROSS,
    attention_head_dim=HEADS,
    down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
    up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
)
POSE = (4, 6, 8, 12)
OLD_NAMES = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
FILES = ("denoising_unet", "motion_module", "reference_unet", "pose_guider")
Weights = dict[str, Tensor]


def unet(seed: int, **changes) -> UNet2DConditionModel:
    with seeded(seed):
        return UNet2DConditionModel(sample_size=8, **(UNET | changes)).eval()


def reference(seed: int) -> Weights:
    """A U-Net without its output head."""
    state = unet(seed).state_dict()
    return {name: t for name, t in state.items() if not name.startswith(("conv_norm_out.", "conv_out."))}


def sites(widths: tuple[int, ...] = WIDTHS) -> dict[str, int]:
    """AnimateDiff's name of each motion module -> channels."""
    last = len(widths) - 1
    names = {f"down_blocks.{level}.motion_modules.{i}": widths[level] for level in range(last + 1) for i in range(2)}
    names["mid_block.motion_modules.0"] = widths[-1]
    ups = {f"up_blocks.{level}.motion_modules.{i}": widths[last - level] for level in range(last + 1) for i in range(3)}
    return names | ups


def motion(seed: int, widths: tuple[int, ...] = WIDTHS, frames: int = 32) -> Weights:
    """Motion modules by AnimateDiff's names, every layer with something to say."""
    made: Weights = {}
    with seeded(seed):
        for site, c in sites(widths).items():
            made |= {f"{site}.temporal_transformer.{name}": t for name, t in _module(c, frames).items()}
    return made


def _module(c: int, frames: int) -> Weights:
    block = "transformer_blocks.0"
    shapes = {f"{name}.weight": (c, c) for name in ("proj_in", "proj_out")}
    biased = ("proj_in", "proj_out", "norm", f"{block}.ff_norm", f"{block}.ff.net.2")
    shapes |= {f"{name}.bias": (c,) for name in biased}
    shapes |= {f"{block}.ff.net.0.proj.weight": (8 * c, c), f"{block}.ff.net.0.proj.bias": (8 * c,)}
    shapes |= {f"{block}.ff.net.2.weight": (c, 4 * c)}
    for i in range(2):
        inner = f"{block}.attention_blocks.{i}"
        shapes |= {f"{inner}.{name}.weight": (c, c) for name in ("to_q", "to_k", "to_v", "to_out.0")}
        shapes |= {f"{inner}.to_out.0.bias": (c,), f"{block}.norms.{i}.bias": (c,)}
    made = {name: torch.randn(shape) * (0.1 if len(shape) == 1 else shape[1] ** -0.5) for name, shape in shapes.items()}
    for name in ("norm", f"{block}.ff_norm", f"{block}.norms.0", f"{block}.norms.1"):
        made[f"{name}.weight"] = 1 + 0.1 * torch.randn(c)
    angles = torch.arange(frames)[:, None] / 10000 ** (torch.arange(0, c, 2) / c)
    pe = torch.stack([angles.sin(), angles.cos()], 2).flatten(1)[None]
    return made | {f"{block}.attention_blocks.{i}.pos_encoder.pe": pe.clone() for i in range(2)}


def pose_guider(seed: int, widths: tuple[int, ...] = POSE, out: int = WIDTHS[0]) -> Weights:
    """The pose guider: two convolutions for each step down, the second one strided; nothing at zero."""
    pairs = [(a, b) for i, a in enumerate(widths[:-1]) for b in (a, widths[i + 1])]
    layers = {f"blocks.{i}": pair for i, pair in enumerate(pairs)}
    layers |= {"conv_in": (3, widths[0]), "conv_out": (widths[-1], out)}
    with seeded(seed):
        weights = {f"{name}.weight": 0.5 * torch.randn(b, a, 3, 3) / a**0.5 for name, (a, b) in layers.items()}
        return weights | {f"{name}.bias": 0.1 * torch.randn(b) for name, (_, b) in layers.items()}


def vae(folder: Path, seed: int = 11, old: bool = False, pickle: bool = False) -> Path:
    """An autoencoder of factor 8 in diffusers' layout; old: with the attention's former names."""
    with seeded(seed):
        made = AutoencoderKL(
            block_out_channels=(8,) * 4,
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=1,
            norm_num_groups=4,
        )
    made.save_pretrained(folder)
    if old or pickle:
        _rewrite(folder, made.state_dict() if not old else {_old(n): t for n, t in made.state_dict().items()}, pickle)
    return folder


def _old(name: str) -> str:
    for new, former in OLD_NAMES.items():
        name = name.replace(f"mid_block.attentions.0.{new}.", f"mid_block.attentions.0.{former}.")
    return name


def _rewrite(folder: Path, state: Weights, pickle: bool) -> None:
    from safetensors.torch import save_file

    (folder / "diffusion_pytorch_model.safetensors").unlink()
    if pickle:
        torch.save(state, folder / "diffusion_pytorch_model.bin")
    else:
        save_file({name: t.contiguous() for name, t in state.items()}, folder / "diffusion_pytorch_model.safetensors")


def image_encoder(folder: Path, seed: int = 12) -> Path:
    """A CLIP vision tower as sd-image-variations has it: a pickle, with the numbers of its patches."""
    config = CLIPVisionConfig(
        image_size=16, patch_size=8, hidden_size=16, intermediate_size=32,
        num_hidden_layers=1, num_attention_heads=2, projection_dim=CROSS,
    )  # fmt: skip
    with seeded(seed):
        clip = CLIPVisionModelWithProjection(config)
    folder.mkdir(parents=True)
    raw = json.loads(config.to_json_string()) | {"architectures": ["CLIPVisionModelWithProjection"]}
    (folder / "config.json").write_text(json.dumps(raw | {"_name_or_path": "somewhere"}))
    state = clip.state_dict() | {"vision_model.embeddings.position_ids": torch.arange(5)[None]}
    torch.save(state, folder / "pytorch_model.bin")
    return folder


def base(folder: Path, weights: bool = False, seed: int = 13) -> Path:
    """Stable Diffusion 1.5's folder: unet with or without weights, and vae."""
    net = unet(seed)
    net.save_pretrained(folder / "unet")
    if not weights:
        (folder / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    vae(folder / "vae", old=True)
    return folder


def checkpoint(folder: Path) -> Path:
    """The four files of the open Animate Anyone."""
    folder.mkdir(parents=True, exist_ok=True)
    states = (unet(21).state_dict(), motion(22), reference(23), pose_guider(24))
    for name, state in zip(FILES, states, strict=True):
        torch.save(state, folder / f"{name}.pth")
    return folder


def everything(folder: Path) -> Path:
    """The open implementation's folder of weights: its files and all that lies beside them."""
    checkpoint(folder)
    base(folder / "stable-diffusion-v1-5")
    vae(folder / "sd-vae-ft-mse", old=True, pickle=True)
    image_encoder(folder / "image_encoder")
    return folder
