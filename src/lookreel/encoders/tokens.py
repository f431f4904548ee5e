"""Pictures to CLIP's tokens: one for the whole and one for each patch, as the adapter reads them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lookreel.encoders.image_encoder import ImageEncoder


class TokenEncoder(nn.Module):
    """The last hidden states of CLIP's vision tower, before its last norm and its projection.

    centred: cut the picture's centred square, as CLIP's own preparation does; the default squeezes the whole picture
    into CLIP's square. doubly_rescaled: what some published weights were trained on: the centred square, its values in
    [0, 1] divided by 255 once more.
    """

    def __init__(self, encoder: ImageEncoder, doubly_rescaled: bool = False, centred: bool = False) -> None:
        super().__init__()
        self.encoder, self.doubly_rescaled, self.centred = encoder, doubly_rescaled, centred or doubly_rescaled

    @property
    def count(self) -> int:
        """Tokens of a picture (L)."""
        config = self.encoder.clip.config
        return (config.image_size // config.patch_size) ** 2 + 1

    @property
    def width(self) -> int:
        """Channels of a token (D)."""
        return self.encoder.clip.config.hidden_size

    def forward(self, pixels: Tensor) -> Tensor:
        """pixels (N, 3, H, W) in [-1, 1] -> tokens (N, L, D)."""
        clip, side = self.encoder.clip, self.encoder.clip.config.image_size
        pixels = _square(pixels) if self.centred else pixels
        square = F.interpolate(pixels.float(), (side, side), mode="bicubic", antialias=True, align_corners=False)
        values = square.clamp(-1, 1) / 2 + 0.5
        normed = ((values / 255 if self.doubly_rescaled else values) - self.encoder.mean) / self.encoder.std
        return clip(normed.to(clip.dtype)).last_hidden_state

    @torch.no_grad()
    def encode(self, pixels: Tensor) -> Tensor:
        """The same without gradients."""
        return self(pixels)


def _square(pixels: Tensor) -> Tensor:
    """The largest centred square of pictures (N, 3, H, W)."""
    height, width = pixels.shape[2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return pixels[:, :, top : top + side, left : left + side]
