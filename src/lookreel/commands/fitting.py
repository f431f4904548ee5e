"""What `animate` and `poses` share: options that fit a motion to a photo, and those that find poses."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lookreel.errors import InputError
from lookreel.ranges import real_number, whole_number

if TYPE_CHECKING:
    from lookreel.poses.finder import Finder

AlignOption = Annotated[
    str | None,
    typer.Option(
        "--align",
        help="none, global or limbs: how to fit the motion's body to the photographed one; by default limbs where they "
        "differ.",
    ),
]
ShiftOption = Annotated[str | None, typer.Option("--shift", help="X,Y: move the motion, pixels right and down.")]
ScaleOption = Annotated[float, typer.Option("--scale", help="Scale the motion about its feet, 0.1 to 10.")]
StrictOption = Annotated[
    bool, typer.Option("--strict", help="Stop (exit code 2) where a view is not covered or the body does not fit.")
]
DetectorOption = Annotated[
    str | None,
    typer.Option("--detector", help="mini, dwpose or a folder of two .onnx files; by default mini, where it is sure."),
]
WeightsOption = Annotated[Path | None, typer.Option("--weights", help="The folder with the detector's files.")]
PersonOption = Annotated[int | None, typer.Option("--person", help="Of several people the Nth largest.")]


@dataclass(frozen=True)
class Fit:
    """How a motion is fitted: as `lookreel.poses.align.align` takes it, in the words of the command line."""

    align: str | None = None
    shift: str | None = None
    scale: float = 1.0
    strict: bool = False

    def arguments(self) -> dict[str, Any]:
        """The keyword arguments `how`, `shift` and `scale`. Raises InputError where an option is wrong."""
        if self.align not in (None, "none", "global", "limbs"):
            raise InputError(f"--align: found {self.align}; expected none, global or limbs")
        real_number("--scale", self.scale, 0.1, 10)
        return {"how": self.align, "shift": self._shift(), "scale": self.scale}

    def _shift(self) -> tuple[float, float]:
        if self.shift is None:
            return 0.0, 0.0
        parts = self.shift.split(",")
        try:
            x, y = (float(part) for part in parts)
        except ValueError:
            x = y = math.nan
        if not (math.isfinite(x) and math.isfinite(y)):
            raise InputError(f"--shift: found {self.shift}; expected X,Y in pixels, such as 10,-4")
        return x, y


@dataclass(frozen=True)
class Finding:
    """How poses are found in raw pictures."""

    detector: str | None = None
    weights: Path | None = None
    person: int | None = None

    def finder(self) -> Finder:
        """Loads nothing yet. Raises InputError for a person that is no number from 1, and for an unknown detector."""
        from lookreel.poses.detector_files import check_named
        from lookreel.poses.finder import Finder

        whole_number("--person", self.person, 1)
        check_named(self.detector, self.weights)
        return Finder(self.detector, self.weights, self.person)


def told_in(stack: ExitStack) -> Callable[[int, int], None]:
    """progress(done, total) that opens its bar in `stack` with the first call, and none where no pose is looked for."""
    from lookreel.progress import Progress

    bars: list[Progress] = []

    def progress(done: int, total: int) -> None:
        if not bars:
            bars.append(stack.enter_context(Progress("poses", total)))
        bars[0](done)

    return progress
