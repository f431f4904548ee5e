"""The part of a page that a command writes, between two marks."""

from __future__ import annotations

from pathlib import Path

from lookreel.outputs import whole

BEGIN, END = "<!-- numbers -->", "<!-- /numbers -->"


def with_made(text: str, made: str, name: str) -> str:
    """A page's text with `made` between the two marks. Raises ValueError, which names the page, where they are not."""
    before, _, rest = text.partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise ValueError(f"{name}: expected {BEGIN} and {END} around the table")
    return f"{before}{BEGIN}\n{made}\n{END}{after}"


def fill(page: Path, made: str) -> None:
    """Write `made` between the marks of a page."""
    text = with_made(page.read_text(encoding="utf-8"), made, page.name)
    with whole(page) as (temporary,):
        temporary.write_text(text, encoding="utf-8")
