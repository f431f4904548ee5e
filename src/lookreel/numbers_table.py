"""The README's tables, of docs/numbers.json and docs/ablation.json: python -m lookreel.numbers_table, in a clone.

Beside our figures stand those that the paper publishes (ProFashion, Table 1). They show the same effects in two
different worlds, so that only the differences within a column mean something.
"""

import json
from pathlib import Path
from typing import Any

from lookreel.marked import fill

ROOT = Path(__file__).parents[2]

# Table 1: PSNR in dB over whole frames, FVD. One photo is Animate Anyone, several without flow attention is "AA + PPA".
PAPER_PSNR_SEVERAL, PAPER_PSNR_ONE = 23.57, 20.84
PAPER_FVD_WITH_FLOW, PAPER_FVD_WITHOUT = 126.92, 196.95
ABLATED = {
    "first": "one photo (Animate Anyone)",
    "mean": "average of three",
    "concat": "three concatenated",
    "ppa": "PPA",
    "fta": "PPA + FTA (ProFashion)",
}


def made(docs: Path) -> str:
    """Both tables, from the figures in the folder `docs`."""
    numbers, ablation = (json.loads((docs / f"{name}.json").read_text()) for name in ("numbers", "ablation"))
    return f"{table(numbers)}\n\n{short_ablation(ablation)}"


def table(n: dict[str, float]) -> str:
    """The table, with a line above it that says what was measured. n: what `lookreel.profashion.measure` writes."""
    several, one = n["back_three_photos"], n["back_front_alone"]
    rows = [
        ("PSNR with three photos: front, back, side", f"{several:.2f} dB", f"{PAPER_PSNR_SEVERAL} dB"),
        ("PSNR with one photo", f"{one:.2f} dB", f"{PAPER_PSNR_ONE} dB"),
        ("what two more photos bring", f"{several - one:+.2f} dB", f"{PAPER_PSNR_SEVERAL - PAPER_PSNR_ONE:+.2f} dB"),
        ("ceiling: the VAE's own round trip", f"{n['back_vae']:.2f} dB", "not given"),
        ("the nearest photo weighs most", f"{n['selection_accuracy']:.0%} of poses", "not given"),
        ("its weight on the torso (a third is blind)", f"{n['selection_weight']:.2f}", "not given"),
        (
            "flicker without, then with flow attention",
            f"{_thousandths(n['warp_without_flow_attention'])}, {_thousandths(n['warp_film'])} warp error",
            f"{PAPER_FVD_WITHOUT}, {PAPER_FVD_WITH_FLOW} FVD",
        ),
        ("flicker of the truth", f"{_thousandths(n['warp_truth'])} warp error", "not given"),
    ]
    measured = f"{n['garments']:.0f} garments of the test seeds, {n['steps']:.0f} steps, guidance {n['guidance']:g}."
    lines = ["| | ours | paper's |", "|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join([measured, "", *lines])


def short_ablation(found: dict[str, Any]) -> str:
    """The rows of the paper's Table 1, short. found: docs/ablation.json, as `lookreel ablate table1` writes it."""
    rows = {row["name"]: row for row in found["rows"] if row["name"] in ABLATED}
    lines = [["ablation", "PSNR", "PSNR back", "dtSSD", "paper's PSNR", "paper's FVD"], ["---"] * 6]
    for name, title in ABLATED.items():
        psnr, back, dtssd = (rows[name]["values"][measure]["mean"] for measure in ("psnr", "psnr_back", "dtssd"))
        paper = rows[name]["published"]
        lines.append(
            [title, f"{psnr:.2f} dB", f"{back:.2f} dB", _thousandths(dtssd), f"{paper['PSNR']} dB", paper["FVD"]]
        )
    height, width = found["size"]
    head = (
        f"And the rows of its Table 1, small networks trained alike at {height}x{width}, {rows['ppa']['garments']} "
        "garments. All of it, with intervals, and what does not hold: [docs/ablation.md](docs/ablation.md)."
    )
    return "\n".join([head, "", *(f"| {' | '.join(line)} |" for line in lines)])


def _thousandths(error: float) -> str:
    """A mean squared error on [0, 1] in thousandths."""
    return f"{error * 1000:.2f}"


def main() -> None:
    fill(ROOT / "README.md", made(ROOT / "docs"))


if __name__ == "__main__":
    main()
