"""Photos and driving poses in, a film out: the road that Animate Anyone and ProFashion share (its Fig. 2).

Photos go through the VAE, CLIP and the reference encoder, poses through the pose guider, once for each film; the
denoiser then reads their keys and values in its spatial self-attention, window by window and step by step.
"""

from __future__ import annotations

import os
import time
from abc import abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn

from lookreel.diffusion.denoise import denoise
from lookreel.diffusion.pace import Pace, pace, work
from lookreel.diffusion.sampler import initial_noise
from lookreel.diffusion.schedule import Schedule
from lookreel.diffusion.windows import windows
from lookreel.encoders.image_encoder import ImageEncoder
from lookreel.encoders.vae import LatentCodec
from lookreel.errors import InputError
from lookreel.film import Film
from lookreel.photos import OpenedPhoto, open_photos, to_uint8
from lookreel.planned_system import PlannedSystem
from lookreel.poses.motions import Motion, load_motion
from lookreel.poses.track import Track
from lookreel.preview import LatentColors
from lookreel.ranges import real_number, whole_number
from lookreel.reference.conditions import Conditions, pose_pictures, see, settle
from lookreel.reference.footprint import Estimate, Parts
from lookreel.reference.instances import Instances
from lookreel.reference.other_side import NOTICE
from lookreel.report import report
from lookreel.running.compiled import compile_layers
from lookreel.running.memory import Footprint, fit, plans
from lookreel.running.plan import Plan
from lookreel.system import OnStep, Photos


class ReferenceModel(Protocol):
    """The networks: see ProFashion and AnimateAnyone."""

    config: Any
    schedule: Schedule
    reference_encoder: nn.Module
    pose_guider: nn.Module
    denoiser: Any

    def prototype(self, name: str, z: Tensor, m: Tensor) -> Tensor:
        """What each frame reads of the photos at one block, as m weighs them: z (B, R, L, C) -> (B*F, P, C).

        Linear in z, so that it may be given keys and values instead of tokens.
        """
        ...

    def semantic(self, x: Tensor, m: Tensor) -> Tensor:
        """CLIP embeddings (B, R, D) -> tokens of each frame (B*F, M, D)."""
        ...


