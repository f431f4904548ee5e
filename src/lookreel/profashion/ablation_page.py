"""The page docs/ablation.md, written from the summary: every sentence that depends on a figure is decided by it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from lookreel.profashion.ablation_claims import PAPER_TABLE3
from lookreel.profashion.ablation_measures import MEASURES

OURS = ("psnr", "psnr_back", "vgc_front", "vgc_back", "warp", "dtssd")
THEIRS = ("SSIM", "PSNR", "LPIPS", "FVD")
Summary = dict[str, Any]


def page(found: Summary, pictures: dict[str, str]) -> str:
    """Markdown. pictures: what was drawn, name -> file name."""
    parts = [_head(found), *_table1(found, pictures), *_claims(found), *_selection(found)]
    parts += [*_guidance(found, pictures), *_photos(found, pictures), *_cloth(found), *_how(found)]
    return "\n\n".join(parts) + "\n"


def _head(found: Summary) -> str:
    garments = max((row["garments"] for row in found["rows"]), default=0)
    return f"""# Ablations

The rows of the paper's Table 1, its Table 3 and its Fig. 7, trained and measured in the mannequin world
([training.md](training.md)), and a few questions of our own. `lookreel ablate` writes this page.

In each stage all models see the same clips in the same order, begin with the same weights and take equally many steps.
They are small and shortly trained ({_size(found)}): read the differences, not the heights. Figures are means over
{garments} garments of the test seeds, with the interval that holds 95 % of 1,000 resamples of the garments. The paper's
figures stand beside ours as printed. They are of MRFashion-7K and of whole frames, and **not the same metrics**: only
the order of rows can be compared."""


def _table1(found: Summary, pictures: dict[str, str]) -> list[str]:
    rows = _of(found, "table1")
    words = f"""\
PSNR is over garment pixels; *back* counts the frames that show the back. VGC compares the torso with the photo of its
side: a correlation, 1 is equal. Flicker is measured twice: the warp error along the exact flow, which a blurred film
keeps low{_truth(found)}, and dtSSD, how far the change from frame to frame is from the truth's. See
[metrics.md](metrics.md)."""
    shown = [
        _picture(pictures, "table1", "Means and intervals"),
        _picture(pictures, "films", "The first garment's films"),
    ]
    apart = [row for row in rows if row["name"] not in (found["base"], "vae")]
    return ["## Table 1", words, _measured(rows), *filter(None, shown), "## Against the PPA row", _differences(apart)]


def _claims(found: Summary) -> list[str]:
    claims = found["claims"]
    if not claims:
        return []
    counts = Counter(claim["verdict"] for claim in claims)
    words = f"""\
Of {len(claims)} expected orders these hold: {counts["holds"]}; are reversed: {counts["reversed"]}; are undecided:
{counts["undecided"]}. An order holds where the interval of the difference on the same garments lies wholly on its side
of zero, is reversed where it lies wholly on the other side, and undecided where it includes zero."""
    lines = [
        [
            c["says"],
            MEASURES[c["measure"]].title,
            number(c["difference"], c["measure"], signed=True),
            _loud(c["verdict"]),
        ]
        for c in claims
    ]
    return ["## Which orders hold", words, _table(["order", "by", "difference", ""], lines), *_otherwise(claims)]


def _otherwise(claims: Sequence[dict[str, Any]]) -> list[str]:
    """Why orders do not hold, once for each reason."""
    reasons = dict.fromkeys(c["otherwise"] for c in claims if c["verdict"] != "holds" and c["otherwise"])
    return ["Of those that do not hold:", "\n".join(f"- {reason}" for reason in reasons)] if reasons else []


def _selection(found: Summary) -> list[str]:
    rows = [row for row in found["rows"] if "selection" in row["values"] and row["group"] != "guidance"]
    if not rows:
        return []
    words = """\
How often the photo nearest in yaw has the largest mean weight, and that weight. Frames count where it is the nearest
by at least 30 degrees. Guidance changes nothing of it."""
    names = ("selection", "weight")
    lines = [[row["title"], *(number(row["values"].get(name), name) for name in names)] for row in rows]
    return ["## Does the selector select?", words, _table(["", *_titles(names)], lines)]


def _guidance(found: Summary, pictures: dict[str, str]) -> list[str]:
    rows = _of(found, "guidance")
    if not rows:
        return []
    own = _base(found, f"guidance {found['guidance']:g}, the PPA row", PAPER_TABLE3.get(found["guidance"]))
    words = "The PPA model at other scales; the paper's figures are of its whole model (Table 3)."
    shown = _picture(pictures, "guidance", "Figures against the guidance scale")
    return ["## Table 3: guidance", words, _measured([*own, *rows]), *filter(None, [shown])]


def _photos(found: Summary, pictures: dict[str, str]) -> list[str]:
    rows = _of(found, "photos")
    if not rows:
        return []
    own = _base(found, "3 photos: front, back, one side, the PPA row")
    words = """\
