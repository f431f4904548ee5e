"""The report as one page that needs nothing but itself: styles, drawings and films lie inside, without any script."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from lookreel.metrics.cards import card
from lookreel.metrics.compare import Outcome
from lookreel.metrics.films import GAIN, Shown, data_uri
from lookreel.metrics.page import document, number, section
from lookreel.metrics.report_curves import curves
from lookreel.metrics.report_tables import by_view, clips, left_out, numbers, place, rules

TILES = 4


def page(record: dict[str, Any], outcomes: Sequence[Outcome], films: Sequence[Shown]) -> str:
    """The page of a report: report.json's object, the outcomes for the curves, and the films to show."""
    sections = [
        warnings(record),
        tiles(record),
        section("Films", shown(record, films)),
        section("Numbers", numbers(record)),
        section("By the side that a frame shows", by_view(record)),
        section("Over time", curves(record["rules"], outcomes)),
        section("Clips", clips(record)),
        section("Left out", left_out(record)),
        section("How this was measured", rules(record)),
    ]
    title = f"lookreel evaluate: {record['protocol']}"
    return document(title, head(record), "\n".join(part for part in sections if part))


def head(record: dict[str, Any]) -> str:
    counts, rule = record["counts"], record["rules"]
    size = f"{rule['size'][0]}×{rule['size'][1]} pixels" if rule["size"] else "the size of the generated clips"
    clips = f"{counts['clips']} clip{'s' if counts['clips'] != 1 else ''}"
    return (
        f"<h1>Generated against true: protocol {escape(record['protocol'])}</h1>\n"
        f'<p class="soft">{clips}, {counts["frames"]} frames, compared at {size}. '
        f"The rules are {escape(rule['source'])}.</p>"
    )


def warnings(record: dict[str, Any]) -> str:
    lines = "".join(f"<li>{escape(line)}</li>" for line in record["warnings"])
    return f'<div class="note" role="note"><ul>{lines}</ul></div>' if lines else ""


def tiles(record: dict[str, Any]) -> str:
    """The first numbers one looks for, each with its place between the baseline and the codec's floor."""
    wanted = ["ssim", "psnr", "lpips_alex", "fvd16_sgv", "fvd16_400", "vgc_back", "ewarp_ratio", "l1"]
    wanted += [name for name in record["metrics"] if not name.endswith("_all")]
    names = [name for name in dict.fromkeys(wanted) if name in record["metrics"]][:TILES]
    told = "The bars run from copying the reference, at the left, to the truth through H.264, at the right."
    drawn = "".join(_tile(record, name) for name in names)
    return f'<div class="tiles">{drawn}</div>\n<p class="soft small wide">{told}</p>'


def _tile(record: dict[str, Any], name: str) -> str:
    found = card(name)
    ends = record["intervals"].get(name)
    span = f"95 %: {number(name, ends[0])} to {number(name, ends[1])}" if ends else "one clip: no interval"
    unit = f' <span class="unit">{found.unit}</span>' if found.unit else ""
    return (
        f'<div class="tile"><h3>{escape(found.title)}</h3><div class="value">{number(name, record["metrics"][name])}'
        f'{unit}</div><div class="soft small">{span}</div>{place(record, name)}</div>'
    )


def shown(record: dict[str, Any], films: Sequence[Shown]) -> str:
    """The chosen films: truth, generated and difference side by side."""
    rank = record["rules"]["rank"]
    figures = []
    for film in films:
        place = "The only clip" if film.place == "only" else f"The {film.place} clip"
        words = f"{place}, {film.name}: the truth, the generated clip and their difference side by side"
        figures.append(
            f"<figure><figcaption><h3>{place}: {escape(film.name)}</h3>"
            f'<span class="soft small">{escape(card(rank).title)} {number(rank, film.value)}</span></figcaption>'
            f'<video controls loop muted playsinline preload="metadata" width="{film.size[1]}" height="{film.size[0]}" '
            f'aria-label="{escape(words, quote=True)}" poster="{data_uri("image/jpeg", film.poster)}" '
            f'src="{data_uri("video/mp4", film.mp4)}"></video>'
            f'<div class="three" aria-hidden="true"><span>truth</span><span>generated</span>'
            f"<span>difference × {GAIN}</span></div></figure>"
        )
    return f'<div class="films">{"".join(figures)}</div>' if figures else ""
