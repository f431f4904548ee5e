"""A layer applied to a few pictures at a time: the same result, with activations for those few only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor


def in_parts(layer: Callable, arguments: Sequence[Any], at_once: int | None) -> Any:
    """layer(*arguments), for `at_once` rows of the first argument at a time; None takes all of them.

    arguments: tensors and named tuples of tensors with one row for each picture, or a single row for all; None.
    The layer must treat its rows independently. Returns what it returns, a tensor or a tuple of tensors.
    """
    rows = len(arguments[0])
    if at_once is None or rows <= at_once:
        return layer(*arguments)
    starts = range(0, rows, at_once)
    parts = (layer(*(_rows(a, rows, slice(start, start + at_once)) for a in arguments)) for start in starts)
    first = next(parts)
    if isinstance(first, Tensor):
        return _joined(first, parts, rows)
    return tuple(torch.cat(part) for part in zip(first, *parts, strict=True))


def _joined(first: Tensor, others: Iterator[Tensor], rows: int) -> Tensor:
    """All parts in one tensor, written as they come."""
    whole, end = first.new_empty(rows, *first.shape[1:]), len(first)
    whole[:end] = first
    for part in others:
        whole[end : end + len(part)] = part
        end += len(part)
    return whole


def _rows(argument: Any, rows: int, picked: slice) -> Any:
    """The picked rows of one argument; what has a single row for all stays."""
    if argument is None:
        return None
    if isinstance(argument, Tensor):
        return argument[picked] if len(argument) == rows else argument
    return type(argument)(*(_rows(part, rows, picked) for part in argument))
