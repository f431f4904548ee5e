"""Training of the small AutoencoderKL that the bundled models share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn

from lookreel.encoders.vae import LatentCodec
from lookreel.training.task import Settings, draws

STILLS = 4  # pictures of a garment in one sample: rendering them together is cheaper
Stills = Callable[[np.random.Generator, int], Tensor]


@dataclass(frozen=True)
class VAELosses:
    """Weights of the parts of the VAE's loss, for pictures in [-1, 1]."""

    squared: float = 4.0
    """Weight of the mean squared error. It leads: a mean absolute error alone leaves pictures grey for very long."""
    absolute: float = 0.2
    """Weight of the mean absolute error."""
    kl: float = 1e-6
    """Weight of the divergence from N(0, 1), a mean over latent cells and channels."""


class VAEStage(nn.Module):
    """Reconstruction and the KL term. decoder_only: the latents stay what they are, only the decoder learns."""

    def __init__(self, vae: AutoencoderKL, losses: VAELosses, decoder_only: bool = False) -> None:
        super().__init__()
        self.vae, self.weights = vae, losses
        for part in (vae.encoder, cast(nn.Module, vae.quant_conv)):
            part.requires_grad_(not decoder_only)

    def forward(self, batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        """batch: pictures (N, 3, H, W) in [-1, 1], and noise of the latents' shape."""
        pixels, noise = batch
        posterior = self.vae.encode(pixels).latent_dist
        decoded = self.vae.decode(posterior.mean + posterior.std * noise).sample.float()
        error = decoded - pixels
        squared, absolute = error.square().mean(), error.abs().mean()
        kl = posterior.kl().mean() / noise[0].numel()
        w = self.weights
        return {"loss": w.squared * squared + w.absolute * absolute + w.kl * kl, "mse": squared, "kl": kl}


class VAETask:
    """Trains on stills(choices, count): uint8 (count, 3, H, W), all of one garment; a sample is four of them."""

    name = "vae"

    def __init__(
        self, vae: AutoencoderKL, stills: Stills, held_out: Tensor, settings: Settings, decoder_only: bool = False
    ) -> None:
        self.network = VAEStage(vae, VAELosses(), decoder_only)
        self.vae, self.stills, self.held_out, self.settings = vae, stills, held_out, settings
        self.factor, self.decoder_only = LatentCodec(vae).factor, decoder_only

    def prepare(self, out: Path, process: int, processes: int) -> None:
        """Nothing: the source renders as it goes."""

    def batch(self, step: int, samples: range, device: torch.device) -> tuple[Tensor, Tensor]:
        pixels, noise = [], []
        for i in samples:
            choices, generator = draws(self.settings.seed, step, i)
            pixels.append(self.stills(choices, STILLS).float() / 127.5 - 1)
            cells = [side // self.factor for side in pixels[-1].shape[2:]]
            noise.append(torch.randn(STILLS, self.vae.config.latent_channels, *cells, generator=generator))
        return torch.cat(pixels).to(device), torch.cat(noise).to(device)

    def probe(self, network: nn.Module) -> dict[str, float]:
        """PSNR of the round trip on held-out pictures, and the latents' deviation."""
        decoded, latents = self._round_trip()
        error = (decoded - self._pixels()).square().mean((1, 2, 3)) / 4
        return {"psnr": (-10 * error.log10()).mean().item(), "latent_std": latents.std().item()}

    def picture(self, network: nn.Module) -> Tensor:
        decoded, _ = self._round_trip()
        rows = torch.cat([self._pixels()[:8], decoded[:8]]).clamp(-1, 1)
        sheet = rows.unflatten(0, (2, -1)).permute(2, 0, 3, 1, 4).flatten(3, 4).flatten(1, 2)
        return ((sheet + 1) * 127.5).round().to(torch.uint8).cpu()

    def save(self, folder: Path) -> None:
        """Write folder/vae. The scaling factor gives latents unit deviation on held-out pictures; where only the
        decoder learned it stays, since other networks know the latents by it."""
        if not self.decoder_only:
            _, latents = self._round_trip()
            self.vae.register_to_config(scaling_factor=round(1 / latents.std().item(), 5))
        LatentCodec(self.vae).save_pretrained(folder / "vae")

    def _pixels(self) -> Tensor:
        return self.held_out.to(self.vae.device).float() / 127.5 - 1

    @torch.no_grad()
    def _round_trip(self) -> tuple[Tensor, Tensor]:
        latents = self.vae.encode(self._pixels()).latent_dist.mean
        return self.vae.decode(latents).sample, latents


def mini_vae() -> AutoencoderKL:
    """The bundled VAE: factor 4, 0.8 million parameters."""
    return AutoencoderKL(
        block_out_channels=(24, 48, 64),
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=8,
        sample_size=128,
    )
