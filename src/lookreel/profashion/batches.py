"""Training batches for ProFashion, drawn from (seed, step, sample) alone (section 3.6)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from lookreel.data.latents import Encoded, LatentCache
from lookreel.data.references import for_training
from lookreel.diffusion.objective import sample_timesteps
from lookreel.poses.draw import draw, drawn
from lookreel.poses.flow import farneback_flow, keypoint_flow
from lookreel.profashion.model import Batch
from lookreel.training.task import draws

Flow = Callable[[np.ndarray, tuple[int, int], tuple[int, int]], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Sampling:
    """How samples are drawn from clips."""

    references: int = 3
    """Photos of each garment: random frames of its clip in random order, distinct where it has so many."""
    targets: int = 4
    """Frames of each garment that are denoised: single ones in stage 1, a window in stage 2."""
    drop: float = 0.1
    """Share of samples trained without conditions, for guidance."""
    stills: float = 0.1
    """Share of stage 2's clips that repeat one frame."""
    noise_power: float = 1.0
    """Timesteps are drawn with density t^(noise_power - 1); 1 (the paper) is uniform."""
    flow: str = "farneback"
    """Source of the offset loss: "farneback" on the drawn poses (the paper), "keypoints" (their joints, exact) or
    "surface" (the body's own, cached with the latents and given on their grid)."""


def farneback(keypoints: np.ndarray, size: tuple[int, int], grid: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The paper's flow: Farneback's on drawn poses."""
    return farneback_flow(draw(keypoints, size), grid)


FLOWS: dict[str, Flow] = {"farneback": farneback, "keypoints": keypoint_flow}


def pictures(
    cache: LatentCache, sampling: Sampling, size: tuple[int, int], seed: int, step: int, samples: Iterable[int]
) -> Batch:
    """Stage 1: for each sample one garment, its references and single target frames."""
    rows = []
    for sample in samples:
        choices, noise = draws(seed, step, sample)
        clip = cache[int(choices.integers(len(cache)))]
        targets = choices.integers(len(clip.latents), size=sampling.targets)
        row = _row(clip, _references(clip, sampling, choices), targets, size, noise)
        row["t"] = sample_timesteps(noise, sampling.targets, power=sampling.noise_power)
        row["drop"] = torch.rand(sampling.targets, generator=noise) < sampling.drop
        rows.append(row)
    return _stack(rows)


def clips(
    cache: LatentCache,
    sampling: Sampling,
    size: tuple[int, int],
    grid: tuple[int, int],
    seed: int,
    step: int,
    samples: Iterable[int],
) -> Batch:
    """Stage 2: for each sample one garment, its references and a window of frames with their flow.

    grid: (h, w) on which the flow of the poses is given, the finest flow site's. A clip shares its timestep and drop.
    """
    rows = []
    for sample in samples:
        choices, noise = draws(seed, step, sample)
        clip = cache[int(choices.integers(len(cache)))]
        start = int(choices.integers(max(len(clip.latents) - sampling.targets, 0) + 1))
        # A clip shorter than the window stands still at its end.
        targets = np.minimum(np.arange(start, start + sampling.targets), len(clip.latents) - 1)
        if choices.random() < sampling.stills:
            targets = np.full(sampling.targets, targets[0])
        row = _row(clip, _references(clip, sampling, choices), targets, size, noise)
        row["t"] = sample_timesteps(noise, 1, power=sampling.noise_power).expand(sampling.targets)
        row["drop"] = (torch.rand(1, generator=noise) < sampling.drop).expand(sampling.targets)
        delta, mask = _flow(clip, sampling.flow, targets, size, grid)
        rows.append(row | {"delta": delta, "mask": mask})
    return _stack(rows)


def _flow(
    clip: Encoded, source: str, targets: np.ndarray, size: tuple[int, int], grid: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    if source != "surface":
        delta, mask = FLOWS[source](clip.keypoints.numpy()[targets], size, grid)
        return torch.from_numpy(delta), torch.from_numpy(mask)
    assert clip.flow is not None and clip.flow_mask is not None  # the cache was filled with `surface`
    # The cached flow is from the clip's frame before, which is also the window's where the window moves on by one;
    # where it stands still, at its start, in a still and past the clip's end, nothing is supervised.
    moves = torch.from_numpy(np.diff(targets, prepend=targets[0]) == 1)[:, None, None]
    mask = clip.flow_mask[targets] & moves
    return clip.flow[targets].float() * mask[:, None], mask


def _references(clip: Encoded, sampling: Sampling, choices: np.random.Generator) -> np.ndarray:
    return for_training(len(clip.latents), sampling.references, choices)


def _row(
    clip: Encoded, references: np.ndarray, targets: np.ndarray, size: tuple[int, int], noise: torch.Generator
) -> dict[str, Tensor]:
    """The part of a sample that both stages share."""
    latents = clip.latents[targets].float()
    return {
        "reference_latents": clip.latents[references].float(),
        "reference_embeddings": clip.embeddings[references].float(),
        "reference_poses": drawn(clip.keypoints.numpy()[references], size),
        "latents": latents,
        "poses": drawn(clip.keypoints.numpy()[targets], size),
        "noise": torch.randn(latents.shape, generator=noise),
    }


def _stack(rows: list[dict[str, Tensor]]) -> Batch:
    return Batch(**{name: torch.stack([row[name] for row in rows]) for name in rows[0]})


def to(batch: Batch, device: torch.device) -> Batch:
    """The batch on another device."""
    parts = {field.name: getattr(batch, field.name) for field in fields(batch)}
    return Batch(**{name: None if part is None else part.to(device) for name, part in parts.items()})