@dataclass
class ReferenceSystem(PlannedSystem):
    """The frozen encoders and the trained networks."""

    codec: LatentCodec
    image_encoder: ImageEncoder
    model: Any
    name: str = ""
    sha256: str = ""

    @property
    def config(self) -> Any:
        return self.model.config

    @property
    def size(self) -> tuple[int, int]:
        return self.config.size

    def networks(self) -> list[nn.Module]:
        return [self.codec, self.image_encoder, self.model]

    @abstractmethod
    def weights(self, references: list[OpenedPhoto], driving: Motion, poses: Tensor) -> Tensor:
        """m (1, F, R, h, w): how much each photo counts in each frame and at each location.

        poses: the driving poses as pictures, uint8 (F, 3, H, W).
        """

    @abstractmethod
    def encoders(self) -> list[nn.Module]:
        """The networks that work before sampling, besides VAE and CLIP."""

    def open(self, photos: Photos) -> list[OpenedPhoto]:
        """The photos at the model's size; several need their poses."""
        return open_photos(photos, self.size)

    def mirrors(self, references: list[OpenedPhoto]) -> dict[int, OpenedPhoto]:
        """Mirror images that are read beside the photos, by the number of the photo."""
        return {}

    def photos_read(self, photos: int) -> int:
        """The most pictures that a film of so many photos reads, mirror images among them."""
        return photos

    def spans(self, frames: int) -> list[range]:
        """The windows of a film."""
        return windows(frames, self.config.window, self.config.overlap)

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
        on_step: OnStep | None = None,
    ) -> Film:
        """See `System.animate`."""
        wanted = pace(preset)
        steps = wanted.steps_of(self.config.steps) if steps is None else steps
        guidance = self.config.guidance if guidance is None else guidance
        _check(seed, steps, guidance, frames)
        references = self.open(photos)
        mirrors = self.mirrors(references)
        read = [*references, *mirrors.values()]
        driving = _driving(motion, frames)
        began = time.monotonic()

        pixels = torch.stack([photo.pixels for photo in read]).to(self.device)
        poses = pose_pictures(driving, self.size)
        with self.working(self.image_encoder, self.codec, *self.encoders()):
            seen = see(self, pixels, read, driving, poses)
        shape = (len(poses), 4, *self.config.latent_size)
        noise = initial_noise(shape, seed, self.config.noise_scale).to(self.device)
        encoded = self.clock()
        colors = LatentColors(seen.latents, pixels)
        with self.working(self.model.denoiser):
            conditions = settle(self.model, seen)
            del seen
            latents = self._denoise(conditions, noise, steps, guidance, wanted, colors.callback(on_step))
        m, denoised = conditions.m, self.clock()
        del conditions
        with self.working(self.codec):
            film = self.codec.pictures(latents, self.plan.pictures_at_once, self.plan.tile)

        seconds = {"encode": encoded - began, "denoise": denoised - encoded, "decode": self.clock() - denoised}
        settings = {"seed": seed, "steps": steps, "guidance": guidance, "frames": len(film), "size": list(self.size)}
        settings |= {"sampler": wanted.sampler or self.config.sampler, "preset": preset}
        settings["evaluations"] = asdict(work(wanted, self.model.schedule, steps, guidance))
        settings |= {"plan": self.plan.to_json(), "mirrored": list(mirrors)}
        weights = _by_photo(m, list(mirrors)) if m.ndim == 5 else None
        facts = report(self, references, driving, settings | self.facts(), seconds, weights)
        facts["notices"] = [f"{references[number].name}: {NOTICE}" for number in mirrors]
        shown = [to_uint8(photo.pixels) for photo in references]
        return Film(film, driving.track.fps, facts, references=shown, poses=poses)

    def facts(self) -> dict[str, Any]:
        """What the sidecar says of this kind of model besides."""
        return {}

    def _denoise(
        self, conditions: Conditions, noise: Tensor, steps: int, guidance: float, wanted: Pace, on_step
    ) -> Tensor:
        """Sample latents (F, 4, h, w), window by window, with guidance."""

        def half(z: Tensor, t: int, window: range, told: bool, deep: Tensor | None) -> tuple[Tensor, Tensor]:
            return self._predict(conditions, z, t, window, told, deep, wanted.shallow)

        return denoise(
            half,
            noise,
            self.model.schedule,
            sampler=wanted.sampler or self.config.sampler,
            steps=steps,
            guidance=guidance,
            spans=self.spans(len(noise)),
            pace=wanted,
            on_step=on_step,
        )

    def _predict(
        self,
        conditions: Conditions,
        z: Tensor,
        t: int,
        window: range,
        told: bool,
        deep: Tensor | None = None,
        shallow: int = 1,
    ) -> tuple[Tensor, Tensor]:
        """v of one window, and its deep features; untold, it reads no photo and a zero embedding, and keeps pose and
        motion."""
        m, semantic, pose = conditions.of(window, z.device)
        photos = Instances(self.model.prototype, conditions.memory, m) if told else {}
        times = torch.full((len(z),), t, device=z.device)
        given = (z.to(self.plan.dtype), times, semantic if told else conditions.nothing, photos, pose, len(z))
        return self.model.denoiser.step(*given, deep, shallow)

    def cast(self, plan: Plan) -> None:
        """The pose encoders stay in float32."""
        for part in (self.codec, self.image_encoder.clip, self.model.reference_encoder, self.model.denoiser):
            part.to(plan.dtype)
        self.model.denoiser.set_at_once(plan.frames_at_once)
        if plan.channels_last:
            self.model.denoiser.to(memory_format=torch.channels_last)
        if plan.compile:
            compile_layers(self.model.denoiser)

    def plan_for(
        self,
        memory: int,
        device: torch.device,
        frames: int,
        photos: int,
        *,
        precision: torch.dtype | None = None,
        preset: str = "exact",
    ) -> tuple[Plan, Footprint]:
        """See `System.plan_for`."""
        with torch.device("meta"):
            vae = AutoencoderKL.from_config(self.codec.vae.config)
            parts = Parts(type(self.model)(self.config), vae, self.image_encoder)
        estimate = Estimate(parts, frames, self.photos_read(photos), pace(preset).reuse > 1)
        return fit(memory, plans(device, precision), lambda plan: estimate(plan, device))


def _by_photo(m: Tensor, mirrored: list[int]) -> Tensor:
    """m (1, F, R, h, w) of the photos and then of mirror images -> (F, photos): an image's weight is its photo's."""
    weights = m.flatten(3).mean(3)[0]
    photos = weights.shape[1] - len(mirrored)
    given, images = weights.split([photos, len(mirrored)], dim=1)
    return given.index_add(1, torch.tensor(mirrored, dtype=torch.long, device=m.device), images)


def _check(seed: int, steps: int, guidance: float, frames: int | None) -> None:
    """InputError where a number is out of its range."""
    whole_number("seed", seed, 0, needed=True)
    whole_number("steps", steps, 1, 1000)
    real_number("guidance", guidance, 0, 30)
    whole_number("frames", frames, 1)


def _driving(motion: str | os.PathLike | Track | None, frames: int | None) -> Motion:
    """The motion, cut to its first `frames` frames."""
    if motion is None:
        raise InputError("motion: none given; expected a bundled name (see `lookreel motions`), a file or a Track")
    return load_motion(motion).with_joints().first(frames)
