"""Numbers a user gives, checked against their range: one wording for options and arguments."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

from lookreel.errors import InputError


def whole_number(name: str, value: Any, low: int, high: int | None = None, *, needed: bool = False) -> None:
    """Raise InputError unless `value` is None or a whole number, numpy's too (no bool), low <= value <= high.

    needed: None is refused, too.
    """
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    fits = whole and low <= int(value) and (high is None or int(value) <= high)
    if not fits and (needed or value is not None):
        expected = f"from {low} to {high}" if high is not None else f"of at least {low}"
        raise InputError(f"{name}: found {value}; expected a whole number {expected}")


def real_number(name: str, value: Any, low: float, high: float) -> None:
    """Raise InputError unless `value` is None or a finite number, numpy's too (no bool), low <= value <= high."""
    number = isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    if value is not None and not (number and low <= value <= high):
        raise InputError(f"{name}: found {value}; expected a number from {low:g} to {high:g}")
