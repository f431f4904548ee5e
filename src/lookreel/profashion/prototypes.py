"""The weights of the Pose-aware Prototype Aggregator, PPA (ProFashion, section 3.4, Eq. 5-7).

| code | paper |
|---|---|
| pose, reference_poses | x_p, x_rp |
| q, k | Eq. 5, Eq. 6 |
| m | Eq. 7, one weight for each frame, reference and location; sums to 1 over references |

What they weigh is in `nets/prototypes.py` (Eq. 8-9).
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lookreel.profashion.config import SelectorConfig

QUERIES_AT_ONCE = 1024  # bounds the memory of Eq. 7; only the mean over queries is kept


class PoseSelector(nn.Module):
    """Weights of the references by pose (Eq. 5-7)."""

    def __init__(self, config: SelectorConfig) -> None:
        super().__init__()
        self.position, self.scale = config.position, config.temperature / math.sqrt(config.width)
        self.norm = nn.GroupNorm(config.groups, config.width)
        self.to_q = nn.Linear(config.width, config.width)
        self.to_k = nn.Linear(config.width, config.width)
        nn.init.orthogonal_(self.to_q.weight)
        # Equal maps at the start make equal poses agree most; they are free to part.
        self.to_k.weight.data.copy_(self.to_q.weight.data)
        nn.init.zeros_(self.to_q.bias)
        nn.init.zeros_(self.to_k.bias)
        self.sized = SIMILARITIES[config.similarity]()

    def forward(self, pose: Tensor, reference_poses: Tensor) -> Tensor:
        """m of Eq. 7: pose (B, F, d, h, w), reference_poses (B, R, d, h, w) -> (B, F, R, h, w).

        The softmax runs over the references at each pair of query and key location, so that the weights of the
        references sum to 1 everywhere and one reference has weight 1. (Over all keys, as Eq. 7 may also be read, a
        prototype would be 1 / (h w) of a feature.)
        """
        q, k = self.queries(pose), self.keys(reference_poses)
        total = torch.zeros((*q.shape[:2], *k.shape[1:3]), dtype=q.dtype, device=q.device)  # (B, F, R, L)
        for part in q.split(QUERIES_AT_ONCE, dim=2):
            logits = torch.einsum("bfqd,brkd->bfqrk", part, k) * self.scale
            total = total + logits.softmax(dim=3).sum(dim=2)
        return (total / q.shape[2]).unflatten(3, reference_poses.shape[3:])

    def queries(self, pose: Tensor) -> Tensor:
        """Eq. 5: (B, F, d, h, w) -> q (B, F, h*w, d)."""
        return self.sized(self.to_q(self._normed(pose)))

    def keys(self, reference_poses: Tensor) -> Tensor:
        """Eq. 6: (B, R, d, h, w) -> k (B, R, h*w, d)."""
        return self.sized(self.to_k(self._normed(reference_poses)))

    def _normed(self, x: Tensor) -> Tensor:
        flat = x.flatten(0, 1).float()  # the norms run in full precision under autocast too
        flat = F.group_norm(flat, 1)  # unit size, so that P does not drown the pose
        p = position_encoding(*flat.shape[1:]).to(flat) * self.position
        return self.norm(flat + p).flatten(2).transpose(1, 2).unflatten(0, x.shape[:2])


class UnitSize(nn.Module):
    """Vectors (..., d) scaled to a mean square of 1: their dot product is d times their cosine, as large as that of
    the queries and keys that a selector begins with."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6)


SIMILARITIES: dict[str, Callable[[], nn.Module]] = {"dot": nn.Identity, "cosine": UnitSize}


def position_encoding(width: int, h: int, w: int) -> Tensor:
    """P of Eq. 5: fixed 2-D sinusoids (width, h, w); half the channels tell y, half x."""
    rates = torch.exp(-math.log(10000) * torch.arange(width // 4) / (width // 4))
    y = torch.arange(h)[:, None, None] * rates  # (h, 1, width / 4)
    x = torch.arange(w)[None, :, None] * rates
    parts = [y.sin().expand(h, w, -1), y.cos().expand(h, w, -1), x.sin().expand(h, w, -1), x.cos().expand(h, w, -1)]
    return torch.cat(parts, dim=2).permute(2, 0, 1)
