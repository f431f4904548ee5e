"""Two computations timed beside each other on a machine that has other work, too."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

Run = Callable[[], object]


@dataclass(frozen=True)
class Ratio:
    """Time of one computation over that of another: the median over rounds, the lowest and the highest."""

    median: float
    low: float
    high: float
    rounds: int


def ratio(one: Run, other: Run, rounds: int = 5, clock: Callable[[], float] = time.process_time) -> Ratio:
    """Each round runs one, other, other, one, so that a drift of the machine meets both alike.

    clock: seconds; the processor time of this process by default, which other processes hardly touch.
    """
    one()
    other()
    found = []
    for _ in range(rounds):
        spent = {one: 0.0, other: 0.0}
        for run in (one, other, other, one):
            began = clock()
            run()
            spent[run] += clock() - began
        found.append(spent[one] / spent[other])
    return Ratio(statistics.median(found), min(found), max(found), rounds)
