"""UBC Fashion (Zablotskaia et al., BMVC 2019): its two lists of addresses, fetched gently into folders train and test.

A list, `fashion_train.txt` or `fashion_test.txt`, has one address of an mp4 a line. Videos keep the last part of their
address as their name (`91+bCFG1jOS.mp4`: the plus sign is a plus sign). Links die over the years; which did, and the
sha256 of what came, is in fetched.jsonl beside the videos.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from lookreel.data.download import Fetched, Manners, download
from lookreel.data.manifest import as_lines
from lookreel.data.prepare.sources import VIDEOS, clean
from lookreel.data.prepare.write import hash_of
from lookreel.errors import InputError
from lookreel.outputs import whole

FETCHED = "fetched.jsonl"
LICENCE = "copyright of third parties (UBC Fashion, Zablotskaia et al. 2019)"


@dataclass(frozen=True)
class Link:
    """name: of the file that it becomes."""

    url: str
    name: str
    split: str


def read_lists(train: Path, test: Path) -> list[Link]:
    """The links of both lists, each once, in their order.

    Empty lines and lines that begin with # are passed over. Raises InputError for a line that is no http address of a
    video, for two addresses of one name in a list, and where neither list has a link.
    """
    links = [*_list(train, "train"), *_list(test, "test")]
    if not links:
        raise InputError(f"--ubc: {train}, {test}: no address in either; expected one of an mp4 a line")
    return links


def fetch(
    links: Sequence[Link],
    folder: Path,
    manners: Manners | None = None,
    progress: Callable[[int, int, str], object] | None = None,
) -> dict[str, int]:
    """Fetch the links into `folder`/SPLIT/NAME, one after the other, and return how many are "ok", "dead", "failed".

    What is there is not fetched again, a dead link is not asked for again; fetched.jsonl is kept after every file.
    progress(done, total, name). Raises InputError where the disk is full or cannot be written to.
    """
    manners = manners or Manners()
    known = _known(folder / FETCHED)
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    asked = False
    for number, link in enumerate(links, start=1):
        path = folder / link.split / link.name
        found = _there(path, known.get((link.split, link.url)))
        new = found is None
        if found is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            if asked:
                manners.sleep(manners.delay)
            found, asked = download(link.url, path, manners), True
        rows[link.split, link.url] = asdict(link) | asdict(found)
        if new or number == len(links):
            noted = known | rows
            _write(folder / FETCHED, [noted.get((one.split, one.url)) for one in links])
        if progress:
            progress(number, len(links), link.name)
    return dict(Counter(row["status"] for row in rows.values()))


def _list(path: Path, split: str) -> list[Link]:
    if not path.is_file():
        raise InputError(f"--ubc: {path}: no such file; expected a list with one address a line")
    found: dict[str, Link] = {}
    names: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8-sig", errors="replace").splitlines(), start=1):
        url = line.strip()
        if not url or url.startswith("#") or url in found:
            continue
        parts = urlsplit(url)
        name = clean(unquote(parts.path.rsplit("/", 1)[-1]))  # unquote, not unquote_plus: + stays
        if parts.scheme not in ("http", "https") or not parts.netloc or Path(name).suffix.lower() not in VIDEOS:
            raise InputError(f"{path}, line {number}: found {url[:80]!r}; expected the http address of a video")
        if name.lower() in names:
            raise InputError(f"{path}, line {number}: {url} has the name of {names[name.lower()]}; expected one each")
        names[name.lower()] = url
        found[url] = Link(url, name, split)
    return list(found.values())


def _there(path: Path, row: dict[str, Any] | None) -> Fetched | None:
    """What is known of a link that needs no request; None where it needs one."""
    if row and row["status"] == "dead":
        return Fetched("dead", row["detail"])
    if not path.is_file():
        return None
    size = path.stat().st_size
    if row and row["status"] == "ok" and row["bytes"] == size:
        return Fetched("ok", "", size, row["sha256"])
    # Only whole files get their name; the run that fetched this one was stopped before it was noted.
    return Fetched("ok", "", size, hash_of(path))


def _known(path: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """The rows of fetched.jsonl by split and address; a line that cannot be read is as if it were not there."""
    rows = {}
    for text in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            row = json.loads(text)
            rows[row["split"], row["url"]] = {"detail": "", "bytes": 0, "sha256": ""} | row
        except (ValueError, KeyError, TypeError):
            continue
    return rows


def _write(path: Path, rows: Sequence[dict[str, Any] | None]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as (temporary,):
        temporary.write_text(as_lines(row for row in rows if row), encoding="utf-8")
