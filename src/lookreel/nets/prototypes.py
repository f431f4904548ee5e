"""From the features of several photos to the extra keys and values of each frame.

Mixed by weights into one map of the size of one photo's (ProFashion, section 3.4, Eq. 8-9), or all side by side.

| code | paper |
|---|---|
| m | Eq. 7, one weight for each frame, photo and location; sums to 1 over photos |
| prototype | z_R,j, Eq. 8 |
| global_prototype | x_R, Eq. 9 |
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def prototype(z: Tensor, m: Tensor, grid: tuple[int, int]) -> Tensor:
    """Eq. 8: z_R,j = sum over references of z_r,j * m_j, with m resized bilinearly to block j.

    z: (B, R, L, C), the references' tokens at block j on grid (h, w), L = h*w. m: (B, F, R, h', w').
    Returns (B, F, L, C): for each frame one feature map of the shape of one reference's.
    """
    m_j = F.interpolate(m.flatten(0, 1), size=grid, mode="bilinear", align_corners=False).flatten(2)
    return torch.einsum("brlc,bfrl->bflc", z, m_j.unflatten(0, m.shape[:2]).to(z.dtype))


def global_prototype(x: Tensor, m: Tensor) -> Tensor:
    """Eq. 9: x_R = sum over references of x_r * m_s, m_s the spatial mean of m.

    x: (B, R, D) CLIP embeddings. Returns one token for each frame, (B, F, 1, D).
    """
    return torch.einsum("brd,bfr->bfd", x, m.mean((3, 4)).to(x.dtype))[:, :, None]


def side_by_side(z: Tensor, frames: int) -> Tensor:
    """All tokens of all photos, the same for each frame: z (B, R, L, C) -> (B, F, R*L, C)."""
    return z.flatten(1, 2)[:, None].expand(-1, frames, -1, -1)


class Mixed:
    """Photos mixed by their weights (Eq. 8-9): a part of whatever chooses the weights."""

    def prototype(self, z: Tensor, m: Tensor, grid: tuple[int, int]) -> Tensor:
        """z (B, R, L, C) of the photos on `grid`, m (B, F, R, h, w) -> (B, F, P, C) for each frame; here P is L."""
        return prototype(z, m, grid)

    def semantic(self, x: Tensor, m: Tensor) -> Tensor:
        """CLIP embeddings x (B, R, D) -> (B, F, M, D) for each frame; here M is 1."""
        return global_prototype(x, m)


class SideBySide(Mixed):
    """All tokens of all photos side by side, whatever they weigh: R times the cost."""

    def prototype(self, z: Tensor, m: Tensor, grid: tuple[int, int]) -> Tensor:
        return side_by_side(z, m.shape[1])

    def semantic(self, x: Tensor, m: Tensor) -> Tensor:
        return side_by_side(x[:, :, None], m.shape[1])
