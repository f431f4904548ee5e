"""Phase 2 as tasks for the trainer: the U-Net and the adapter, then the VAE's decoder, on one subject's photos."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn
from torch.nn import functional as F

from lookreel.diffusion.objective import sample_timesteps
from lookreel.dreampose import batches, low_rank
from lookreel.dreampose.conditions import Photo, null_photo, pose_windows, see
from lookreel.dreampose.crops import crop_picture, crop_pose, random_window
from lookreel.dreampose.model import Batch, PictureStage
from lookreel.dreampose.presets import Tuning
from lookreel.dreampose.system import DreamPoseSystem
from lookreel.dreampose.tuning_photos import TuningPhoto
from lookreel.training.task import Settings, draws


class _Tuning:
    """What both share: photos, random crops; nothing is probed, and the subject is written once, by `tuning.py`.

    part: of the numbers, which hold those of both. rank: of the changes; None changes whole weights.
    """

    name: str
    part: str

    def __init__(
        self, system: DreamPoseSystem, photos: Sequence[TuningPhoto], numbers: Tuning, rank: int | None
    ) -> None:
        self.system, self.photos, self.numbers, self.rank = system, photos, numbers, rank
        self.settings: Settings = getattr(numbers, self.part)

    def crop(self, choices: np.random.Generator) -> tuple[Tensor, np.ndarray]:
        """A random photo through a random window: pixels (3, H, W), uv uint8 (2, H, W)."""
        photo = self.photos[int(choices.integers(len(self.photos)))]
        window = random_window(choices, self.system.size, self.numbers.cropped, self.numbers.least)
        return crop_picture(photo.pixels, window), crop_pose(photo.uv, window)

    def probe(self, network: nn.Module) -> dict[str, float]:
        return {}

    def picture(self, network: nn.Module) -> Tensor | None:
        return None

    def save(self, folder: Path) -> None:
        pass


class SubjectTask(_Tuning):
    """The U-Net and the adapter: each step a crop of a photo is made of a whole photo and of the pose's same crop."""

    name, part = "U-Net", "unet"

    @cached_property
    def network(self) -> PictureStage:
        stage = PictureStage(self.system.model)
        if self.rank is not None:
            low_rank.add(self.system.model, self.rank, self.settings.seed)
        return stage

    def prepare(self, out: Path, process: int, processes: int) -> None:
        system = self.system
        system.model.unet.set_checkpointing(self.settings.checkpointing)
        system.to(next(self.network.parameters()).device)
        pixels = torch.stack([photo.pixels for photo in self.photos]).to(system.device)
        self.null, self.seen = null_photo(system.encoders, system.config), see(system.encoders, system.config, pixels)

    def batch(self, step: int, samples: range, device: torch.device) -> Batch:
        drawn = [self._sample(step, sample) for sample in samples]
        shown, pixels, poses, noise, t = (torch.stack(parts) for parts in zip(*drawn, strict=True))
        latents = self.system.encoders.codec.encode(pixels.to(device)).float()
        kept = torch.zeros(len(drawn), dtype=torch.bool)
        photo = Photo(self.seen.tokens[shown], self.seen.latent[shown])
        return batches.to(Batch(latents, noise, t, poses, photo, self.null, kept, kept), device)

    def _sample(self, step: int, sample: int) -> tuple[Tensor, ...]:
        """The photo that is shown, the crop to make of it with its five equal poses, noise and timestep."""
        choices, generator = draws(self.settings.seed, step, sample)
        shown = torch.tensor(int(choices.integers(len(self.photos))))
        pixels, uv = self.crop(choices)
        noise = torch.randn((4, *self.system.config.latent_size), generator=generator)
        t = sample_timesteps(generator, 1, power=self.numbers.noise_power)[0]
        return shown, pixels, pose_windows(uv[None], self.system.config)[0], noise, t


class DecoderStage(nn.Module):
    """The mean squared error of the decoded picture; only the decoder learns, the latents stay what they are."""

    def __init__(self, vae: AutoencoderKL) -> None:
        super().__init__()
        self.vae = vae.requires_grad_(False)
        vae.decoder.requires_grad_(True)

    def forward(self, batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        """batch: pictures (N, 3, H, W) in [-1, 1], and noise of the latents' shape, by which they are sampled."""
        pixels, noise = batch
        with torch.no_grad():
            posterior = self.vae.encode(pixels).latent_dist
            latents = posterior.mean + posterior.std * noise
        return {"loss": F.mse_loss(self.vae.decode(latents).sample.float().clamp(-1, 1), pixels)}


class DecoderTask(_Tuning):
    """The VAE's decoder: pictures of the subject come out sharper (section 4.3)."""

    name, part = "decoder", "decoder"

    @cached_property
    def network(self) -> DecoderStage:
        stage = DecoderStage(self.system.encoders.codec.vae)
        if self.rank is not None:
            low_rank.add(stage.vae.decoder, self.rank, self.settings.seed)
        return stage

    def prepare(self, out: Path, process: int, processes: int) -> None:
        self.system.to(next(self.network.parameters()).device)

    def batch(self, step: int, samples: range, device: torch.device) -> tuple[Tensor, Tensor]:
        pixels, noise = [], []
        for sample in samples:
            choices, generator = draws(self.settings.seed, step, sample)
            pixels.append(self.crop(choices)[0])
            noise.append(torch.randn((4, *self.system.config.latent_size), generator=generator))
        return torch.stack(pixels).to(device), torch.stack(noise).to(device)
