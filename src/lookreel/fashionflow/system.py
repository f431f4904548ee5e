"""FashionFlow as a user meets it: one photo in, a film out; the seed decides what the figure does (Fig. 1)."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from lookreel.diffusion.windows import windows
from lookreel.encoders.shared import Encoders
from lookreel.errors import InputError
from lookreel.fashionflow import folder as model_folder
from lookreel.fashionflow.conditions import between_frames, from_photo, small
from lookreel.fashionflow.config import WORDS, FashionFlowConfig
from lookreel.fashionflow.model import Batch, ClipStage, FashionFlow
from lookreel.fashionflow.pictures import Pictures
from lookreel.fashionflow.request import Lengths, check, lengths
from lookreel.fashionflow.sampling import Sampling, sample
from lookreel.film import Film
from lookreel.photos import OpenedPhoto, open_only, to_uint8
from lookreel.poses.track import Track
from lookreel.preview import LatentColors
from lookreel.report import facts
from lookreel.system import OnStep, Photos, System


@dataclass
class FashionFlowSystem(System):
    """The frozen encoders, the film network, and the interpolation network where the model has one."""

    encoders: Encoders
    model: FashionFlow
    interpolation: FashionFlow | None = None
    name: str = "fashionflow"
    sha256: str = ""

    takes_motion = False
    scales: ClassVar[tuple[str, ...]] = ()
    samplers: ClassVar[tuple[str, ...]] = WORDS["sampler"]

    @property
    def config(self) -> FashionFlowConfig:
        return self.model.config

    @property
    def size(self) -> tuple[int, int]:
        return self.config.size

    @property
    def interpolates(self) -> bool:
        return self.interpolation is not None

    @property
    def device(self) -> torch.device:
        return next(self.model.parameters()).device

    @property
    def pictures(self) -> Pictures:
        """The encoders, with pictures scaled as the model was trained to have them."""
        return Pictures(self.encoders, self.config.doubly_rescaled)

    def to(self, device: torch.device) -> FashionFlowSystem:
        for part in (*self.encoders.parts().values(), self.model, self.interpolation):
            if part is not None:
                part.to(device)
        return self

    @torch.no_grad()  # not inference_mode, whose tensors a user could not change in place
    def animate(
        self,
        photos: Photos,
        motion: str | os.PathLike | Track | None = None,
        *,
        seed: int = 0,
        steps: int | None = None,
        guidance: float | None = None,
        frames: int | None = None,
        preset: str = "exact",
        interpolate: int = 1,
        sampler: str | None = None,
        on_step: OnStep | None = None,
    ) -> Film:
        """See `System.animate`. One photo, no motion and no guidance: the network has none of them.

        frames: of the film before interpolation; None takes the model's. interpolate: 2 doubles the frames and the
        frame rate (section 3.3), 1 leaves them. sampler: "ddpm" (the paper), "ddim", "multistep"; None is the model's.
        on_step: the steps of the interpolation are counted too.
        """
        steps = self.config.steps if steps is None else steps
        sampling = Sampling(seed, steps, self.config.sampler if sampler is None else sampler, self.config.noise_scale)
        check(self, motion, sampling, guidance, frames, preset, interpolate)
        photo, length = open_only(photos, self.size, "FashionFlow"), lengths(self.config, frames)
        began = time.monotonic()

        pixels = photo.pixels[None].to(self.device)
        tokens, latent = self.pictures.tokens(pixels), self.pictures.encode(pixels)
        encoded = time.monotonic()
        colors = LatentColors(latent, pixels)
        first = replace(sampling, on_step=_told(on_step, colors, 0, steps * interpolate))
        latents = self._film(tokens, latent, length.made, first)  # Eq. 2
        film = self.pictures.decode(latents)
        made = time.monotonic()
        if interpolate == 2:
            second = replace(sampling, on_step=_told(on_step, colors, steps, steps * interpolate))
            film = self._doubled(tokens, latent, latents, film, second)  # section 3.3
        film = film[: length.asked * interpolate]

        seconds = {"encode": encoded - began, "film": made - encoded, "interpolate": time.monotonic() - made}
        settings = {"seed": seed, "steps": steps, "sampler": sampling.sampler, "interpolate": interpolate}
        report = self._report(photo, settings | {"frames": len(film)}, seconds, length)
        return Film(film, self.config.fps * interpolate, report, references=[to_uint8(photo.pixels)])

    @torch.no_grad()
    def double(self, film: Tensor, photo: Tensor, seed: int = 0, steps: int | None = None) -> Tensor:
        """A film uint8 (F, 3, H, W) of the model's size with as many new frames, each after one of its own.

        photo: uint8 (3, H, W), the garment's. Returns uint8 (2 F, 3, H, W), its own frames as the VAE renders them; the
        last new frame repeats the one before it.
        """
        steps = self.config.steps if steps is None else steps
        pixels, given = ((part.to(self.device).float() / 127.5 - 1) for part in (photo[None], film))
        tokens, latent = self.pictures.tokens(pixels), self.pictures.encode(pixels)
        sampling = Sampling(seed, steps, self.config.sampler)
        return self._doubled(tokens, latent, self.pictures.encode(given), film, sampling)

    def _film(self, tokens: Tensor, photo: Tensor, frames: int, sampling: Sampling) -> Tensor:
        """Latents (F, 4, h, w) of a film whose first frame is the photo (1, 4, h, w)."""
        conditions = from_photo(tokens, photo, frames, self.config.local, self.config.photo_in_every_frame)
        return sample(self.model, conditions, photo.expand(frames, -1, -1, -1), [range(frames)], sampling)

    def _doubled(self, tokens: Tensor, photo: Tensor, latents: Tensor, film: Tensor, sampling: Sampling) -> Tensor:
        """A film, given as latents (F, 4, h, w) and uint8 frames, with a new frame after each: uint8 (2 F, 3, H, W).

        The last new frame repeats the one before it.
        """
        if self.interpolation is None:
            raise InputError(f"interpolate: {self.name} has no interpolation network; expected a model that has one")
        colors = small(film.to(latents.device).float() / 127.5 - 1, self.config.latent_size)
        doubled, known = (part.repeat_interleave(2, dim=0) for part in (colors, latents))
        conditions = between_frames(tokens, photo, doubled[None])
        spans = windows(len(known), self.config.frames, self.config.overlap)
        # The seed's next neighbour: the new frames' noise must not be the noise that the film was made from.
        sampling = replace(sampling, seed=sampling.seed + 1, noise_scale=self.config.interpolation_noise_scale)
        frames = self.pictures.decode(sample(self.interpolation, conditions, known, spans, sampling))
        frames[-1] = frames[-2]  # no frame follows it, so there is nothing to lie between: the film's last one stays
        return frames

    def _report(
        self, photo: OpenedPhoto, settings: dict[str, Any], seconds: dict[str, float], length: Lengths
    ) -> dict[str, Any]:
        settings = settings | {"size": list(self.size), "fps": self.config.fps * settings["interpolate"]}
        return facts(self, [photo], settings, seconds) | {"warnings": list(length.notices)}

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """The film network's loss; the interpolation network's where more than the first frame is known.

        As in training, the parameters of that network are set to learn.
        """
        doubling = bool(batch.conditions.known[:, 1:].any())
        network = self.interpolation if doubling else self.model
        if network is None:
            raise InputError("batch: of the interpolation network, which this model does not have")
        return ClipStage(network)(batch)

    def save_pretrained(self, folder: str | os.PathLike, dtype: torch.dtype = torch.float32) -> None:
        model_folder.save(self, Path(folder), dtype)

    @classmethod
    def from_pretrained(cls, folder: Path, device: torch.device) -> FashionFlowSystem:
        return cls(*model_folder.load(folder), name=str(folder)).to(device)


def _told(on_step: OnStep | None, colors: LatentColors, before: int, total: int):
    """The callback of a sampling that follows `before` steps of `total`."""
    if on_step is None:
        return None
    return lambda done, x0: on_step(before + done, total, lambda: colors(x0))
