"""Everything that is said about cost, measured: `make bench`, or python -m lookreel.bench --only counters --out FILE.

counters and memory are counted on meta tensors and are the same everywhere. ratios are times beside each other in one
process. presets compares films of the bundled model. gpu needs a CUDA device and is left out without one.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from lookreel import api
from lookreel.bench.approximations import approximations
from lookreel.bench.counters import counters, step
from lookreel.bench.fast import fast
from lookreel.bench.gpu import gpu
from lookreel.bench.peaks import peaks
from lookreel.bench.ratios import ratios
from lookreel.nets.weights import write_json


def parts(garments: int, rounds: int, weights: Path | None) -> dict[str, Callable[[], Any]]:
    """Name -> measurement."""
    full, small = (api.bench_models()[name] for name in ("sd15", "mini"))
    return {
        "counters": lambda: counters(full),
        "memory": lambda: peaks(full),
        "ratios": lambda: ratios(small, rounds),
        "presets": lambda: fast(api.load("mini", "cpu"), garments, weights=weights),
        "approximations": lambda: approximations(api.load("mini", "cpu"), garments),
        "gpu": lambda: gpu(full, step(full)),
    }


def machine() -> dict[str, Any]:
    """What it was measured on."""
    return {
        "torch": torch.__version__,
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
    }


def main(arguments: list[str] | None = None) -> None:
    known = parts(1, 1, None)
    parser = argparse.ArgumentParser(prog="python -m lookreel.bench", description="What lookreel costs.")
    parser.add_argument("--only", nargs="+", choices=known, default=list(known), help="measure these parts")
    parser.add_argument("--out", type=Path, help="write JSON here; parts that are not measured stay as they were")
    parser.add_argument("--garments", type=int, default=4, help="test garments for presets")
    parser.add_argument("--rounds", type=int, default=5, help="ABBA rounds for ratios")
    parser.add_argument("--weights", type=Path, help="a folder of metrics' weights, for LPIPS")
    given = parser.parse_args(arguments)
    out: Path | None = given.out
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8")) if out is not None and out.is_file() else {}
    measured = parts(given.garments, given.rounds, given.weights)
    for name in given.only:
        print(f"lookreel: {name}", file=sys.stderr, flush=True)
        result = measured[name]()
        if result is None:
            print(f"lookreel: {name}: left out, no such device", file=sys.stderr)
            continue
        found |= {"machine": machine(), name: result}
        if given.out:
            write_json(given.out, found)
    if not given.out:
        print(json.dumps(found, indent=2))
