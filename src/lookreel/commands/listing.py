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
    """The bundled models and the known pose detectors, one a line: name, size, licence, note; then the detectors' files
    with their SHA-256 and where they come from; then public weights with what to download and the command."""
    from lookreel import api
    from lookreel.commands.public_models import PUBLIC
    from lookreel.commands.public_models import rows as public_rows
    from lookreel.poses.detector_files import cards

    models, detectors = api.models(), cards()
    if as_json:
        rows = [asdict(card) | {"mebibytes": card.mebibytes} for card in detectors]
        public = [asdict(model) | {"gigabytes": model.gigabytes} for model in PUBLIC]
        print(json.dumps({"models": [asdict(card) for card in models], "detectors": rows, "public": public}))
        return
    _table([(card.name, f"{card.mebibytes:g} MiB", card.licence, card.note) for card in models])
    print("\npose detectors:")
    _table([(card.name, f"{card.mebibytes:g} MiB", card.licence, card.note) for card in detectors])
    print("\ntheir files:")
    files = [(card, file) for card in detectors for file in card.files]
    _table([(f"{card.name}/{file.name}", file.sha256 or "sha256 not published", card.source) for card, file in files])
    print("\npublic weights, after a download and a conversion (docs/models.md):")
    _table([(model.name, f"{model.gigabytes:g} GB", model.licences, model.note) for model in PUBLIC])
    for model in PUBLIC:
        print(f"\n{model.name}:")
        _table(public_rows(model))
        print(model.command)


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
