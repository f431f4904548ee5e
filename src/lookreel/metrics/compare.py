"""One generated clip against its truth: every value that a report needs of the pair, with its floors and baseline.

Beside the generated clip three others are put through the same code: the truth itself, the truth after H.264 by our own
writer (nobody's film can be nearer), and a reference frame repeated (what a model would reach that copies its photo).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from lookreel.metrics import frames as footage
from lookreel.metrics import knowledge
from lookreel.metrics.clip import Clip
from lookreel.metrics.pair import Pair, load
from lookreel.metrics.protocol import Protocol, apart
from lookreel.poses.track import Track

SIDES = ("generated", "truth", "codec", "reference")
AGAINST = "against"  # whose features every side's are compared with


@dataclass(frozen=True)
class Side:
    """What one of SIDES reaches against the truth.

    at: the frames that `pictures` counts. pictures: by metric one value for each of them, NaN where there is none.
    garment: by metric one value for the clip.
    """

    at: list[int]
    pictures: dict[str, list[float]]
    garment: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """All values of one pair. picked: the frames of the paired metrics; views: the side each frame shows, or None."""

    name: str
    frames: int
    fps: float
    sizes: dict[str, list[int]]
    sha256: dict[str, str]
    references: list[int]
    picked: list[int]
    views: list[str | None]
    sides: dict[str, Side]
    skipped: dict[str, str]
    curves: dict[str, list[list[float]]]
    warnings: list[str]


def compare(
    pair: Pair, protocol: Protocol, weights: Path | None, detector: str | None = None
) -> tuple[Outcome, dict[str, np.ndarray]]:
    """The outcome of a pair, and the features of its film metrics by "side:metric", each float64 (N, D).

    detector: finds the poses of a generated clip that brings none, and those of the truth for the floor.
    Raises InputError where a file cannot be read or the two do not fit together.
    """
    pair.check()
    generated, truth, warnings = load(pair, protocol)
    picked, everywhere, remark = _counted(protocol, truth)
    outcome = Outcome(
        name=pair.name,
        frames=len(truth.frames),
        fps=truth.fps,
        sizes={side: list(facts.size) for side, facts in zip(("generated", "truth"), pair.facts, strict=True)},
        sha256={side: facts.sha256 for side, facts in zip(("generated", "truth"), pair.facts, strict=True)},
        references=list(truth.references),
        picked=picked,
        views=knowledge.views(pair.truth, truth.track, len(truth.frames)),
        sides={},
        skipped={},
        curves={},
        warnings=warnings + remark,
    )
    features: dict[str, np.ndarray] = {}
    found = None
    if detector is not None and protocol.garment and generated.track is None:
        from lookreel.metrics.found_poses import found_poses

        fits = pair.fits(protocol)
        generated = replace(generated, track=found_poses(detector, pair.generated.path, fits[0], truth.fps))
        found = found_poses(detector, pair.truth.path, fits[1], truth.fps)
    for side, clip in _sides(pair, protocol, generated, truth, found):
        at = everywhere if side == "generated" else picked
        garment = _garment(clip, truth, outcome, side) if protocol.garment else {}
        outcome.sides[side] = Side(at, _pictures(clip, truth, at, protocol, weights), garment)
        for metric in _networks(protocol.film, weights, "film"):
            features[f"{side}:{metric.name}"] = np.asarray(metric.features(clip))
            if side == "truth":  # the side that all four are compared with
                features[f"{AGAINST}:{metric.name}"] = np.asarray(metric.of_truth(clip))
    return outcome, features


def _counted(protocol: Protocol, truth: Clip) -> tuple[list[int], list[int], list[str]]:
    """The frames of the paired metrics, all frames but the references, and a warning where the rule finds none."""
    everywhere = apart(len(truth.frames), truth.references)
    picked = protocol.frames.picked(len(truth.frames), truth.references)
    if picked:
        return picked, everywhere, []
    return everywhere, everywhere, [f"no frame lies {protocol.frames.distance} from a reference: all others count"]


def _sides(
    pair: Pair, protocol: Protocol, generated: Clip, truth: Clip, found: Track | None
) -> Iterator[tuple[str, Clip]]:
    """The four clips in turn; each is made when its turn comes, so that one at a time is held beside the truth.

    found: the poses that a detector finds in the truth, or None. A true clip's own poses are what it is compared with,
    and say nothing about how well poses are found.
    """
    first = truth.references[0] if truth.references else 0
    repeated = np.broadcast_to(truth.frames[first], truth.frames.shape)
    still = truth.track and replace(truth.track, keypoints=truth.track.keypoints[[first] * len(truth.frames)])
    yield "generated", generated
    yield "truth", replace(truth, track=found)
    yield "codec", replace(generated, frames=_through_codec(pair, protocol, truth.fps), track=None)
    yield "reference", replace(generated, frames=repeated, track=still)


def _through_codec(pair: Pair, protocol: Protocol, fps: float) -> np.ndarray:
    """The truth's frames written as H.264 at their own size and read again, then laid as the truth is."""
    from lookreel.video import write_video

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "codec.mp4"
        pictures = (frame.transpose(2, 0, 1) for frame in footage.stream(pair.truth.path))
        write_video(path, pictures, fps, pair.facts[1].size)
        height, width = pair.facts[1].size  # odd sizes come back padded
        return np.stack([pair.fits(protocol)[1].frame(f[:height, :width]) for f in footage.stream(path)])


def _pictures(
    clip: Clip, truth: Clip, at: Sequence[int], protocol: Protocol, weights: Path | None
) -> dict[str, list[float]]:
    """The paired metrics at those frames, over the whole picture and over each mask."""
    from lookreel.metrics import picture

    ours, theirs = clip.frames[list(at)], truth.frames[list(at)]
    values = {name: getattr(picture, name)(ours, theirs) for name in protocol.pictures}
    for region, mask in truth.masks.items():
        for name in protocol.masked if region != "unoccluded" else ():
            values[f"{name}_{region}"] = getattr(picture, name)(ours, theirs, mask[list(at)])
    for metric in _networks(protocol.networks, weights, "paired"):
        values[metric.name] = metric.values(ours, theirs)
    return {name: [float(value) for value in row] for name, row in values.items()}


def _garment(clip: Clip, truth: Clip, outcome: Outcome, side: str) -> dict[str, float]:
    """The garment metrics of a clip; what could not be measured, and the drift's curves, go into the outcome.

    The truth's own values are left to its side.
    """
    from lookreel.metrics import garment

    found = garment.measure(clip, truth)
    if side == "generated":
        outcome.skipped.update(found.skipped)
        for name, (times, distances) in found.curves.items():
            outcome.curves[name] = [[float(time) for time in times], [float(value) for value in distances]]
    return {name: float(value) for name, value in found.values.items() if not name.endswith("_truth")}


@lru_cache(maxsize=4)
def _networks(names: tuple[str, ...], weights: Path | None, kind: str) -> tuple[Any, ...]:
    """The metrics of those names whose weights are there, loaded once in a process; kind: "paired" or "film"."""
    if weights is None:
        return ()
    from lookreel.metrics import film, paired

    loaded = ({"paired": paired, "film": film}[kind].load(name, weights) for name in names)
    return tuple(metric for metric in loaded if hasattr(metric, "weights"))
