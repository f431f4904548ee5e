"""From drawn poses to features for the latents: ControlNet's condition encoder, under its parameter names.

ProFashion's pose encoder for the latent path (section 3.2) and Animate Anyone's pose guider (section 3.2 there).
"""

from torch import Tensor, nn
from torch.nn import functional as F

from lookreel.nets.limb_split import LimbSplit
from lookreel.nets.pose_config import PoseConfig
from lookreel.poses.skeleton import COLORS


class PoseGuider(nn.Module):
    """ControlNet's condition encoder: convolutions with SiLU, then a zero convolution to the U-Net's first width."""

    def __init__(self, config: PoseConfig, out: int, vae_factor: int) -> None:
        super().__init__()
        pool = vae_factor // config.stride
        self.split = nn.Sequential(LimbSplit(), nn.AvgPool2d(pool)) if config.split_limbs else None
        self.conv_in = nn.Conv2d(len(COLORS) if config.split_limbs else 3, config.first, 3, padding=1)
        self.blocks = nn.ModuleList(nn.Conv2d(a, b, 3, stride=s, padding=1) for a, b, s in config.blocks)
        self.conv_out = nn.Conv2d(config.blocks[-1][1], out, 3, padding=1)
        nn.init.zeros_(self.conv_out.weight)
        nn.init.zeros_(self.conv_out.bias)

    def forward(self, picture: Tensor) -> Tensor:
        """picture (B, 3, H, W) in [0, 1] -> features (B, out, h, w), added to the noise latent after conv_in."""
        x = picture if self.split is None else self.split(picture)
        x = F.silu(self.conv_in(x))
        for block in self.blocks:
            x = F.silu(block(x))
        return self.conv_out(x)
