"""`lookreel animate`'s options for how a film is computed: preset, memory, precision, compiling."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lookreel.errors import InputError

if TYPE_CHECKING:
    import torch

    from lookreel.inputs import Inputs
    from lookreel.system import System

PRECISIONS = ("float32", "bfloat16", "float16")


@dataclass(frozen=True)
class Running:
    """How to compute a film; None leaves it to the model and the device. memory: a size such as 8GB."""

    preset: str = "exact"
    memory: str | None = None
    precision: str | None = None
    compile: bool = False

    def check(self) -> None:
        """InputError for a wrong word, before anything is loaded."""
        if self.precision not in (None, *PRECISIONS):
            raise InputError(f"--precision: found {self.precision}; expected one of {', '.join(PRECISIONS)}")
        if self.memory is not None:
            from lookreel.running.memory import parse

            parse(self.memory)
        if self.preset != "exact":
            from lookreel.diffusion.pace import pace

            pace(self.preset)

    def loads_on(self, device: str | None) -> str | None:
        """Where to load the networks: beside the device where only a plan decides what goes there."""
        return "cpu" if self.memory or self.precision else device

    def arguments(self, model: System) -> dict[str, Any]:
        """What `animate` is given besides. Raises InputError where the model has no such preset."""
        if self.preset not in model.presets:
            raise InputError(f"--preset: found {self.preset}; {model.name} knows {', '.join(model.presets)}")
        return {} if self.preset == "exact" else {"preset": self.preset}

    def apply(self, model: System, device: str | None, inputs: Inputs, frames: int | None) -> None:
        """Place the networks as asked for, and say on stderr which plan was chosen."""
        if not (self.memory or self.precision or self.compile):
            return
        import torch

        from lookreel.running.memory import gigabytes, parse
        from lookreel.running.plan import Plan

        target = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        precision: torch.dtype | None = getattr(torch, self.precision) if self.precision else None
        plan, note = Plan(dtype=precision or torch.float32), ""
        if self.memory:
            length = _length(inputs, frames)
            plan, need = model.plan_for(
                parse(self.memory), target, length, len(inputs.photos), precision=precision, preset=self.preset
            )
            note = f", {gigabytes(need.peak)} of {gigabytes(parse(self.memory))}"
        plan = replace(plan, compile=self.compile, channels_last=self.compile)
        model.run_by(plan, target)
        print(f"lookreel: plan: {plan.words()}{note}", file=sys.stderr)


def _length(inputs: Inputs, frames: int | None) -> int:
    """Frames of the film."""
    track = getattr(inputs.motion, "track", inputs.motion)
    there = len(track) if track is not None else frames or 1
    return min(there, frames or there)
