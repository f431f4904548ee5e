"""The encoders on disk of a model that reads photos: its own copies in diffusers' and transformers' layout."""

from __future__ import annotations

from pathlib import Path

from lookreel.encoders.image_encoder import ImageEncoder
from lookreel.encoders.shared import own
from lookreel.encoders.vae import LatentCodec
from lookreel.errors import InputError
from lookreel.reference.config import ReferenceConfig


def read_encoders(folder: Path, config: ReferenceConfig) -> tuple[LatentCodec, ImageEncoder]:
    """The folder's VAE and image encoder. Raises InputError where one is missing, or not of the config's sizes."""
    encoders = own(folder)
    found = encoders.codec.factor, encoders.image_encoder.width
    expected = config.vae_factor, config.unet.cross_attention_dim
    if found != expected:
        raise InputError(f"{folder}: encoders of VAE factor and width {found}; model_index.json expects {expected}")
    return encoders.codec, encoders.image_encoder
