"""Training pairs for DreamPose, drawn from (seed, step, sample) alone: a photo and a frame of the same clip."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import torch
from torch import Tensor

from lookreel.diffusion.objective import sample_timesteps
from lookreel.dreampose.cache import Encoded, PairCache
from lookreel.dreampose.conditions import Photo
from lookreel.dreampose.model import Batch
from lookreel.training.task import draws

DROP = 0.15  # of the samples lose their pose, their photo or both, a third of them each (the published code's r)


def pairs(
    cache: PairCache,
    poses: int,
    null: Photo,
    seed: int,
    step: int,
    samples: Iterable[int],
    drop: float = DROP,
    power: float = 1.0,
) -> Batch:
    """For each sample one clip, a random frame of it as the photo and a random frame to make of it.

    poses: how many consecutive ones a frame reads. power: of the timesteps' density, see `sample_timesteps`.
    """
    rows = [_pair(cache, poses, seed, step, sample, drop, power) for sample in samples]
    made = {name: torch.stack([row[name] for row in rows]) for name in rows[0]}
    photo = Photo(made.pop("photo_tokens"), made.pop("photo_latent"))
    return Batch(**made, photo=photo, null=null)


def _pair(
    cache: PairCache, poses: int, seed: int, step: int, sample: int, drop: float, power: float
) -> dict[str, Tensor]:
    choices, generator = draws(seed, step, sample)
    clip = cache[int(choices.integers(len(cache)))]
    photo, target = (int(number) for number in choices.integers(len(clip.latents), size=2))
    kind = int(choices.integers(len(clip.uv)))
    latents = clip.latents[target].float()
    lost = dropped(float(choices.random()), drop)
    return {
        "latents": latents,
        "noise": torch.randn(latents.shape, generator=generator),
        "t": sample_timesteps(generator, 1, power=power)[0],
        "poses": poses_at(clip, kind, target, poses),
        "photo_tokens": clip.tokens[photo].float(),
        "photo_latent": clip.latents[photo].float(),
        "no_pose": torch.tensor(lost[0]),
        "no_image": torch.tensor(lost[1]),
    }


def poses_at(clip: Encoded, kind: int, frame: int, poses: int) -> Tensor:
    """The poses (2 * poses, h, w) in [-1, 1] that one frame of a clip reads, as `conditions.windows_of` orders them."""
    reach = poses // 2
    places = torch.arange(frame - reach, frame + reach + 1).clamp(0, clip.uv.shape[1] - 1)
    return clip.uv[kind, places].flatten(0, 1).float() / 127.5 - 1


def dropped(draw: float, drop: float) -> tuple[bool, bool]:
    """Whether a sample loses its pose, and its photo: the pose alone, the photo alone or both, `drop` / 3 each.

    draw: uniform in [0, 1).
    """
    return draw < drop / 3 or 2 * drop / 3 <= draw < drop, drop / 3 <= draw < drop


def to(batch: Batch, device: torch.device) -> Batch:
    """The batch on another device."""
    tensors = {name: part.to(device) for name, part in vars(batch).items() if isinstance(part, Tensor)}
    return replace(batch, **tensors, photo=batch.photo.to(device), null=batch.null.to(device))
