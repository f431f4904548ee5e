"""The picture that explains PPA: each photo's weight over the frames of a turn, with the frames above.

python -m lookreel.profashion.ppa_picture [--model FOLDER] [--out docs/ppa.png]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from lookreel.assets import MODELS, PHOTOS
from lookreel.film import Film
from lookreel.outputs import check_output, whole
from lookreel.profashion.system import ProFashionSystem

NAMES = ("front", "back", "side")
COLORS = ("#1f6f8b", "#c0392b", "#7f9f3f")
SHOWN = 12  # frames above the curves


def picture(film: Film, names: Sequence[str] = NAMES) -> Figure:
    """Photos on the left; frames of the film, framed in the colour of the photo that weighs most; weights below.

    film: with its references, and `weights` (F, R) in its report.
    """
    weights = np.array(film.report["weights"])
    figure = Figure(figsize=(12, 4.4), dpi=100, layout="constrained")
    left, right = np.ravel(figure.subfigures(1, 2, width_ratios=(1, 5)))
    for axis, photo, name, color in zip(
        left.subplots(len(names), 1), film.references or (), names, COLORS, strict=True
    ):
        _framed(axis, photo, color)
        axis.set_ylabel(name, color=color, fontsize=11)
    above, below = np.ravel(right.subfigures(2, 1, height_ratios=(2, 3)))
    chosen = np.linspace(0, len(film) - 1, min(SHOWN, len(film))).round().astype(int)
    for axis, frame in zip(np.ravel(above.subplots(1, len(chosen))), chosen, strict=True):
        _framed(axis, film.frames[frame], COLORS[int(weights[frame].argmax())])
        axis.set_xlabel(str(frame), fontsize=8)
    curves = below.subplots()
    for name, color, weight in zip(names, COLORS, weights.T, strict=True):
        curves.plot(weight, color=color, linewidth=2.5, label=name)
    curves.set(xlim=(0, len(film) - 1), ylim=(-0.02, 1.02), xlabel="frame", ylabel="mean weight (Eq. 7)")
    curves.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=len(names), frameon=False)
    curves.grid(alpha=0.3)
    return figure


def turn(model: Path, frames: int | None = None, steps: int | None = None) -> Film:
    """The bundled photos turning once."""
    system = ProFashionSystem.from_pretrained(model, torch.device("cpu"))
    return system.animate([PHOTOS / f"{name}.png" for name in NAMES], "turn", seed=7, frames=frames, steps=steps)


def _framed(axis: Any, pixels: torch.Tensor, color: str) -> None:
    """pixels: uint8 (3, H, W)."""
    axis.imshow(pixels.permute(1, 2, 0).numpy())
    axis.set(xticks=[], yticks=[])
    for side in axis.spines.values():
        side.set(color=color, linewidth=3)


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw the weights of the photos over a turn.")
    parser.add_argument("--model", type=Path, default=MODELS / "mini", help="a model folder")
    parser.add_argument("--out", type=Path, default=Path("docs/ppa.png"))
    options = parser.parse_args()
    path = check_output(options.out, (".png",), force=True)
    figure = picture(turn(options.model))
    with whole(path) as (temporary,):
        figure.savefig(temporary, metadata={"Software": None})


if __name__ == "__main__":
    main()
