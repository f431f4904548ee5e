"""What FashionFlow knows of a film before it is made: the photo, and frames that are there already.

Local conditioning (section 3.1): known frames hold their clean latent, in training and before and after every sampling
step, and no noise is to be predicted for them. Global conditioning (section 3.4): the tokens of the photo.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Conditions:
    """B films of F frames.

    tokens: CLIP's tokens of the photo. photo: its scaled latent. known: the frames that are there. beside: channels
    that every frame reads beside its latent, or None.
    """

    tokens: Tensor  # (B, L, D)
    photo: Tensor  # (B, 4, h, w)
    known: Tensor  # (B, F) bool
    beside: Tensor | None = None  # (B, F, E, h, w)

    def to(self, device: torch.device) -> Conditions:
        """The same on another device."""
        beside = None if self.beside is None else self.beside.to(device)
        return Conditions(self.tokens.to(device), self.photo.to(device), self.known.to(device), beside)

    def part(self, window: range) -> Conditions:
        """Those of a window of frames."""
        here = slice(window.start, window.stop)
        beside = None if self.beside is None else self.beside[:, here]
        return Conditions(self.tokens, self.photo, self.known[:, here], beside)


def from_photo(tokens: Tensor, photo: Tensor, frames: int, local: bool, in_every_frame: bool) -> Conditions:
    """A film from a photo: tokens (B, L, D), photo (B, 4, h, w).

    local: frame 0 is the photo. in_every_frame: and every frame reads its latent in four more channels.
    """
    known = torch.zeros(len(photo), frames, dtype=torch.bool, device=photo.device)
    known[:, 0] = local
    beside = photo[:, None].expand(-1, frames, -1, -1, -1) if in_every_frame else None
    return Conditions(tokens, photo, known, beside)


def between_frames(tokens: Tensor, photo: Tensor, colors: Tensor) -> Conditions:
    """A film whose even frames are there (section 3.3): four more channels, three of the frames' colours and the mask.

    colors: (B, F, 3, h, w), the frames' pictures in [-1, 1] at the size of the latents; the odd ones are not read.
    The mask channel is 1 where a frame is masked.
    """
    known = torch.zeros(colors.shape[:2], dtype=torch.bool, device=colors.device)
    known[:, ::2] = True
    masked = (~known).to(colors.dtype)[..., None, None, None]
    shown = colors * (1 - masked)
    return Conditions(tokens, photo, known, torch.cat([shown, masked.expand_as(shown[:, :, :1])], dim=2))


def small(pixels: Tensor, grid: tuple[int, int]) -> Tensor:
    """Pictures (N, 3, H, W) averaged over the cells of the latents: (N, 3, h, w)."""
    return F.interpolate(pixels, grid, mode="area")


def hold(x: Tensor, latents: Tensor, known: Tensor) -> Tensor:
    """x (B, F, 4, h, w) with the known frames' (B, F) clean latents put back."""
    return torch.where(known[..., None, None, None], latents.to(x.dtype), x)
