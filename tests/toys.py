"""Toy systems for tests: the real classes at their smallest, every part there, milliseconds on a CPU."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from lookreel.data import mannequin
from lookreel.encoders.image_encoder import ImageEncoder
from lookreel.encoders.vae import LatentCodec
from lookreel.photos import Photo
from lookreel.poses.track import Track
from lookreel.profashion import config as configs
from lookreel.profashion.batches import drawn
from lookreel.profashion.model import Batch, ProFashion
from lookreel.profashion.system import ProFashionSystem

SIZE = configs.toy().size
GARMENT = mannequin.VALIDATION.start


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """torch's global generator at `seed` within the block, and as it was after it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def codec() -> LatentCodec:
    """An AutoencoderKL of factor 4."""
    with seeded(1):
        vae = AutoencoderKL(
            block_out_channels=(8, 8, 8),
            down_block_types=("DownEncoderBlock2D",) * 3,
            up_block_types=("UpDecoderBlock2D",) * 3,
            layers_per_block=1,
            norm_num_groups=4,
        )
    return LatentCodec(vae.eval().requires_grad_(False))


def image_encoder() -> ImageEncoder:
    """A CLIP vision tower with embeddings of width 8."""
    config = CLIPVisionConfig(
        image_size=16,
        patch_size=8,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        projection_dim=8,
    )
    with seeded(2):
        clip = CLIPVisionModelWithProjection(config)
    return ImageEncoder(clip.eval().requires_grad_(False))


def model(**changes) -> ProFashion:
    """The toy networks as they start, with changes to their config."""
    with seeded(3):
        return ProFashion(replace(configs.toy(), **changes))


def awake(network: nn.Module, seed: int = 4) -> nn.Module:
    """The network with noise on the weights that start at zero, so that every layer has a say."""
    generator = torch.Generator().manual_seed(seed)
    for p in network.parameters():
        if p.ndim > 1 and not p.detach().any():
            p.data = 0.2 * torch.randn(p.shape, generator=generator)
    return network


def system(**changes) -> ProFashionSystem:
    """A whole toy system, every layer awake."""
    return ProFashionSystem(codec(), image_encoder(), awake(model(**changes)).eval().requires_grad_(False))


def encoders(folder: Path) -> Path:
    """A folder with `vae` and `image_encoder`, where a training may start."""
    codec().save_pretrained(folder / "vae")
    image_encoder().save_pretrained(folder / "image_encoder")
    return folder


def photos(yaws: tuple[float, ...] = (0.0, math.pi, math.pi / 2), seed: int = GARMENT) -> list[Photo]:
    """Photos of one garment, with their poses: front, back and side."""
    stills = mannequin.frames_at(seed, yaws, SIZE)
    pictures = stills.frames.permute(0, 2, 3, 1).numpy()
    return [Photo(*pair) for pair in zip(pictures, stills.track.keypoints, strict=True)]


def track(frames: int = 4, seed: int = GARMENT) -> Track:
    """A driving motion: a turn."""
    return mannequin.clip(seed, "turn", frames, SIZE).track


def batch(samples: int = 2, targets: int = 3, references: int = 3, drop: float = 0.0, seed: int = 5) -> Batch:
    """A random batch of real poses, without keypoint flow; drop: the share of targets without conditions."""
    g = torch.Generator().manual_seed(seed)
    h, w = configs.toy().latent_size
    poses = torch.stack([drawn(track(targets, GARMENT + i).keypoints, SIZE) for i in range(samples)])
    yaws = (torch.arange(references) * 2 * math.pi / references).tolist()
    stills = [drawn(mannequin.frames_at(GARMENT + i, yaws, SIZE).track.keypoints, SIZE) for i in range(samples)]
    return Batch(
        reference_latents=torch.randn(samples, references, 4, h, w, generator=g),
        reference_embeddings=torch.randn(samples, references, 8, generator=g),
        reference_poses=torch.stack(stills),
        latents=torch.randn(samples, targets, 4, h, w, generator=g),
        poses=poses,
        noise=torch.randn(samples, targets, 4, h, w, generator=g),
        t=torch.randint(1000, (samples, targets), generator=g),
        drop=torch.rand(samples, targets, generator=g) < drop,
    )


def moving(made: Batch, grid: tuple[int, int] = (4, 3)) -> Batch:
    """The batch as clips: one timestep and one drop for each, and a random keypoint flow on `grid`."""
    g = torch.Generator().manual_seed(6)
    samples, frames = made.t.shape
    return replace(
        made,
        t=made.t[:, :1].expand(-1, frames),
        drop=made.drop[:, :1].expand(-1, frames),
        delta=torch.randn(samples, frames, 2, *grid, generator=g),
        mask=torch.rand(samples, frames, *grid, generator=g) < 0.5,
    )


def pick(made: Batch, rows: slice) -> Batch:
    """Some samples of a batch."""
    parts = {name: value if value is None else value[rows] for name, value in vars(made).items()}
    return Batch(**parts)


def gradients(network: nn.Module, made: Batch) -> dict[str, Tensor]:
    """Name -> gradient of network(batch)["loss"]; zero where the loss does not reach a parameter that learns."""
    network.zero_grad()
    network(made)["loss"].backward()
    learning = {name: p for name, p in network.named_parameters() if p.requires_grad}
    return {name: torch.zeros_like(p) if p.grad is None else p.grad.clone() for name, p in learning.items()}
