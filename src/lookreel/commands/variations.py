"""`lookreel animate --variations N`: several films of the same request, each with the next seed."""

from __future__ import annotations

import json
from dataclasses import replace

from lookreel.commands.animate import Request, check, load, make, prepare, summary, write
from lookreel.ranges import whole_number

MOST = 100


def animate_all(request: Request, as_json: bool = False) -> None:
    """Make the films OUT-1 to OUT-N, each with its sheet and its sidecar; all is checked before the first is made.

    Raises InputError where the request cannot be met.
    """
    whole_number("--variations", request.variations, 1, MOST)
    requests = each(request)
    outputs = [check(one) for one in requests]
    model = load(request)
    inputs = prepare(request, model)
    records = []
    for one, paths in zip(requests, outputs, strict=True):
        film = make(one, model, inputs)
        record = {**film.report, **{name: str(path) for name, path in vars(paths).items()}}
        write(film, paths, record)
        records.append(record)
        if not as_json:
            print(summary(film, paths), flush=True)
    if as_json:
        print(json.dumps({"films": records}, default=str))


def each(request: Request) -> list[Request]:
    """The request of every film: its number in the file's name, its own seed."""
    out = request.out
    return [
        replace(request, variations=None, seed=request.seed + i, out=out.with_name(f"{out.stem}-{i + 1}{out.suffix}"))
        for i in range(request.variations or 0)
    ]
