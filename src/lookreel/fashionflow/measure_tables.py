"""The tables of docs/fashionflow.md, from what `measure.py` finds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

WANTED = {"first": 25.0, "colour": 0.1}  # dB of frame 0 to the photo; the garment's colour, of 1.0 a channel


def tables(found: dict[str, Any]) -> str:
    """Markdown: what holds of the films, then the limits that the paper names."""
    head = f"{found['garments']} garments of the test seeds, {found['steps']} steps."
    return "\n\n".join([head, _films(found), _skin(found), _colours(found), _resolution(found)])


def _films(found: dict[str, Any]) -> str:
    colour, jitter = found["colour"], found["jitter"]
    first, off = WANTED["first"], WANTED["colour"]
    lines = [
        [
            "frame 0 to the photo",
            f"{found['first']:.1f} dB",
            "",
            f"{first:g} dB or more: {_met(found['first'] >= first)}",
        ],
        [
            "the garment's colour off, worst channel, of 1.0",
            f"{colour['film']:.3f}",
            f"{colour['truth']:.3f}",
            f"at most {off:g}: {_met(colour['film'] <= off)}",
        ],
        [
            "motion: mean change of a pixel, of 1.0",
            *(f"{found['motion'][k]:.4f}" for k in ("film", "truth")),
            "it moves",
        ],
        ["colour kept from first to last frames", *(f"{found['faded'][k]:.2f}" for k in ("film", "truth")), "near 1"],
        ["difference between the last frames of four seeds", f"{found['spread']:.4f}", "", "the seed decides"],
    ]
    if "doubled" in jitter:
        film, doubled = (f"{jitter[name] * 1000:.2f}" for name in ("film", "doubled"))
        aim = f"no more than {film}: {_met(jitter['doubled'] <= jitter['film'])}"
        lines.append(["flicker with twice the frames, thousandths", doubled, "", aim])
    return _table(["", "films", "true clips", "aim"], lines)


def _skin(found: dict[str, Any]) -> str:
    tones = found["skin_error"]
    lines = [
        ["skin error, Lab", *(f"{tone['mean']:.1f}" for tone in tones.values())],
        ["garments", *(str(tone["garments"]) for tone in tones.values())],
    ]
    return _table(["tone, lightest first", *(str(int(tone) + 1) for tone in tones)], lines)


def _colours(found: dict[str, Any]) -> str:
    """Every third frame of the curve."""
    shown = range(0, len(found["chroma"]), 3)
    return _table(
        ["frame", *map(str, shown)], [["colour, of the first frame's", *(f"{found['chroma'][i]:.2f}" for i in shown)]]
    )


def _resolution(found: dict[str, Any]) -> str:
    sizes = found["resolution"]
    lines = [
        ["similarity to the photo", *(f"{size['similarity']:.3f}" for size in sizes.values())],
        ["Frechet distance of frames", *(f"{size['frechet']:.2f}" for size in sizes.values())],
    ]
    names = ("whole" if size == "1" else f"1/{size}" for size in sizes)
    return _table(["the photo's sides", *names], lines)


def _met(holds: bool) -> str:
    return "met" if holds else "**missed**"


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *lines])
