"""Pictures to latents, tokens and back, as the model was trained to have them."""

from __future__ import annotations

import torch
from torch import Tensor

from lookreel.encoders.shared import Encoders
from lookreel.encoders.tokens import TokenEncoder
from lookreel.encoders.vae import AT_ONCE, LatentCodec


class Pictures:
    """The frozen encoders. doubly_rescaled: see `FashionFlowConfig`; the VAE then works on [0, 1], not on [-1, 1]."""

    def __init__(self, encoders: Encoders, doubly_rescaled: bool) -> None:
        self.codec, self.doubly_rescaled = encoders.codec, doubly_rescaled
        self.token_encoder = TokenEncoder(encoders.image_encoder, doubly_rescaled)

    def tokens(self, pixels: Tensor) -> Tensor:
        """pixels (N, 3, H, W) in [-1, 1] -> CLIP's tokens (N, L, D)."""
        return self.token_encoder.encode(pixels)

    def encode(self, pixels: Tensor) -> Tensor:
        """pixels (N, 3, H, W) in [-1, 1] -> scaled latents (N, 4, h, w)."""
        return self.codec.encode((pixels + 1) / 2 if self.doubly_rescaled else pixels)

    def decode(self, latents: Tensor) -> Tensor:
        """Scaled latents (N, 4, h, w) -> uint8 (N, 3, H, W) on the CPU."""
        if not self.doubly_rescaled:
            return torch.cat(list(self.codec.decode(latents)))
        return torch.cat([_decode_unit(self.codec, part) for part in latents.split(AT_ONCE)])


@torch.no_grad()
def _decode_unit(codec: LatentCodec, latents: Tensor) -> Tensor:
    """uint8 pictures of a VAE that was used with [0, 1]."""
    pixels = codec.vae.decode(latents / codec.vae.config.scaling_factor).sample
    return (pixels.float().clamp(0, 1) * 255).round().to(torch.uint8).cpu()
