"""How the networks are run: precision, what is worked on together, where idle networks wait."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn


@dataclass(frozen=True)
class Plan:
    """How a film is computed. Only `dtype` and `tile` change its pictures by more than rounding."""

    dtype: torch.dtype = torch.float32
    """Precision of the large networks; latents between steps stay in float32."""
    offload: bool = False
    """Networks lie in main memory and are on the device while they work."""
    frames_at_once: int | None = None
    """Frames that a layer of the denoiser works on together; None takes the whole window."""
    pictures_at_once: int = 8
    """Pictures in the VAE and in the pose encoder together."""
    tile: int | None = None
    """Decode in tiles of so many latent cells each way, blended; None decodes whole pictures."""
    channels_last: bool = False
    """Convolutions in the layout that tensor cores prefer."""
    compile: bool = False
    """Compile the layers for the shapes they meet; the first film takes minutes longer."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"dtype": str(self.dtype).removeprefix("torch.")}

    def words(self) -> str:
        """The plan for a reader."""
        parts = [str(self.dtype).removeprefix("torch.")]
        if self.offload:
            parts.append("idle networks in main memory")
        if self.frames_at_once:
            parts.append(f"layers {self.frames_at_once} frames at a time")
        parts.append(f"pictures {self.pictures_at_once} at a time")
        if self.tile:
            parts.append(f"decoding in tiles of {self.tile} cells")
        if self.compile:
            parts.append("compiled")
        return ", ".join(parts)


@contextmanager
def on_device(device: torch.device, modules: Iterable[nn.Module], plan: Plan) -> Iterator[None]:
    """The modules on `device` within the block; where the plan offloads, in main memory after it."""
    if not plan.offload:
        yield
        return
    try:
        for module in modules:
            module.to(device)
        yield
    finally:
        for module in modules:
            module.to("cpu")
