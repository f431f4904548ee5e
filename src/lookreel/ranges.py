"""Numbers a user gives, checked against their range: one wording for options and arguments."""

from __future__ import annotations

import math
from typing import Any

from lookreel.errors import InputError


def whole_number(name: str, value: Any, low: int, high: int | None = None) -> None:
    """Raise InputError unless `value` is None or an int (no bool), low <= value <= high."""
    fits = isinstance(value, int) and not isinstance(value, bool) and low <= value and (high is None or value <= high)
    if value is not None and not fits:
        expected = f"from {low} to {high}" if high is not None else f"of at least {low}"
        raise InputError(f"{name}: found {value}; expected a whole number {expected}")


def real_number(name: str, value: Any, low: float, high: float) -> None:
    """Raise InputError unless `value` is None or a finite number (no bool), low <= value <= high."""
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if value is not None and not (number and low <= value <= high):
        raise InputError(f"{name}: found {value}; expected a number from {low:g} to {high:g}")
