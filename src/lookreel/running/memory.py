"""Which plan fits into a given memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from lookreel.errors import InputError
from lookreel.running.plan import Plan

UNITS = {"MB": 10**6, "GB": 10**9, "MIB": 2**20, "GIB": 2**30}
TOGETHER = ((None, 8), (8, 4), (4, 2), (2, 1))  # frames in a layer, pictures in the VAE
TILES = (64, 32)


@dataclass(frozen=True)
class Footprint:
    """Bytes that a film needs at once on its device, by stage."""

    encode: int
    denoise: int
    decode: int

    @property
    def peak(self) -> int:
        return max(self.encode, self.denoise, self.decode)


def parse(text: str) -> int:
    """ "8GB", "6.5 GiB" or "900MB" in bytes. Raises InputError for anything else."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?i?b)\s*", text, re.IGNORECASE)
    if not found or found[2].upper() not in UNITS or not float(found[1]):
        raise InputError(f"--memory: found {text}; expected a size such as 8GB, 6.5GiB or 900MB")
    return int(float(found[1]) * UNITS[found[2].upper()])


def plans(device: torch.device, precision: torch.dtype | None) -> Iterator[Plan]:
    """Plans worth trying, the least slowed down first.

    precision: None leaves it to the device: half precision on a GPU, float32 on a CPU and, where that does not fit,
    bfloat16. Only a GPU has another memory in which idle networks can wait. Tiles come last: they change the film.
    """
    for dtype in (precision,) if precision else _precisions(device):
        for offload in (False, True) if device.type != "cpu" else (False,):
            for frames, pictures in TOGETHER:
                yield Plan(dtype=dtype, offload=offload, frames_at_once=frames, pictures_at_once=pictures)
        for tile in TILES:
            yield Plan(dtype=dtype, offload=device.type != "cpu", frames_at_once=2, pictures_at_once=1, tile=tile)


def fit(budget: int, tried: Iterator[Plan], footprint: Callable[[Plan], Footprint]) -> tuple[Plan, Footprint]:
    """The first plan that needs no more than `budget` bytes. Raises InputError, with the least need, where none is."""
    least: tuple[int, Plan] | None = None
    for plan in tried:
        need = footprint(plan)
        if need.peak <= budget:
            return plan, need
        if least is None or need.peak < least[0]:
            least = need.peak, plan
    assert least is not None
    needed = f"this film needs at least {gigabytes(least[0])} ({least[1].words()})"
    raise InputError(f"--memory: found {gigabytes(budget)}; {needed}; fewer frames or a smaller model may fit")


def gigabytes(size: int) -> str:
    return f"{size / 1e9:.2f} GB"


def _precisions(device: torch.device) -> tuple[torch.dtype, ...]:
    if device.type == "cpu":
        return torch.float32, torch.bfloat16
    if device.type == "cuda" and torch.cuda.is_available() and not torch.cuda.is_bf16_supported():
        return (torch.float16,)
    return (torch.bfloat16,)
