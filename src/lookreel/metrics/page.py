"""The parts that every page of ours is made of: one file, styles inside, no request to anywhere."""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape

from lookreel.assets import HERE
from lookreel.metrics.cards import card


def document(title: str, top: str, body: str, script: str = "") -> str:
    """A whole page with the house's styles inside."""
    styles = (HERE / "pages" / "page.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>{escape(title)}</title>\n<style>\n{styles}</style>\n</head>\n<body>\n"
        f'<header class="top">\n{top}\n</header>\n<main>\n{body}\n</main>\n{script}</body>\n</html>\n'
    )


def section(title: str, body: str) -> str:
    """A part of the page under a heading; nothing where there is nothing to show."""
    return f"<section>\n<h2>{escape(title)}</h2>\n{body}\n</section>" if body else ""


def number(name: str, value: float | None) -> str:
    """A metric's value as text, with a dash where there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    found = card(name)
    return f"{value:.{found.digits}f}"


def table(columns: Iterable[str], rows: Iterable[str], caption: str = "", words: bool = False) -> str:
    """A table that scrolls on a narrow screen. rows: HTML of whole rows. words: its columns hold words, not numbers."""
    heads = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    kind = ' class="words"' if words else ""
    told = f"<caption>{escape(caption)}</caption>" if caption else ""
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="table"><table{kind}>{told}'
        f"<thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )
