"""What Animate Anyone is trained with: v-prediction of single frames (stage 1) or of clips (stage 2).

The open implementation weighs by min-SNR with gamma 5 and drops the conditions of a tenth of the samples. There a
dropped sample keeps the embedding of a black picture; here it reads a zero embedding, as in sampling.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lookreel.animate_anyone.model import AnimateAnyone
from lookreel.diffusion.objective import v_loss

MIN_SNR = 5.0


@dataclass(frozen=True)
class Batch:
    """B samples with one photo and F target frames each, and the noise to train with.

    Pictures of poses are float in [0, 1]; latents are scaled. `drop` marks samples trained without conditions.
    clips: the frames are clips, and only the temporal layers learn (stage 2); else every frame stands alone (stage 1).
    """

    reference_latents: Tensor  # (B, 4, h, w)
    reference_embeddings: Tensor  # (B, D)
    latents: Tensor  # (B, F, 4, h, w)
    poses: Tensor  # (B, F, 3, H, W)
    noise: Tensor  # (B, F, 4, h, w)
    t: Tensor  # (B,) int64, one for all frames of a sample
    drop: Tensor  # (B,) bool
    clips: bool = False


def loss(model: AnimateAnyone, batch: Batch) -> dict[str, Tensor]:
    """{"loss": the weighted squared error of v}. As in training, what the stage teaches is set to learn, only that."""
    model.requires_grad_(not batch.clips)
    model.denoiser.temporal.requires_grad_(batch.clips)
    frames = batch.latents.shape[1]
    features = model.reference_encoder(batch.reference_latents[:, None], batch.reference_embeddings[:, None])
    samples = [{name: z[i] for name, z in features.items()} for i in range(len(batch.t))]
    parts = [_sample(model, batch, photo, i, frames) for i, photo in enumerate(samples)]
    return {"loss": torch.stack(parts).mean()}


def _sample(model: AnimateAnyone, batch: Batch, features: dict[str, Tensor], i: int, frames: int) -> Tensor:
    """The loss of sample i. One at a time, since dropped samples read other keys than the rest."""
    told = not bool(batch.drop[i])
    x0, noise, t = batch.latents[i], batch.noise[i], batch.t[i].expand(frames)
    photo = {name: z.expand(frames, -1, -1) for name, z in features.items()} if told else {}
    context = batch.reference_embeddings[i].expand(frames, 1, -1) * float(told)
    pose = model.pose_guider(batch.poses[i])
    z = model.schedule.add_noise(x0, noise, t)
    given = (z, t, context, photo, pose)
    v = model.denoiser.video(*given, frames) if batch.clips else model.denoiser.image(*given)
    return v_loss(v, model.schedule.velocity(x0, noise, t), t, model.schedule, min_snr=MIN_SNR)
