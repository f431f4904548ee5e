"""DreamPose as a user meets it: one photo and a motion in, a film out (Fig. 1), by the base or by a tuned subject."""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from lookreel.diffusion.pace import pace
from lookreel.diffusion.sampler import OnStep as SamplerStep
from lookreel.dreampose import folder as model_folder
from lookreel.dreampose.conditions import null_photo, pose_windows, see
from lookreel.dreampose.config import WORDS, DreamPoseConfig
from lookreel.dreampose.footprint import Estimate
from lookreel.dreampose.model import Batch, DreamPose, PictureStage
from lookreel.dreampose.request import Request, driving, request
from lookreel.dreampose.sampling import Guided, Sampling, sample
from lookreel.dreampose.subject import Base
from lookreel.encoders.shared import Encoders
from lookreel.film import Film
from lookreel.photos import open_only, to_uint8
from lookreel.planned_system import PlannedSystem
from lookreel.poses.densepose import dense
from lookreel.poses.track import Track
from lookreel.preview import LatentColors
from lookreel.report import report
from lookreel.running.compiled import compile_layers
from lookreel.running.memory import Footprint, fit, plans
from lookreel.running.plan import Plan
from lookreel.system import OnStep, Photos


@dataclass
class DreamPoseSystem(PlannedSystem):
    """The frozen encoders, the U-Net and the adapter. base: of a subject, the model it was tuned from."""

    encoders: Encoders
    model: DreamPose
    base: Base | None = None
    name: str = "dreampose"
    sha256: str = ""
    scales: ClassVar[tuple[str, ...]] = ("image_scale", "pose_scale")
    samplers: ClassVar[tuple[str, ...]] = WORDS["sampler"]
    most_photos: ClassVar[int | None] = 1

    @property
    def config(self) -> DreamPoseConfig:
        return self.model.config

    @property
    def size(self) -> tuple[int, int]:
        return self.config.size

    def networks(self) -> list[nn.Module]:
        return [*self.encoders.parts().values(), self.model]

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
        image_scale: float | None = None,
        pose_scale: float | None = None,
        sampler: str | None = None,
        on_step: OnStep | None = None,
    ) -> Film:
        """See `System.animate`. One photo; guidance is refused, since there are two scales instead.

        frames: 1 makes one picture, in the motion's first pose. image_scale, pose_scale: s_I and s_P of Eq. 4, 0 to 30;
        at (1, 1) the network is asked once a step, with two equal scales twice. sampler: "pndm" (the paper), "ddim" or
        "multistep". None takes the model's own.
        """
        asked = request(self.config, seed, steps, guidance, frames, preset, (image_scale, pose_scale), sampler)
        photo, moving = open_only(photos, self.size, "DreamPose"), driving(motion, frames)
        began = time.monotonic()

        body = dense(moving.track, self.size)
        poses = pose_windows(body.uv, self.config)  # section 4.2.2
        pixels = photo.pixels[None].to(self.device)
        with self.working(*self.encoders.parts().values()):
            seen, null = see(self.encoders, self.config, pixels), null_photo(self.encoders, self.config)
        encoded = self.clock()
        sampling = self._sampling(asked, LatentColors(seen.latent, pixels).callback(on_step))
        with self.working(self.model):
            latents, network = sample(self.model, seen, null, poses, sampling)  # Eq. 4
        denoised = self.clock()
        with self.working(self.encoders.codec):
            film = self.encoders.codec.pictures(latents, self.plan.pictures_at_once, self.plan.tile)

        seconds = {"encode": encoded - began, "denoise": denoised - encoded, "decode": self.clock() - denoised}
        facts = report(self, [photo], moving, self._settings(sampling, preset, network), seconds, None)
        facts["notices"] = list(body.notices)
        return Film(film, moving.track.fps, facts, references=[to_uint8(photo.pixels)], poses=_shown(body.uv))

    def _sampling(self, asked: Request, on_step: SamplerStep | None) -> Sampling:
        return Sampling(
            seed=asked.seed,
            steps=asked.steps,
            sampler=asked.sampler,
            scales=(asked.image_scale, asked.pose_scale),
            pace=asked.pace,
            at_once=self.plan.frames_at_once,
            dtype=self.plan.dtype,
            on_step=on_step,
        )

    def _settings(self, sampling: Sampling, preset: str, network: Guided) -> dict[str, Any]:
        """What the sidecar says of the sampling, evaluations of the network counted for each frame."""
        frames = len(network.poses)
        made = {"full": network.full // frames, "shallow": network.shallow // frames}
        base = {"base": asdict(self.base)} if self.base else {}
        return base | {
            "seed": sampling.seed,
            "steps": sampling.steps,
            "sampler": sampling.sampler,
            "image_scale": sampling.scales[0],
            "pose_scale": sampling.scales[1],
            "frames": frames,
            "size": list(self.size),
            "preset": preset,
            "evaluations": made,
            "plan": self.plan.to_json(),
        }

    def cast(self, plan: Plan) -> None:
        """The adapter stays in float32."""
        for part in (self.encoders.codec, self.encoders.image_encoder.clip, self.model.unet):
            part.to(plan.dtype)
        if plan.channels_last:
            self.model.unet.to(memory_format=torch.channels_last)
        if plan.compile:
            compile_layers(self.model.unet)

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
        needs = Estimate(self.config, self.encoders, frames, pace(preset).reuse > 1)
        return fit(memory, plans(device, precision), lambda plan: needs(plan, device))

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """The loss of both phases of training (Eq. 1). As in training, the parameters are set to learn."""
        return PictureStage(self.model)(batch)

    def save_pretrained(self, folder: str | os.PathLike, dtype: torch.dtype = torch.float32) -> None:
        """Write a whole model, a subject's too; `subject.save_subject` writes only what tuning changed."""
        model_folder.save(self, Path(folder), dtype)

    @classmethod
    def from_pretrained(cls, folder: Path, device: torch.device) -> DreamPoseSystem:
        return cls(*model_folder.load(folder), name=str(folder)).to(device)


def _shown(uv: np.ndarray) -> Tensor:
    """The poses as pictures, uint8 (F, 3, H, W): U red, V green, the body blue."""
    body = uv.any(axis=1, keepdims=True).astype(np.uint8) * 128
    return torch.from_numpy(np.concatenate([uv, body], axis=1))