The PPA model, trained with three photos. A film that moves as another figure does has no truth to compare pixels with;
its torsos are compared with the photos all the same."""
    shown = _picture(pictures, "photos", "PSNR against the number of photos")
    return ["## Other photos, another motion", words, _measured([*own, *rows]), *filter(None, [shown])]


def _cloth(found: Summary) -> list[str]:
    titles = {row["name"]: row["title"] for row in found["rows"] if row["group"] == "table1"}
    lines = [_cloth_line(titles[c["row"]], c) for c in found["cloth"] if c["row"] in titles]
    if not lines:
        return []
    words = """\
Loose garments fall straight from the chest or flare to a wide hem; the others are tight. They are different garments,
so the intervals of this difference are wider than those of the tables above."""
    return ["## Tight and loose garments", words, _table(["", "by", "tight", "loose", "loose - tight"], lines)]


def _cloth_line(title: str, c: dict[str, Any]) -> list[str]:
    name, apart = c["measure"], {"mean": c["difference"], "interval": c["interval"]}
    return [title, MEASURES[name].title, number(c["tight"], name), number(c["loose"], name), number(apart, name, True)]


def _how(found: Summary) -> list[str]:
    words = f"""```
lookreel ablate {found["recipe"]} --out runs/ablation --docs docs
```

The same command goes on after an interruption. Films are {_size(found)}, {found["frames"]} frames of one turn, made
in {found["steps"]} steps at guidance {found["guidance"]:g} from photos of front, back and side unless a row says
otherwise. Training: {found["mannequins"]:,} garments, settings in `src/lookreel/profashion/ablation_table1.py`. Rows of
stage 2 continue PPA's stage 1; the others are measured after stage 1, without motion layers."""
    lines = [[name, str(made["stage"]), f"{made['steps']:,}"] for name, made in found["trainings"].items()]
    return ["## How it was made", words, _table(["trained", "stage", "steps"], lines)]


def number(value: dict[str, Any] | None, name: str, signed: bool = False) -> str:
    """A mean with its interval, in the measure's unit and digits; "-" where there is none."""
    if value is None:
        return "-"
    measure = MEASURES[name]
    numbers = [value["mean"], *(value["interval"] or ())]
    mean, *ends = (f"{x * measure.factor:{'+' if signed else ''}.{measure.digits}f}" for x in numbers)
    return f"{mean} ({' to '.join(ends)})" if ends else mean


def _measured(rows: Sequence[dict[str, Any]]) -> str:
    """Our figures, and the paper's where there are any."""
    theirs = [name for name in THEIRS if any(name in row["published"] for row in rows)]
    lines = [
        [
            row["title"],
            *(number(row["values"].get(name), name) for name in OURS),
            *(row["published"].get(name, "-") for name in theirs),
        ]
        for row in rows
    ]
    return _table(["ours", *_titles(OURS), *(f"paper's {name}" for name in theirs)], lines)


def _differences(rows: Sequence[dict[str, Any]]) -> str:
    lines = [
        [row["title"], *(number(row["values"].get(name, {}).get("difference"), name, signed=True) for name in OURS)]
        for row in rows
    ]
    return _table(["minus PPA, on the same garments", *_titles(OURS)], lines)


def _of(found: Summary, group: str) -> list[dict[str, Any]]:
    return [row for row in found["rows"] if row["group"] == group]


def _base(found: Summary, title: str, published: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """The row that all are compared with, as a line of another table."""
    line = {"title": title, "published": published or {}}
    return [row | line for row in found["rows"] if row["name"] == found["base"]]


def _titles(names: Sequence[str]) -> list[str]:
    return [MEASURES[name].title for name in names]


def _loud(verdict: str) -> str:
    return verdict if verdict == "holds" else f"**{verdict}**"


def _truth(found: Summary) -> str:
    """The truth's own warp error, where it is measured."""
    own = [row["values"]["warp_truth"]["mean"] for row in found["rows"] if "warp_truth" in row["values"]]
    return f" (the truth's own is {own[0] * MEASURES['warp'].factor:.2f})" if own else ""


def _size(found: Summary) -> str:
    return f"{found['size'][0]}x{found['size'][1]} pixels"


def _picture(pictures: dict[str, str], name: str, words: str) -> str | None:
    return f"![{words}]({pictures[name]})" if name in pictures else None


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
