"""FashionFlow's trainable networks and their loss: the film network (section 3.1) and the interpolation (section 3.3).

Both denoise a film of which some frames are known, and read the photo's tokens. They differ in which frames are known
and in what is given beside the latents; `conditions.py` says both.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lookreel.diffusion.objective import eps_loss, v_loss
from lookreel.diffusion.schedule import Schedule
from lookreel.encoders.adapter import Adapter
from lookreel.fashionflow.conditions import Conditions, hold
from lookreel.fashionflow.config import FashionFlowConfig, NetConfig
from lookreel.fashionflow.unet import SpaceTimeUNet

RAMP = (1e-4, 0.02)  # ends of beta in the published code
LOSSES = {"eps": eps_loss, "v": v_loss}


@dataclass(frozen=True)
class Batch:
    """B clips of F frames, and the noise to train with. Latents are scaled."""

    latents: Tensor  # (B, F, 4, h, w)
    noise: Tensor  # (B, F, 4, h, w)
    t: Tensor  # (B,) int64
    conditions: Conditions


def schedule_of(config: FashionFlowConfig) -> Schedule:
    """The noise schedule that the config names."""
    ends = RAMP if config.beta_schedule == "cosine_ramp" else (Schedule.beta_start, Schedule.beta_end)
    return Schedule(beta_start=ends[0], beta_end=ends[1], kind=config.beta_schedule, zero_snr=config.zero_snr)


class FashionFlow(nn.Module):
    """A space-time U-Net and its adapter. net: one of the config's two networks."""

    def __init__(self, config: FashionFlowConfig, net: NetConfig) -> None:
        super().__init__()
        self.config = config
        self.schedule = schedule_of(config)
        self.net = SpaceTimeUNet(net)
        self.adapter = Adapter(config.photo_tokens, net.context_width, config.latent_size)

    def context(self, conditions: Conditions) -> Tensor:
        """What cross-attention reads (B, L, D): the photo's tokens, or zeros without global conditioning."""
        if not self.config.global_:
            return torch.zeros_like(conditions.tokens)
        return self.adapter(conditions.tokens, conditions.photo)

    def forward(self, x: Tensor, t: Tensor, context: Tensor, conditions: Conditions) -> Tensor:
        """eps or v, (B, F, 4, h, w), of a noisy film x (B, F, 4, h, w) in which the known frames are clean; t (B,)."""
        x = x if conditions.beside is None else torch.cat([x, conditions.beside.to(x.dtype)], dim=2)
        return self.net(x.transpose(1, 2), t, context).transpose(1, 2)


class ClipStage(nn.Module):
    """The training of one network: the mean squared error over all frames; that of the known frames is zero."""

    def __init__(self, model: FashionFlow) -> None:
        super().__init__()
        self.model = model.requires_grad_(True)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """{"loss": the mean over frames, "unknown": the mean over the frames that are not known}."""
        model, known = self.model, batch.conditions.known[..., None, None, None]
        x = hold(model.schedule.add_noise(batch.latents, batch.noise, batch.t), batch.latents, batch.conditions.known)
        predicted = model(x, batch.t, model.context(batch.conditions), batch.conditions).float()
        if model.config.prediction == "v":
            target = model.schedule.velocity(batch.latents, batch.noise, batch.t)
        else:
            target = batch.noise
        target = target.masked_fill(known, 0.0)  # no noise was added to a known frame
        loss = LOSSES[model.config.prediction](predicted, target, batch.t, model.schedule)
        with torch.no_grad():
            error = (predicted - target).square().masked_fill(known, 0.0)
            unknown = error.mean() * known.numel() / (~known).sum().clamp(min=1)
        return {"loss": loss, "unknown": unknown}
