"""The README's table of results, written from docs/numbers.json in a clone: python -m lookreel.numbers_table.

Beside our figures stand those that the paper publishes (ProFashion, Table 1). They show the same effects in two
different worlds, so that only the differences within a column mean something.
"""

import json
from pathlib import Path

from lookreel.outputs import whole

ROOT = Path(__file__).parents[2]
BEGIN, END = "<!-- numbers -->", "<!-- /numbers -->"

# Table 1: PSNR in dB over whole frames, FVD. One photo is Animate Anyone, several without flow attention is "AA + PPA".
PAPER_PSNR_SEVERAL, PAPER_PSNR_ONE = 23.57, 20.84
PAPER_FVD_WITH_FLOW, PAPER_FVD_WITHOUT = 126.92, 196.95


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


def with_table(readme: str, made: str) -> str:
    """The README's text with `made` between the two marks. Raises ValueError where they are not there."""
    before, _, rest = readme.partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise ValueError(f"README.md: expected {BEGIN} and {END} around the table")
    return f"{before}{BEGIN}\n{made}\n{END}{after}"


def _thousandths(error: float) -> str:
    """A mean squared error on [0, 1] in thousandths."""
    return f"{error * 1000:.2f}"


def main() -> None:
    readme, numbers = ROOT / "README.md", ROOT / "docs" / "numbers.json"
    text = with_table(readme.read_text(encoding="utf-8"), table(json.loads(numbers.read_text(encoding="utf-8"))))
    with whole(readme) as (temporary,):
        temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
