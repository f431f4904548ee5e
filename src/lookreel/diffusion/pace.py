"""How much of a film's full work is done: fewer steps, guidance for some of them, deep features used again.

Sources: guidance in an interval, Kynkaanniemi et al. 2024 (arXiv 2404.07724); deep features used again, DeepCache, Ma
et al. 2024 (arXiv 2312.00858). `make bench` measures what each costs in quality.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from lookreel.diffusion.schedule import Schedule
from lookreel.errors import InputError


@dataclass(frozen=True)
class Pace:
    """What a film does without. The default is the exact film: every step, guided, computed in full."""

    steps: float = 1.0
    """Share of the model's own steps, rounded up; a number of steps that the user gives counts as it is."""
    sampler: str | None = None
    """Instead of the model's own."""
    guided: tuple[float, float] = (0.0, 1.0)
    """Guidance between these times, 0 clean and 1 noise, both included; elsewhere only the told half is asked."""
    reuse: int = 1
    """Deep features are computed at every so many-th step and used again at those between."""
    shallow: int = 1
    """Sites at the end of the way up that are always computed."""

    def steps_of(self, own: int) -> int:
        """Steps where the model's own number is `own`."""
        return math.ceil(own * self.steps - 1e-9)

    def asks_both(self, t: int, train_steps: int) -> bool:
        """Whether the step at timestep t is guided."""
        return self.guided[0] <= (t + 1) / train_steps <= self.guided[1]


@dataclass(frozen=True)
class Work:
    """Network evaluations for each frame of a window: in full, and of the last sites only."""

    full: int
    shallow: int


def work(pace: Pace, schedule: Schedule, steps: int, guidance: float) -> Work:
    """What `denoise` asks of the network in `steps` steps."""
    count, known = [0, 0], set()
    for step, t in enumerate(schedule.trailing_timesteps(steps)):
        both = guidance != 1 and pace.asks_both(t, schedule.train_steps)
        for told in (True, False) if both else (True,):
            count[bool(step % pace.reuse) and told in known] += 1
            known.add(told)
    return Work(*count)


def exact() -> Pace:
    """The model's own steps, each guided and in full."""
    return Pace()


def fewer_steps() -> Pace:
    """20 steps of DPM-Solver++ 2M where the paper takes 35 of DDIM."""
    return Pace(steps=20 / 35, sampler="multistep")


def interval() -> Pace:
    """Guidance for the noisier half of the times, where the picture is decided."""
    return Pace(guided=(0.5, 1.0))


def reuse() -> Pace:
    """Deep features at every second step."""
    return Pace(reuse=2)


def fast() -> Pace:
    """All three together, with two steps of five: at most a third of the exact film's evaluations."""
    return Pace(steps=0.4, sampler="multistep", guided=(0.5, 1.0), reuse=2)


PRESETS: dict[str, Callable[[], Pace]] = {
    "exact": exact,
    "fewer-steps": fewer_steps,
    "interval": interval,
    "reuse": reuse,
    "fast": fast,
}


def pace(name: str) -> Pace:
    """A preset by name. Raises InputError for another name."""
    if name not in PRESETS:
        raise InputError(f"preset {name!r}: unknown; expected one of {', '.join(PRESETS)}")
    return PRESETS[name]()
