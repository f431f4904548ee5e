"""The page of a dataset: what was taken, what was not and why, in one file without scripts or requests."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from lookreel.data.prepare.judge import REASONS
from lookreel.data.prepare.record import Record
from lookreel.metrics.page import document, section, table

MOST_ROWS = 400  # of each table; the files have the rest
_WIDE = 480  # pixels of a strip


def page(facts: dict[str, Any], records: Sequence[Record], duplicates: Sequence[dict[str, Any]]) -> str:
    """facts: dataset.json's object. duplicates: rejections that no record has."""
    clips = [
        (line, picture) for record in records for line, picture in zip(record.clips, record.pictures, strict=False)
    ]
    left = [
        (line, picture)
        for record in records
        for line, picture in zip(record.rejected, record.pictures[len(record.clips) :], strict=True)
    ] + [(line, "") for line in duplicates]
    parts = [
        tiles(facts),
        section("Left out", f"{_reasons(facts)}{_table(('Video', 'Part', 'Why', ''), map(_left, left))}" * bool(left)),
        section("Clips", _table(("Clip", "Split", "Seconds", "Size", "Views", "Licence", ""), map(_clip, clips))),
        section("How it was made", _settings(facts["settings"])),
    ]
    counts = [f"{facts[name]} {name[:-1] if facts[name] == 1 else name}" for name in ("clips", "videos")]
    title = " of ".join(counts)
    top = f'<h1>{title}</h1>\n<p class="soft">{_count(facts["seconds"])} seconds, {facts["frames"]} frames.</p>'
    return document(f"lookreel prepare: {title}", top, "\n".join(part for part in parts if part))


def tiles(facts: dict[str, Any]) -> str:
    """What one looks for first."""
    total = max(1, sum(facts["views"].values()))
    views = ", ".join(f"{view} {count / total:.0%}" for view, count in facts["views"].items())
    splits = ", ".join(f"{split} {count}" for split, count in facts["splits"].items())
    licences = ", ".join(f"{escape(name)} {count}" for name, count in facts["licences"].items())
    shown = [
        ("Clips", facts["clips"], splits),
        ("Videos", facts["videos"], "read to their end, or listed below"),
        ("Left out", sum(facts["rejected"].values()), "videos, or parts of them"),
        ("Frames", facts["frames"], views),
    ]
    drawn = "".join(
        f'<div class="tile"><h3>{name}</h3><div class="value">{value}</div><div class="soft small">{words}</div></div>'
        for name, value, words in shown
    )
    return f'<div class="tiles">{drawn}</div>\n<p class="soft small">Licences: {licences or "–"}.</p>'


def _reasons(facts: dict[str, Any]) -> str:
    lines = "".join(f"<li>{escape(REASONS[name])}: {count}</li>" for name, count in facts["rejected"].items())
    return f"<ul>{lines}</ul>"


def _table(columns: Sequence[str], rows: Any) -> str:
    made = list(rows)
    more = len(made) - MOST_ROWS
    told = f'<p class="soft small">{more} more are in the files beside this page.</p>' if more > 0 else ""
    return table(columns, made[:MOST_ROWS], words=True) + told if made else ""


def _left(entry: tuple[dict[str, Any], str]) -> str:
    line, picture = entry
    span = "all" if line["start"] is None else f"{line['start']:.1f}–{line['end']:.1f}&nbsp;s"
    return _row([_code(line["source"]), span, escape(line["words"]), _picture(picture, line["source"])])


def _clip(entry: tuple[dict[str, Any], str]) -> str:
    line, picture = entry
    height, width = line["size"]
    total = len(line["views"])
    found = {name: sum(view == name for view in line["views"]) for name in ("front", "side", "back")}
    views = ", ".join(f"{name} {count / total:.0%}" for name, count in found.items() if count)
    cells = [_code(line["path"].rsplit("/", 1)[-1]), line["split"], f"{line['frames'] / line['fps']:.1f}"]
    cells += [f"{width}×{height}, {line['fps']:g} fps", views or "unknown", escape(line["licence"] or "unknown")]
    return _row([*cells, _picture(picture, line["path"])])


def _row(cells: Sequence[str]) -> str:
    first, *rest = cells
    others = "".join(f'<td class="text">{cell}</td>' for cell in rest)
    return f'<tr><th scope="row">{first}</th>{others}</tr>'


def _picture(content: str, name: str) -> str:
    if not content:
        return "–"
    words = f"A few frames of {escape(name, quote=True)}"
    style = f"display:block;max-width:{_WIDE}px;height:auto;border-radius:6px"
    return f'<img src="data:image/jpeg;base64,{content}" alt="{words}" loading="lazy" style="{style}">'


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def _settings(settings: dict[str, Any]) -> str:
    hashes = settings["hashes"].items()
    rows = [_row([escape(name), _code(str(value))]) for name, value in settings.items() if name != "hashes"]
    rows += [_row([f"sha256 of {escape(name)}", _code(value)]) for name, value in hashes]
    return table(("Setting", "Value"), rows, words=True)


def _count(seconds: float) -> str:
    return f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.1f}"
