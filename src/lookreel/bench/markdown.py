"""The few forms of Markdown that the pages here are written in."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of cells already formatted."""
    lines = [list(head), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def paragraph(*sentences: str) -> str:
    """Sentences in lines of at most 120 characters."""
    return textwrap.fill(" ".join(sentences), 120, break_long_words=False, break_on_hyphens=False)


def with_marked(text: str, mark: str, made: str) -> str:
    """The text with `made` between the comments `<!-- mark -->` and `<!-- /mark -->`; as it is where they are not."""
    begin, end = f"<!-- {mark} -->", f"<!-- /{mark} -->"
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    return f"{before}{begin}\n{made}\n{end}{after}" if found and closed else text
