"""The ways to turn references into prototypes, behind one interface: PPA and what the paper compares it with (Table 1).

An aggregator answers three questions:
    weights(pose, reference_poses) -> m          once for each film
    prototype(z, m, grid)          -> (B, F, P, C) key/value tokens for one block
    semantic(x, m)                 -> (B, F, M, D) tokens for the semantic cross-attention
with pose (B, F, d, h, w), reference_poses (B, R, d, h, w), z (B, R, L, C) on grid (h, w), x (B, R, D).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lookreel.nets.prototypes import Mixed, SideBySide
from lookreel.profashion.config import SelectorConfig
from lookreel.profashion.prototypes import PoseSelector


class PPA(Mixed, nn.Module):
    """Weights by pose, Eq. 5-9."""

    def __init__(self, config: SelectorConfig) -> None:
        super().__init__()
        self.selector = PoseSelector(config)

    def weights(self, pose: Tensor, reference_poses: Tensor) -> Tensor:
        return self.selector(pose, reference_poses)


class Mean(Mixed, nn.Module):
    """Every reference weighs the same ("AA + average of references")."""

    def __init__(self, config: SelectorConfig) -> None:
        super().__init__()

    def weights(self, pose: Tensor, reference_poses: Tensor) -> Tensor:
        return _no_pose(pose, reference_poses).softmax(dim=2)


class First(Mean):
    """Only the first reference counts: the single-reference baseline."""

    def weights(self, pose: Tensor, reference_poses: Tensor) -> Tensor:
        m = _no_pose(pose, reference_poses)
        m[:, :, 0] = 1
        return m


class Concat(SideBySide, Mean):
    """All tokens of all references as keys and values: R times the cost ("AA + concatenated references")."""


class Full(nn.Module):
    """Full attention from the frame's pose to the references' (Fig. 7): no pooling over queries, softmax over all keys.

    Here m is the attention map (B, F, Q, R, h, w) with Q = h*w query locations. The prototype's cell at a query
    location is that query's mix of all reference cells, computed on the selection grid and resized to the block's.
    """

    def __init__(self, config: SelectorConfig) -> None:
        super().__init__()
        self.selector = PoseSelector(config)

    def weights(self, pose: Tensor, reference_poses: Tensor) -> Tensor:
        q, k = self.selector.queries(pose), self.selector.keys(reference_poses)
        logits = torch.einsum("bfqd,brkd->bfqrk", q, k) * self.selector.scale
        return logits.flatten(3).softmax(3).view(*logits.shape[:4], *pose.shape[3:])

    def prototype(self, z: Tensor, m: Tensor, grid: tuple[int, int]) -> Tensor:
        coarse = tuple(m.shape[-2:])
        on_coarse = _resize(z.transpose(2, 3).unflatten(3, grid), coarse)  # (B, R, C, h, w)
        mixed = torch.einsum("brcyx,bfqryx->bfcq", on_coarse, m.to(z.dtype)).unflatten(3, coarse)
        return _resize(mixed, grid).flatten(3).transpose(2, 3)

    def semantic(self, x: Tensor, m: Tensor) -> Tensor:
        share = m.mean(2).sum((3, 4))  # (B, F, R)
        return torch.einsum("brd,bfr->bfd", x, share.to(x.dtype))[:, :, None]


AGGREGATORS: dict[str, type[nn.Module]] = {"ppa": PPA, "mean": Mean, "concat": Concat, "first": First, "full": Full}


def _no_pose(pose: Tensor, reference_poses: Tensor) -> Tensor:
    """Zeros of m's shape (B, F, R, h, w)."""
    return pose.new_zeros((pose.shape[0], pose.shape[1], reference_poses.shape[1], *pose.shape[3:]))


def _resize(x: Tensor, size: tuple[int, ...]) -> Tensor:
    """Bilinear over the last two axes of (B, N, C, h, w)."""
    resized = F.interpolate(x.flatten(0, 1), size=size, mode="bilinear", align_corners=False)
    return resized.unflatten(0, x.shape[:2])
