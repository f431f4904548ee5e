"""What this installation can do: versions, device, memory, codecs, and what each extra would add."""

from __future__ import annotations

import os
import platform
import re
from importlib import metadata
from typing import Any

CORE = ("torch", "diffusers", "transformers", "safetensors", "numpy", "pillow", "av", "opencv-python-headless")
EXTRAS = {
    "pose": "poses read from plain photos and videos, lookreel poses",
    "train": "lookreel train, with curves in TensorBoard",
    "eval": "nothing yet; lookreel evaluate is to come",
    "web": "nothing yet; the same in a browser is to come",
    "ray": "nothing yet; thousands of products over several machines are to come",
}


def examine() -> dict[str, Any]:
    """The state as JSON values: lookreel, python, versions, device, cores, threads, memory, codecs, extras."""
    return {
        "lookreel": _version("lookreel") or "run from its source folder",
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": {name: _version(name) for name in CORE},
        **_hardware(),
        "codecs": _codecs(),
        "extras": {name: _extra(name) for name in EXTRAS},
    }


def lines(state: dict[str, Any]) -> list[str]:
    """The state for a reader, one fact a line."""
    facts = [("lookreel", state["lookreel"]), ("python", state["python"]), ("platform", state["platform"])]
    facts += [(name, version or "missing") for name, version in state["versions"].items()]
    facts += [("device", ", ".join(state["devices"])), ("cores", f"{state['cores']}, torch uses {state['threads']}")]
    facts += [("memory", f"{state['memory_gib']} GiB" if state["memory_gib"] else "unknown")]
    facts += [(f"codec {name}", "there" if there else "missing") for name, there in state["codecs"].items()]
    for name, extra in state["extras"].items():
        facts.append((f"extra {name}", f"{extra['adds']}; {_standing(extra)}"))
    width = max(len(name) for name, _ in facts)
    return [f"{name.ljust(width)}  {value}" for name, value in facts]


def _version(name: str) -> str | None:
    """The installed version of a distribution, or None."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _hardware() -> dict[str, Any]:
    """Devices best first, processor cores, threads, and memory in GiB (None where the system does not say)."""
    import torch

    devices = []
    for index in range(torch.cuda.device_count()):
        card = torch.cuda.get_device_properties(index)
        devices.append(f"cuda:{index} {card.name} {card.total_memory / 2**30:.0f} GiB")
    if torch.backends.mps.is_available():
        devices.append("mps")
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0
    return {
        "devices": [*devices, "cpu"],
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "memory_gib": round(pages / 2**30, 1) or None,
    }


def _codecs() -> dict[str, bool]:
    """For each film format, whether it can be written."""
    import av
    from PIL import features

    return {
        "mp4 (libx264)": "libx264" in av.codecs_available,
        "webp": bool(features.check("webp")),
        "gif": True,
    }


def _extra(name: str) -> dict[str, Any]:
    """What an extra adds, what it requires, and which of that is not installed; read from the package's metadata."""
    try:
        lines = metadata.requires("lookreel") or []
    except metadata.PackageNotFoundError:
        lines = []
    marked = [line.partition(";") for line in lines if f"extra == '{name}'" in line.replace('"', "'")]
    required = [requirement.strip() for requirement, _, _ in marked]
    missing = [line for line in required if _version(re.split(r"[\[<>=!~ ]", line)[0]) is None]
    return {"adds": EXTRAS[name], "requires": required, "missing": missing}


def _standing(extra: dict[str, Any]) -> str:
    """How an extra stands, in words."""
    if extra["missing"]:
        return "would install " + ", ".join(extra["missing"])
    return "installed" if extra["requires"] else "needs nothing beyond the core"
