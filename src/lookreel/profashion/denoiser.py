"""The Flow-enhanced Prototype Instantiator, FPI (ProFashion, section 3.5, Eq. 4): the denoising network."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from lookreel.nets.temporal import MotionModule
from lookreel.nets.unet import UNet
from lookreel.profashion.config import ProFashionConfig
from lookreel.profashion.flow_attention import FlowAttention


class Motion(nn.Module):
    """The layers of stage 2: at each site flow attention (where configured), then temporal attention."""

    def __init__(self, config: ProFashionConfig, sites: Mapping[str, int]) -> None:
        super().__init__()
        self.checkpointing = False
        temporal = config.motion_sites if config.motion_sites is not None else tuple(sites)
        self.flow = nn.ModuleDict(
            {_key(site): FlowAttention(sites[site], config.motion_heads) for site in config.flow_sites}
        )
        self.temporal = nn.ModuleDict(
            {
                _key(site): MotionModule(
                    sites[site], config.motion_heads, config.unet.norm_num_groups, config.max_frames
                )
                for site in temporal
            }
        )

    def forward(self, site: str, x: Tensor, frames: int) -> tuple[Tensor, Tensor | None]:
        """x (B*F, C, h, w) at `site` -> the same shape, and the flow attention's offsets (B*F, 2, h, w) if any."""
        key, offset = _key(site), None
        if key in self.flow:
            x, offset = self._call(self.flow[key], x, frames)
        if key in self.temporal:
            x = self._call(self.temporal[key], x, frames)
        return x, offset

    def _call(self, module: nn.Module, x: Tensor, frames: int):
        if self.checkpointing and torch.is_grad_enabled():
            return checkpoint(module, x, frames, use_reentrant=False)
        return module(x, frames)


def _key(site: str) -> str:
    return site.replace(".", "_")


class Denoiser(nn.Module):
    """SD1.5's U-Net, reading prototypes, with motion layers after each site.

    z: (N, 4, h, w) noisy latents; t: (N,) int64; x_R: (N, M, D) semantic tokens (Eq. 9);
    z_R: block name -> prototype tokens (N, P, C) (Eq. 8), empty for the unconditional half;
    pose: (N, C0, h, w) features of the driving poses. Both methods return v, (N, 4, h, w).
    """

    def __init__(self, config: ProFashionConfig) -> None:
        super().__init__()
        self.unet = UNet(config.unet)
        self.motion = Motion(config, self.unet.site_names())

    def image(self, z: Tensor, t: Tensor, x_R: Tensor, z_R: Mapping[str, Tensor], pose: Tensor) -> Tensor:
        """N unrelated pictures: no motion layers (stage 1)."""
        return self.unet(z, t, x_R, z_R, pose)

    def video(
        self, z: Tensor, t: Tensor, x_R: Tensor, z_R: Mapping[str, Tensor], pose: Tensor, frames: int
    ) -> tuple[Tensor, list[Tensor]]:
        """N = B*F, clips of F frames one after the other. Also returns the offsets of each flow site (B*F, 2, h, w)."""
        offsets: list[Tensor] = []

        def between(site: str, x: Tensor) -> Tensor:
            x, offset = self.motion(site, x, frames)
            if offset is not None:
                offsets.append(offset)
            return x

        return self.unet(z, t, x_R, z_R, pose, between), offsets
