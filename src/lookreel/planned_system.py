"""Systems that run by a plan: in which precision, on which device, how much at once (`running/`)."""

from __future__ import annotations

import time
from abc import abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import ClassVar, Self

import torch
from torch import nn

from lookreel.diffusion.pace import PRESETS
from lookreel.running.plan import Plan, on_device
from lookreel.system import System


@dataclass
class PlannedSystem(System):
    """plan: what is run by. target: where films are computed, if that is not where the networks wait (offload)."""

    plan: Plan = field(default_factory=Plan, kw_only=True)
    target: torch.device | None = field(default=None, kw_only=True)
    presets: ClassVar[tuple[str, ...]] = tuple(PRESETS)

    @abstractmethod
    def networks(self) -> list[nn.Module]:
        """All of them: the encoders, and the model last."""

    @abstractmethod
    def cast(self, plan: Plan) -> None:
        """Bring the large networks into the plan's precision, layout and parts; small ones stay in float32."""

    @property
    def device(self) -> torch.device:
        """Where films are computed."""
        return self.target or next(self.networks()[-1].parameters()).device

    def to(self, device: torch.device) -> Self:
        for network in self.networks():
            network.to(device)
        self.target = None
        return self

    def run_by(self, plan: Plan, device: torch.device) -> Self:
        """Run from now on by `plan` on `device`: cast and place the networks. A cast to half precision is for good."""
        self.cast(plan)
        self.to(torch.device("cpu") if plan.offload else device)
        self.plan, self.target = plan, device
        return self

    def working(self, *modules: nn.Module) -> AbstractContextManager[None]:
        """With these networks on the device."""
        return on_device(self.device, modules, self.plan)

    def clock(self) -> float:
        """Seconds, once the device has done what it was given."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.monotonic()
