"""Flow-enhanced Temporal Attention, FTA (ProFashion, section 3.5, Eq. 11-12), and the loss of its offsets (Eq. 13).

| code | paper |
|---|---|
| q, q_before | q_c^i, q_c^{i-1} |
| o | o^i, the offset map, in cells of the block's own grid |
| u | u^i, the warped latents of the previous frame |
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lookreel.nets.attention import Attention
from lookreel.nets.position import waves


class FlowAttention(nn.Module):
    """Each frame attends to the previous frame, warped along predicted offsets.

    At the start the output projection is zero (the layer changes nothing) and so is the offset head's last
    convolution (the previous frame is sampled where it stands).

    octaves: of the waves that tell a small network its places (`nets/position.py`). An attention over all tokens is
    blind to where the warp has put them; told the places, it begins with the warped cell at its own place.
    """

    def __init__(self, width: int, heads: int, octaves: int = 0) -> None:
        super().__init__()
        self.octaves = octaves
        self.norm = nn.LayerNorm(width)
        self.attention = Attention(width, width, heads, octaves)
        inner = max(width // 4, 8)
        self.offset_head = nn.Sequential(
            nn.Conv2d(2 * width, inner, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(inner, inner, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(inner, 2, 3, padding=1),
        )
        for layer in (self.offset_head[-1], self.attention.to_out[0]):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor, frames: int) -> tuple[Tensor, Tensor]:
        """x (B*F, C, h, w), clips of F frames one after the other -> z_f of the same shape, o (B*F, 2, h, w).

        o is in cells, x first: what stands at p in frame i is looked for at p + o in frame i-1. The first frame is
        its own predecessor.
        """
        z = self.norm(x.flatten(2).transpose(1, 2))  # (B*F, L, C)
        q = self.attention.to_q(z)
        q_map, z_map = _to_map(q, x), _to_map(z, x)
        q_cat = torch.cat([q_map, previous(q_map, frames)], dim=1)  # Eq. 11
        o = self.offset_head(q_cat)
        u = warp(previous(z_map, frames), o)  # Eq. 12
        places = waves(*x.shape[2:], self.octaves, self.norm.weight) if self.octaves else None
        z_f = self.attention.attend(q, u.flatten(2).transpose(1, 2), places)
        return x + _to_map(z_f, x), o


def _to_map(tokens: Tensor, like: Tensor) -> Tensor:
    """(N, h*w, C) -> (N, C, h, w)."""
    return tokens.transpose(1, 2).unflatten(2, like.shape[2:])


def previous(x: Tensor, frames: int) -> Tensor:
    """The previous frame of each frame, (B*F, ...); the first frame is its own predecessor."""
    clips = x.unflatten(0, (-1, frames))
    return torch.cat([clips[:, :1], clips[:, :-1]], dim=1).flatten(0, 1)


def warp(x: Tensor, offset: Tensor) -> Tensor:
    """Sample x (N, C, h, w) bilinearly at each cell plus its offset (N, 2, h, w) in cells, x first (Eq. 12).

    Beyond the border the nearest cell counts. Zero offsets give x itself.
    """
    h, w = x.shape[2:]
    offset = offset.float()
    xs = torch.arange(w, device=x.device) + offset[:, 0]
    ys = torch.arange(h, device=x.device)[:, None] + offset[:, 1]
    grid = torch.stack([(2 * xs + 1) / w - 1, (2 * ys + 1) / h - 1], dim=3)
    warped = F.grid_sample(x.float(), grid, mode="bilinear", padding_mode="border", align_corners=False)
    return warped.to(x.dtype)


def offset_loss(offsets: list[Tensor], delta: Tensor, mask: Tensor) -> Tensor:
    """L_o of Eq. 13: squared error of the offsets where the flow is known.

    offsets: one (B*F, 2, h_j, w_j) for each flow site, in its own cells. delta (B*F, 2, h, w), mask bool (B*F, h, w):
    the flow on the finest of these grids or a finer one; coarser sites take its masked mean. The error is a mean over
    the supervised cells of each sample, then over samples and sites, so that it does not depend on how a batch is
    split.
    """
    total = delta.new_zeros(())
    for offset in offsets:
        target, weight = _on_grid(delta, mask, offset.shape[2:])
        error = (offset.float() - target).square().sum(1) * weight
        cells = weight.sum((1, 2))
        total = total + (error.sum((1, 2)) / (2 * cells).clamp(min=1)).mean()
    return total / max(len(offsets), 1)


def _on_grid(delta: Tensor, mask: Tensor, grid: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """The flow in cells of a coarser grid: masked mean over each cell, and where any supervises."""
    share = F.adaptive_avg_pool2d(mask[:, None].float(), grid)
    mean = F.adaptive_avg_pool2d(delta * mask[:, None], grid) / share.clamp(min=1e-6)
    scale = torch.tensor([grid[1] / delta.shape[3], grid[0] / delta.shape[2]], device=delta.device)
    weight = (share > 0).float()
    return mean * scale[:, None, None] * weight, weight[:, 0]
