"""One file from the web: slowly, in several goes where need be, and whole or not at all."""

from __future__ import annotations

import hashlib
import http.client
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lookreel import __version__
from lookreel.errors import InputError
from lookreel.outputs import room_for

_CHUNK = 1 << 16
_FOR_GOOD = (400, 401, 403, 404, 405, 410, 451)  # asking again brings the same answer
_LONGEST_WAIT = 60.0  # seconds; a server that wants more is asked in another run


@dataclass(frozen=True)
class Manners:
    """delay: seconds before every request but the first. retries: of one that failed for now. timeout: seconds."""

    delay: float = 1.0
    retries: int = 3
    timeout: float = 30.0
    sleep: Callable[[float], None] = field(default=time.sleep, compare=False)


@dataclass(frozen=True)
class Fetched:
    """status: "ok"; "dead", for good; "failed", to be tried again. detail: why. bytes, sha256: of a whole file."""

    status: str
    detail: str = ""
    bytes: int = 0
    sha256: str = ""


def download(url: str, path: Path, manners: Manners) -> Fetched:
    """Fetch a file to `path`. What came of it in an earlier go, in `.NAME.part` beside it, is gone on from where the
    server says that it is still the same file. Raises InputError where the disk is full or cannot be written to."""
    part = path.with_name(f".{path.name}.part")
    told, wait = "", 0.0
    for go in range(manners.retries + 1):
        if go:
            manners.sleep(max(wait, min(_LONGEST_WAIT, manners.delay * 2**go)))
            wait = 0.0
        try:
            with room_for(path):
                told = _go_on(url, part, manners.timeout)
        except urllib.error.HTTPError as error:
            told = f"HTTP {error.code} {error.reason}"
            if error.code in _FOR_GOOD:
                return Fetched("dead", told)
            if error.code == 416:
                part.unlink(missing_ok=True)
            wait = _wanted_wait(error)
            if wait > _LONGEST_WAIT:
                return Fetched("failed", f"{told}, asks to wait {wait:.0f} s")
        except InputError:
            raise
        except (OSError, http.client.HTTPException) as error:
            told = f"{type(error).__name__}: {getattr(error, 'reason', error)}"
        else:
            if not told:
                return _finished(part, path)
            if told.startswith("answers"):
                return Fetched("dead", told)
    return Fetched("failed", told)


def _go_on(url: str, part: Path, timeout: float) -> str:
    """Ask for the rest of a file and add it to its part; returns "" when it is whole, else what is wrong."""
    known = _known(part)
    offset = part.stat().st_size if known else 0
    if offset and offset == known["total"]:
        return ""
    headers = {"User-Agent": f"lookreel/{__version__}"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
        if known.get("validator"):
            headers["If-Range"] = known["validator"]
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=timeout) as answer:
        kind = answer.headers.get_content_type()
        if kind.startswith("text/"):
            return f"answers {kind}, which is no video"
        total = _total(answer, offset)
        if answer.status != 206 or total is None or total != known.get("total"):
            if answer.status == 206:  # of another file than the part is of
                part.unlink(missing_ok=True)
                return "the file on the server has changed"
            offset, total = 0, _length(answer)
            _note(part, {"total": total, "validator": _validator(answer)})
        with part.open("ab" if offset else "wb") as file:
            while chunk := answer.read(_CHUNK):
                file.write(chunk)
    size = part.stat().st_size
    return "" if total is None or size == total else f"broken off after {size} of {total} bytes"


def _finished(part: Path, path: Path) -> Fetched:
    with part.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    size = part.stat().st_size
    if size:
        part.replace(path)
    part.unlink(missing_ok=True)
    _notes(part).unlink(missing_ok=True)
    return Fetched("ok", "", size, digest) if size else Fetched("dead", "an empty file")


def _notes(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _note(part: Path, facts: dict[str, Any]) -> None:
    """Begin a part anew, and say of which file it is: the part goes first, so that the note never speaks of another."""
    part.unlink(missing_ok=True)
    _notes(part).write_text(json.dumps(facts), encoding="utf-8")


def _known(part: Path) -> dict[str, Any]:
    """What is known of the file that a part is of; nothing where it cannot be gone on with."""
    try:
        facts = json.loads(_notes(part).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    whole_size = isinstance(facts, dict) and facts.get("total")
    return facts if whole_size and part.is_file() else {}


def _total(answer: Any, offset: int) -> int | None:
    """The size of the whole file, of an answer that begins at `offset`."""
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", answer.headers.get("Content-Range", ""))
    return int(found[2]) if found and int(found[1]) == offset else None


def _length(answer: Any) -> int | None:
    length = answer.headers.get("Content-Length", "")
    return int(length) if length.isdigit() else None


def _validator(answer: Any) -> str | None:
    """What tells that the file is still the same; a weak tag does not."""
    tag = answer.headers.get("ETag")
    return tag if tag and not tag.startswith("W/") else answer.headers.get("Last-Modified")


def _wanted_wait(error: urllib.error.HTTPError) -> float:
    """Seconds that the server asks to wait; 0 where it does not say."""
    wanted = error.headers.get("Retry-After", "") if error.headers else ""
    return float(wanted) if wanted.isdigit() else 0.0
