"""ProFashion as a user meets it: several photos and driving poses in, a film out (Fig. 2)."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from lookreel.diffusion.guidance import single
from lookreel.diffusion.sampler import ddim, initial_noise, multistep
from lookreel.diffusion.windows import combine, windows
from lookreel.encoders.image_encoder import ImageEncoder
from lookreel.encoders.vae import LatentCodec
from lookreel.errors import InputError
from lookreel.film import Film
from lookreel.photos import open_photos
from lookreel.poses.motions import Motion, load_motion
from lookreel.poses.track import Track
from lookreel.preview import LatentColors
from lookreel.profashion import folder as model_folder
from lookreel.profashion.conditions import Conditions, pose_pictures, read
from lookreel.profashion.config import ProFashionConfig
from lookreel.profashion.model import Batch, ClipStage, PictureStage, ProFashion
from lookreel.ranges import real_number, whole_number
from lookreel.report import report
from lookreel.system import OnStep, Photos, System

SAMPLERS = {"ddim": ddim, "multistep": multistep}


@dataclass
class ProFashionSystem(System):
    """The frozen encoders and the trained networks."""

    codec: LatentCodec
    image_encoder: ImageEncoder
    model: ProFashion
    name: str = "profashion"
    sha256: str = ""

    @property
    def config(self) -> ProFashionConfig:
        return self.model.config

    @property
    def size(self) -> tuple[int, int]:
        return self.config.size

    @property
    def device(self) -> torch.device:
        return next(self.model.parameters()).device

    def to(self, device: torch.device) -> ProFashionSystem:
        for part in (self.codec, self.image_encoder, self.model):
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
        on_step: OnStep | None = None,
    ) -> Film:
        """See `System.animate`. Several photos need their poses; one photo needs none (its weight is 1 everywhere)."""
        steps = self.config.steps if steps is None else steps
        guidance = self.config.guidance if guidance is None else guidance
        _check(seed, steps, guidance, frames)
        references = open_photos(photos, self.size)
        driving = _driving(motion, frames)
        began = time.monotonic()

        pixels = torch.stack([photo.pixels for photo in references]).to(self.device)
        poses = pose_pictures(driving, self.size)
        conditions = read(self, pixels, references, poses)  # Eq. 1, 5-7 and E_pose, once
        noise = initial_noise((len(poses), 4, *self.config.latent_size), seed).to(self.device)
        encoded = time.monotonic()
        colors = LatentColors(conditions.latents, pixels)
        latents = self._denoise(conditions, noise, steps, guidance, colors.callback(on_step))  # Eq. 4
        denoised = time.monotonic()
        film = torch.cat(list(self.codec.decode(latents)))

        seconds = {"encode": encoded - began, "denoise": denoised - encoded, "decode": time.monotonic() - denoised}
        settings = {"seed": seed, "steps": steps, "guidance": guidance, "frames": len(film), "size": list(self.size)}
        weights = conditions.m.flatten(3).mean(3)[0] if conditions.m.ndim == 5 else None
        facts = report(self, references, driving, settings | {"sampler": self.config.sampler}, seconds, weights)
        shown = [photo.pixels for photo in references]
        return Film(film, driving.track.fps, facts, references=_uint8(shown), poses=(poses * 255).round().byte())

    def _denoise(self, conditions: Conditions, noise: Tensor, steps: int, guidance: float, on_step) -> Tensor:
        """Sample latents (F, 4, h, w), window by window, with guidance."""
        spans = windows(len(noise), self.config.window, self.config.overlap)
        sample = SAMPLERS[self.config.sampler]

        def predict_window(z: Tensor, t: int, window: range) -> Tensor:
            told = self._predict(conditions, z, t, window, True)
            return told if guidance == 1 else single(self._predict(conditions, z, t, window, False), told, guidance)

        def predict(z: Tensor, t: int) -> Tensor:
            return combine(predict_window, z, t, spans)

        return sample(predict, noise, self.model.schedule, steps, on_step)

    def _predict(self, conditions: Conditions, z: Tensor, t: int, window: range, told: bool) -> Tensor:
        """v of one window; untold, it reads no prototype and a zero embedding, and keeps pose and motion."""
        m = conditions.m[:, window.start : window.stop]
        z_R = self.model.prototypes(conditions.features, m) if told else {}  # Eq. 8
        x_R, pose = (part[window.start : window.stop] for part in (conditions.semantic, conditions.pose))
        times = torch.full((len(z),), t, device=z.device)
        return self.model.denoiser.video(z, times, x_R if told else torch.zeros_like(x_R), z_R, pose, len(z))[0]

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """Stage 1's loss for single pictures, stage 2's where the batch carries keypoint flow (Eq. 13).

        As in training, the parameters that the stage teaches are set to learn, and only they.
        """
        stage = PictureStage(self.model) if batch.delta is None else ClipStage(self.model)
        return stage(batch)

    def save_pretrained(self, folder: str | os.PathLike, dtype: torch.dtype = torch.float32) -> None:
        model_folder.save(self, Path(folder), dtype)

    @classmethod
    def from_pretrained(cls, folder: Path, device: torch.device) -> ProFashionSystem:
        return cls(*model_folder.load(folder), name=str(folder)).to(device)


def _check(seed: int, steps: int, guidance: float, frames: int | None) -> None:
    """InputError where a number is out of its range."""
    whole_number("seed", seed, 0)
    whole_number("steps", steps, 1, 1000)
    real_number("guidance", guidance, 0, 30)
    whole_number("frames", frames, 1)


def _driving(motion: str | os.PathLike | Track | None, frames: int | None) -> Motion:
    """The motion, cut to its first `frames` frames."""
    if motion is None:
        raise InputError("motion: none given; expected a bundled name (see `lookreel motions`), a file or a Track")
    return load_motion(motion).first(frames)


def _uint8(pixels: list[Tensor]) -> list[Tensor]:
    return [((p + 1) * 127.5).round().clamp(0, 255).to(torch.uint8) for p in pixels]
