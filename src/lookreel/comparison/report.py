"""The table of the three papers' bundled models: NAME.json, NAME.md and NAME.png in a folder with other reports."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from lookreel.metrics.bootstrap import mean_interval
from lookreel.nets.weights import write_json
from lookreel.outputs import whole

FIGURES = {  # title, digits, factor
    "seconds": ("seconds a film", 1, 1),
    "tuning": ("seconds of tuning", 0, 1),
    "ssim": ("SSIM", 3, 1),
    "psnr": ("PSNR, dB", 2, 1),
    "psnr_front": ("front", 2, 1),
    "psnr_side": ("side", 2, 1),
    "psnr_back": ("back", 2, 1),
    "warp": ("warp error, thousandths", 2, 1000),
    "skin": ("skin error, Lab", 1, 1),
    "faded": ("colour kept, of the truth's", 2, 1),
    "motion": ("motion, of the truth's", 2, 1),
}
MEANING = """\
SSIM is of whole frames, PSNR of garment pixels, of all frames and by view; the warp error follows the exact flow. The
last three need no true frames, and are all that can be told of a film that moves as it likes: how far the head's skin
is from the photo's, and how much colour and motion the film has of what true clips have (`fashionflow/quality.py`). In
brackets the 95 % interval over garments. Seconds are of films that were made one after the other in one run, photos
read and models loaded; on another machine compare their ratios."""
FASTER = "FashionFlow", "DreamPose"
PAPER_FASTER = 9.3  # FashionFlow, section 4.5: 70 frames, without DreamPose's tuning
COLUMNS = 8


class Named(Protocol):
    """A row of the comparison."""

    @property
    def name(self) -> str: ...
    @property
    def file_name(self) -> str: ...
    @property
    def published(self) -> Mapping[str, str]: ...


def write_report(name: str, rows: Sequence[Named], films: Path, docs: Path) -> dict[str, Any]:
    """Write the report on all films in the folder `films` into `docs`, made where it is not there."""
    docs.mkdir(parents=True, exist_ok=True)
    files = {row.name: sorted((films / row.file_name).glob("*.json")) for row in rows}
    made = {name: [json.loads(path.read_text()) for path in paths] for name, paths in files.items() if paths}
    found = {
        "rows": {name: {"garments": len(told), "values": _values(told)} for name, told in made.items()},
        "faster": _ratio(made),
    }
    published = {row.name: row.published for row in rows}
    picture = np.concatenate([_strip(np.load(files[name][0].with_suffix(".npy"))) for name in made])
    write_json(docs / f"{name}.json", found)
    with whole(docs / f"{name}.md", docs / f"{name}.png") as (text, image):
        Image.fromarray(picture).quantize(256).save(image, optimize=True)  # a third of the size
        text.write_text(_page(name, found, published), encoding="utf-8")
    return found | {"page": str(docs / f"{name}.md")}


def _values(told: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Means over garments with 95 % intervals of the figures that the row has."""
    return {name: mean_interval([figures[name] for figures in told]) for name in FIGURES if name in told[0]}


def _ratio(made: Mapping[str, Sequence[Mapping[str, float]]]) -> float | None:
    """How many times faster FashionFlow's films are made than DreamPose's, without tuning."""
    if not set(FASTER) <= made.keys():
        return None
    quick, slow = (np.mean([figures["seconds"] for figures in made[name]]) for name in FASTER)
    return float(slow / quick)


def _strip(film: np.ndarray) -> np.ndarray:
    """A film (F, 3, H, W) as a line of frames."""
    picked = film[np.linspace(0, len(film) - 1, min(COLUMNS, len(film))).round().astype(int)]
    return np.concatenate(list(picked.transpose(0, 2, 3, 1)), axis=1)


def _page(name: str, found: dict[str, Any], published: Mapping[str, Mapping[str, str]]) -> str:
    """The report in Markdown."""
    rows = found["rows"]
    paper = list(dict.fromkeys(column for row in rows for column in published[row]))
    heads = ["ours", *(title for title, *_ in FIGURES.values()), *(f"paper's {column}" for column in paper)]
    lines = [heads, ["---"] * len(heads)]
    for row, told in rows.items():
        cells = [_cell(told["values"].get(figure), figure) for figure in FIGURES]
        lines.append([row, *cells, *(published[row].get(column, "") for column in paper)])
    garments = min(told["garments"] for told in rows.values())
    intro = f"The bundled models on {garments} garments of the test seeds, each with its own sampler.\n\n{MEANING}"
    speed = (
        ""
        if found["faster"] is None
        else (
            f"FashionFlow makes a film {found['faster']:.1f} times faster than DreamPose does, without tuning (the "
            f"paper: {PAPER_FASTER} times, for 70 frames)."
        )
    )
    beside = (
        "The paper's figures are of UBC Fashion, as ProFashion's prints them: compare their order, not their values."
    )
    shown = f"The first garment, a line for each row:\n\n![films]({name}.png)"
    command = f"```\nlookreel ablate {name} --out runs/{name} --docs docs\n```"
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    return "\n\n".join(filter(None, ["# The systems side by side", intro, table, speed, beside, shown, command])) + "\n"


def _cell(value: dict[str, Any] | None, figure: str) -> str:
    if value is None:
        return ""
    _, digits, factor = FIGURES[figure]
    mean, *ends = (f"{number * factor:.{digits}f}" for number in (value["mean"], *(value["interval"] or ())))
    return f"{mean} [{', '.join(ends)}]" if ends else mean
