"""The Flow-enhanced Prototype Instantiator, FPI (ProFashion, section 3.5, Eq. 4): the denoising network."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from lookreel.nets.levels import Context, Prototypes
from lookreel.nets.temporal import TemporalLayers, key
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
            {
                key(site): FlowAttention(sites[site], config.motion_heads, config.unet.positions)
                for site in config.flow_sites
            }
        )
        self.temporal = TemporalLayers(
            {site: sites[site] for site in temporal},
            config.motion_heads,
            config.unet.norm_num_groups,
            config.max_frames,
        )

    def forward(self, site: str, x: Tensor, frames: int) -> tuple[Tensor, Tensor | None]:
        """x (B*F, C, h, w) at `site` -> the same shape, and the flow attention's offsets (B*F, 2, h, w) if any."""
        name, offset = key(site), None
        if name in self.flow:
            x, offset = self._call(self.flow[name], x, frames)
        if name in self.temporal:
            x = self._call(self.temporal[name], x, frames)
        return x, offset

    def _call(self, module: nn.Module, x: Tensor, frames: int):
        if self.checkpointing and torch.is_grad_enabled():
            return checkpoint(module, x, frames, use_reentrant=False)
        return module(x, frames)


class Denoiser(nn.Module):
    """SD1.5's U-Net, reading prototypes, with motion layers after each site.

    z: (N, 4, h, w) noisy latents; t: (N,) int64; x_R: (N, M, D) semantic tokens (Eq. 9), or what `unet.settle` made
    of them; z_R: block name -> prototype tokens (N, P, C) (Eq. 8), or their keys and values, empty for the
    unconditional half; pose: (N, C0, h, w) features of the driving poses. All methods return v, (N, 4, h, w).
    """

    def __init__(self, config: ProFashionConfig) -> None:
        super().__init__()
        self.unet = UNet(config.unet)
        self.motion = Motion(config, self.unet.site_names())

    def image(self, z: Tensor, t: Tensor, x_R: Context, z_R: Prototypes, pose: Tensor) -> Tensor:
        """N unrelated pictures: no motion layers (stage 1)."""
        return self.unet(z, t, x_R, z_R, pose)

    def video(
        self, z: Tensor, t: Tensor, x_R: Context, z_R: Prototypes, pose: Tensor, frames: int
    ) -> tuple[Tensor, list[Tensor]]:
        """N = B*F, clips of F frames one after the other. Also returns the offsets of each flow site (B*F, 2, h, w)."""
        offsets: list[Tensor] = []

        def between(site: str, x: Tensor) -> Tensor:
            x, offset = self.motion(site, x, frames)
            if offset is not None:
                offsets.append(offset)
            return x

        return self.unet(z, t, x_R, z_R, pose, between), offsets

    def step(
        self,
        z: Tensor,
        t: Tensor,
        x_R: Context,
        z_R: Prototypes,
        pose: Tensor,
        frames: int,
        deep: Tensor | None = None,
        shallow: int = 1,
    ) -> tuple[Tensor, Tensor]:
        """`video` for a sampler, without offsets: v, and the deep features that a later step may be given.

        deep, shallow: see `UNet.resumable`; None computes everything.
        """

        def between(site: str, x: Tensor) -> Tensor:
            return self.motion(site, x, frames)[0]

        return self.unet.resumable(z, t, x_R, z_R, pose, between, deep=deep, shallow=shallow)

    def set_at_once(self, pictures: int | None) -> None:
        """Let the layers work on so many pictures at a time, or as many cells: the same result in less memory."""
        self.unet.set_at_once(pictures)
        for module in self.motion.temporal.values():
            module.temporal_transformer.at_once = pictures
