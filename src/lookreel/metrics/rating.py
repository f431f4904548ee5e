"""A blind rating page, ProFashion's human study (section 4.3): 13 volunteers gave each film three scores from 0 to 5.

The page holds the films under hashed ids, all encoded alike; which film is whose stands only in key.json.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from PIL import Image

from lookreel.assets import HERE
from lookreel.errors import InputError
from lookreel.metrics import frames as footage
from lookreel.metrics import knowledge
from lookreel.metrics.folders import Stored, find_clips
from lookreel.metrics.frames import Facts, facts
from lookreel.metrics.geometry import Fit
from lookreel.metrics.page import document
from lookreel.outputs import whole

HIGHEST = 512  # rows of a film on the page, at most
SCORES = range(6)


@dataclass(frozen=True)
class Question:
    """One of the three scores: its id in files, its title, and what is asked."""

    id: str
    title: str
    asked: str
    worst: str
    best: str


QUESTIONS = (
    Question("character", "Character", "Does the person look real, and stay the same person?", "not at all", "fully"),
    Question("clothing", "Clothing", "Are the garment's details right: cut, colours, print?", "all wrong", "all right"),
    Question("motion", "Motion", "Does the motion flow, without flicker or jumps?", "broken", "smooth"),
)


@dataclass(frozen=True)
class Entry:
    """A film of the page: whose it is, which clip it shows, and its id there."""

    id: str
    method: str
    clip: Stored
    facts: Facts


def write_rating(
    folders: Sequence[Path],
    out: Path,
    truth: Path | None = None,
    seed: int = 0,
    force: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Write out/index.html, the page for raters, and out/key.json, which says whose film is whose.

    folders: one a method, with clips of the same names. truth: the true clips, whose reference frames the page shows
    beside a film. seed: another one gives other ids and orders.
    Returns the key. Raises InputError where no clip is in all folders, one cannot be read, or a page is there.
    """
    _check_out(out, folders, force)
    clips = _common(folders)
    known = find_clips(truth, "--truth") if truth else {}
    methods = _names(folders)
    hashes = {(method, name): facts(clips[method][name].path) for method in methods for name in clips[method]}
    _check_alike(hashes, methods)
    secret = hashlib.sha256(json.dumps([seed, sorted(f.sha256 for f in hashes.values())]).encode()).hexdigest()
    entries = [
        Entry(hashlib.sha256(f"{secret}/{method}/{name}".encode()).hexdigest()[:12], method, clips[method][name], found)
        for (method, name), found in hashes.items()
    ]
    entries.sort(key=lambda entry: entry.id)
    films = []
    for number, entry in enumerate(entries, 1):
        fps = max(hashes[method, entry.clip.name].fps for method in methods) or knowledge.FPS
        films.append({"id": entry.id, "mp4": _film(entry, fps), "photos": _photos(known.get(entry.clip.name))})
        progress(number, len(entries))
    key = {
        "kind": "lookreel rating key",
        "page": hashlib.sha256(f"{secret}/page".encode()).hexdigest()[:16],
        "seed": seed,
        "questions": [question.id for question in QUESTIONS],
        "methods": dict(zip(methods, map(str, folders), strict=True)),
        "films": {e.id: {"method": e.method, "clip": e.clip.name, "sha256": e.facts.sha256} for e in entries},
    }
    out.mkdir(exist_ok=True)
    with whole(out / "index.html", out / "key.json") as (as_page, as_key):
        as_page.write_text(_page(key["page"], films), encoding="utf-8")
        as_key.write_text(json.dumps(key, indent=2) + "\n", encoding="utf-8")
    return key


def _check_out(out: Path, folders: Sequence[Path], force: bool) -> None:
    if not out.parent.is_dir():
        raise InputError(f"--out: {out}: the folder {out.parent} does not exist; make it first")
    if out.exists() and not out.is_dir():
        raise InputError(f"--out: {out}: a file; expected the folder of the rating page")
    if out.resolve() in [folder.resolve() for folder in folders]:
        raise InputError(f"--out: {out}: the folder of the films; expected a folder of its own")
    there = [name for name in ("index.html", "key.json") if (out / name).exists()]
    if there and not force:
        raise InputError(f"--out: {out / there[0]}: exists already; --force makes the page anew")


