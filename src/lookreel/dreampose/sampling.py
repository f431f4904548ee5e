"""From noise to latents, frame by frame in batches, with dual guidance (section 4.4, Eq. 4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from lookreel.diffusion.guidance import dual_weights
from lookreel.diffusion.pace import Pace, exact
from lookreel.diffusion.pndm import pndm
from lookreel.diffusion.sampler import OnStep, ddim, initial_noise, multistep
from lookreel.dreampose.conditions import Photo
from lookreel.dreampose.model import DreamPose
from lookreel.nets.attention import Answer, KeyValue

AT_ONCE = 16  # frames that the network works on together
SAMPLERS = {"pndm": pndm, "ddim": ddim, "multistep": multistep}
# What each of Eq. 4's three predictions sees: the photo, the pose.
E0, E_IMAGE, E_BOTH = (False, False), (True, False), (True, True)
Branch = tuple[bool, bool]
Settled = Mapping[str, Answer | KeyValue]


@dataclass(frozen=True)
class Sampling:
    """How a film is sampled. scales: s_I and s_P of Eq. 4. on_step: as the samplers call it. dtype: of the network."""

    seed: int
    steps: int
    sampler: str
    scales: tuple[float, float]
    pace: Pace = field(default_factory=exact)
    at_once: int | None = None
    dtype: torch.dtype = torch.float32
    on_step: OnStep | None = None

    @property
    def weights(self) -> dict[Branch, float]:
        """What each prediction of Eq. 4 weighs; one without weight is never asked for."""
        shares = zip((E0, E_IMAGE, E_BOTH), dual_weights(*self.scales), strict=True)
        return {branch: weight for branch, weight in shares if weight}

    def asked(self, guided: bool) -> dict[Branch, float]:
        """Those of one step; where the pace leaves guidance out, the frame as it is conditioned."""
        return self.weights if guided else {E_BOTH: 1.0}


def first_timestep(model: DreamPose, sampler: str, steps: int) -> int:
    """The timestep at which a sampler begins."""
    timesteps = model.schedule.leading_timesteps if sampler == "pndm" else model.schedule.trailing_timesteps
    return timesteps(steps)[0]


def start(model: DreamPose, photo: Photo, frames: int, sampling: Sampling) -> Tensor:
    """Where the frames begin, (F, 4, h, w): the photo's latent with one and the same noise for all of them."""
    noise = initial_noise(photo.latent.shape, sampling.seed).to(photo.latent)
    t = first_timestep(model, sampling.sampler, sampling.steps)
    return model.schedule.add_noise(photo.latent, noise, t).expand(frames, -1, -1, -1)


def sample(model: DreamPose, photo: Photo, null: Photo, poses: Tensor, sampling: Sampling) -> tuple[Tensor, Guided]:
    """Latents (F, 4, h, w) of a film, and the network as it was asked.

    photo, null: of one picture each. poses: (F, 2 * poses, h, w) in [-1, 1].
    """
    network = Guided(model, _contexts(model, photo, null, sampling), poses, sampling)
    x = start(model, photo, len(poses), sampling)
    return SAMPLERS[sampling.sampler](network, x, model.schedule, sampling.steps, sampling.on_step), network


class Guided:
    """The network with its conditions and Eq. 4, as a sampler sees it: predict(x, t) -> v.

    contexts: what the cross-attentions settled with the photo and without it. full, shallow: frames predicted so far,
    and those that used deep features again.
    """

    def __init__(self, model: DreamPose, contexts: Mapping[bool, Settled], poses: Tensor, sampling: Sampling) -> None:
        self.model, self.contexts, self.poses, self.sampling = model, contexts, poses, sampling
        self.calls, self.full, self.shallow = 0, 0, 0
        self._deep: dict[tuple[int, Branch], Tensor] = {}

    def __call__(self, x: Tensor, t: int) -> Tensor:
        """v of x (F, 4, h, w) at t."""
        made = torch.empty_like(x)
        for part in _parts(len(x), self.sampling.at_once or AT_ONCE):
            made[part] = self._guided(x[part], t, part)
        self.calls += 1
        return made if self.model.config.prediction == "v" else self.model.schedule.v_from_eps(x, made, t)

    def _guided(self, x: Tensor, t: int, part: slice) -> Tensor:
        """Eq. 4 for some frames."""
        guided = self.sampling.pace.asks_both(t, self.model.schedule.train_steps)
        asked = self.sampling.asked(guided)
        return sum(weight * self._ask(x, t, part, branch) for branch, weight in asked.items())

    def _ask(self, x: Tensor, t: int, part: slice, branch: Branch) -> Tensor:
        """One prediction of Eq. 4 for some frames, in x's type."""
        with_photo, with_pose = branch
        pace, place, dtype = self.sampling.pace, (part.start, branch), self.sampling.dtype
        known = self._deep.get(place) if self.calls % pace.reuse else None
        poses = self.poses[part].to(x.device, dtype)
        poses = poses if with_pose else torch.zeros_like(poses)
        times, context = torch.full((len(x),), t, device=x.device), repeated(self.contexts[with_photo], len(x))
        predicted, deep = self.model.resumable(x.to(dtype), times, context, poses, known, pace.shallow)
        if pace.reuse > 1:
            self._deep[place] = deep
        if known is None:
            self.full += len(x)
        else:
            self.shallow += len(x)
        return predicted.to(x.dtype)


def _contexts(model: DreamPose, photo: Photo, null: Photo, sampling: Sampling) -> dict[bool, Settled]:
    """What the cross-attentions settle of the photo and of the black picture, as far as either is asked for."""
    asked = {*sampling.weights, E_BOTH}
    given = {True: photo, False: null}
    return {
        with_photo: model.unet.settle(model.context(given[with_photo]).to(sampling.dtype))
        for with_photo in {branch[0] for branch in asked}
    }


def repeated(context: Settled, frames: int) -> Settled:
    """The photo's keys and values for so many frames, without a copy."""
    return {name: type(given)(*(part.expand(frames, -1, -1) for part in given)) for name, given in context.items()}


def _parts(frames: int, at_once: int) -> Iterator[slice]:
    return (slice(first, min(first + at_once, frames)) for first in range(0, frames, at_once))
