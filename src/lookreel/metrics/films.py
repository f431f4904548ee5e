"""The films of a report: truth, generated clip and their difference side by side, small enough to lie in a page."""

from __future__ import annotations

import base64
import io
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from lookreel.metrics import frames as footage
from lookreel.metrics.cards import card
from lookreel.metrics.compare import Outcome
from lookreel.metrics.geometry import Fit
from lookreel.metrics.pair import Pair
from lookreel.metrics.protocol import Protocol
from lookreel.metrics.summary import picked

HIGHEST, LOWEST, LONGEST = 256, 128, 96  # rows of a panel at most; those under LOWEST are doubled; frames at most
GAIN = 3  # differences are small: they are shown so many times larger


@dataclass(frozen=True)
class Shown:
    """One film of the page. place: "worst", "median" ...; value: its mean of the protocol's rank metric."""

    name: str
    place: str
    value: float
    mp4: bytes
    poster: bytes
    size: tuple[int, int]  # (H, W)


def shown(work: Sequence[Pair], outcomes: Sequence[Outcome], chosen: Protocol) -> list[Shown]:
    """The worst, the median and the best clip by the protocol's rank metric; fewer where there are fewer clips."""
    means = [float(np.nanmean(picked(outcome, "generated", chosen.rank))) for outcome in outcomes]
    order = sorted(range(len(means)), key=lambda i: means[i], reverse=card(chosen.rank).better == "lower")
    places = {order[0]: "worst", order[-1]: "best", order[(len(order) - 1) // 2]: "median"}
    if len(order) < 3:
        places = dict(zip(order, ("worst", "best") if len(order) == 2 else ("only",), strict=True))
    chosen_first = sorted(places, key=lambda i: ("worst", "median", "best", "only").index(places[i]))
    return [_film(work[i], outcomes[i], places[i], means[i]) for i in chosen_first]


def _film(pair: Pair, outcome: Outcome, place: str, value: float) -> Shown:
    from lookreel.video import write_video

    step = -(-outcome.frames // LONGEST)
    panels = [panel for number, panel in enumerate(_panels(pair)) if number % step == 0]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        write_video(path, (p.transpose(2, 0, 1) for p in panels), outcome.fps / step, panels[0].shape[:2])
        mp4 = path.read_bytes()
    poster = io.BytesIO()
    Image.fromarray(panels[len(panels) // 2]).save(poster, "JPEG", quality=80)
    return Shown(pair.name, place, value, mp4, poster.getvalue(), panels[0].shape[:2])


def _panels(pair: Pair):
    """Truth | generated | difference of every frame, uint8 (H, W, 3), in the shape of the generated clip."""
    generated, truth = (facts.size for facts in pair.facts)
    height = 2 * generated[0] if generated[0] < LOWEST else min(generated[0], HIGHEST)
    size = (height + height % 2, round(generated[1] * height / generated[0] / 2) * 2)
    ours, theirs = Fit.to(generated, generated, size), Fit.to(truth, generated, size)
    streams = footage.stream(pair.generated.path), footage.stream(pair.truth.path)
    for film, true in zip(*streams, strict=True):
        film, true = ours.frame(film), theirs.frame(true)
        apart = np.abs(film.astype(np.int16) - true) * GAIN
        yield np.concatenate([true, film, apart.clip(0, 255).astype(np.uint8)], axis=1)


def data_uri(kind: str, content: bytes) -> str:
    """The content inside a page, without any request."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