def _common(folders: Sequence[Path]) -> dict[str, dict[str, Stored]]:
    """By method the clips that every folder has, by name."""
    found = [find_clips(folder, "--rate") for folder in folders]
    shared = sorted(set.intersection(*(set(clips) for clips in found)))
    if not shared:
        raise InputError(
            f"--rate: no clip is in all of {', '.join(map(str, folders))}; expected the same names in each"
        )
    return {
        method: {name: clips[name] for name in shared} for method, clips in zip(_names(folders), found, strict=True)
    }


def _names(folders: Sequence[Path]) -> list[str]:
    """A name for each folder: its own where these differ, else its whole path."""
    resolved = [folder.resolve() for folder in folders]
    if len(set(resolved)) < len(resolved):
        raise InputError(f"--rate: {', '.join(map(str, folders))}: one folder twice; expected one a method")
    names = [path.name for path in resolved]
    return names if len(set(names)) == len(names) else [str(path) for path in resolved]


def _check_alike(hashes: dict[tuple[str, str], Facts], methods: Sequence[str]) -> None:
    """Raise InputError where the films of one clip could be told apart by their shape or length."""
    for method, name in hashes:
        first, other = hashes[methods[0], name], hashes[method, name]
        if first.size[0] * other.size[1] != first.size[1] * other.size[0]:
            raise InputError(
                f"--rate: {name}: {first.size} by {methods[0]}, {other.size} by {method}; expected one shape"
            )
        if first.frames and other.frames and first.frames != other.frames:
            raise InputError(
                f"--rate: {name}: {first.frames} frames by {methods[0]}, {other.frames} by {method}; expected as many"
            )


def _film(entry: Entry, fps: float) -> str:
    """The film encoded anew, without tags and at most HIGHEST rows high, in base64."""
    from lookreel.video import write_video

    height, width = entry.facts.size
    rows = min(height, HIGHEST) // 2 * 2
    fit = Fit.to((height, width), (height, width), (rows, max(2, round(width * rows / height / 2) * 2)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        pictures = (fit.frame(frame).transpose(2, 0, 1) for frame in footage.stream(entry.clip.path))
        write_video(path, pictures, fps, fit.size)
        return base64.b64encode(path.read_bytes()).decode()


def _photos(clip: Stored | None) -> list[str]:
    """The frames of a true clip that a model was shown, as small JPEG in base64."""
    if clip is None:
        return []
    count = facts(clip.path).frames or sum(1 for _ in footage.stream(clip.path))
    photos = []
    for number in knowledge.references(clip, count) or (0,):
        picture = Image.fromarray(footage.frame(clip.path, number))
        picture.thumbnail((260, 260))
        content = io.BytesIO()
        picture.save(content, "JPEG", quality=88)
        photos.append(base64.b64encode(content.getvalue()).decode())
    return photos


def _page(mark: str, films: Sequence[dict[str, Any]]) -> str:
    """The page: styles, questions, films and script in one file."""
    questions = [vars(question) for question in QUESTIONS]
    styles, script = ((HERE / "pages" / f"rating.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    facts_of_page = json.dumps({"id": mark, "questions": questions})
    top = "<h1>How good are these films?</h1>"
    data = (
        f'<script type="application/json" id="page">{facts_of_page}</script>\n'
        f'<script type="application/json" id="films">{json.dumps(films)}</script>\n'
        f"<script>\n{script}</script>\n"
    )
    body = (HERE / "pages" / "rating.html").read_text(encoding="utf-8")
    body = body.replace("<!-- questions -->", "\n".join(_fieldset(question) for question in QUESTIONS))
    return document("Rating fashion films", top, f"<style>\n{styles}</style>\n{body}", data)


def _fieldset(question: Question) -> str:
    scores = "".join(
        f'<label><input type="radio" name="{question.id}" value="{score}"><span>{score}</span></label>'
        for score in SCORES
    )
    return (
        f'<fieldset><legend>{escape(question.title)}</legend><p class="soft small">{escape(question.asked)}</p>'
        f'<div class="scores">{scores}</div>'
        f'<div class="ends" aria-hidden="true"><span>0 {question.worst}</span><span>{question.best} 5</span></div>'
        "</fieldset>"
    )
