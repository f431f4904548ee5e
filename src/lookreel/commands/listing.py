"""The commands that only tell: `motions`, `models`, `doctor`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict


def motions(as_json: bool = False) -> None:
    """One line for each bundled motion: name, frames, frame rate, size of its picture."""
    from lookreel.poses.motions import load_motion, names

    tracks = {name: load_motion(name).track for name in names()}
    if as_json:
        rows = [
            {"name": name, "frames": len(track), "fps": track.fps, "size": list(track.size)}
            for name, track in tracks.items()
        ]
        print(json.dumps({"motions": rows}))
        return
    _table([(name, f"{len(track)} frames", f"{track.fps:g} fps") for name, track in tracks.items()])


def models(as_json: bool = False) -> None:
    """One line for each bundled model: name, size, licence, note."""
    from lookreel import api

    cards = api.models()
    if as_json:
        print(json.dumps({"models": [asdict(card) for card in cards]}))
        return
    _table([(card.name, f"{card.mebibytes:g} MiB", card.licence, card.note) for card in cards])


def doctor(as_json: bool = False) -> None:
    """The state of this installation."""
    from lookreel.doctor import examine, lines

    state = examine()
    print(json.dumps(state) if as_json else "\n".join(lines(state)))


def _table(rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows with their columns aligned."""
    if not rows:
        return
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
