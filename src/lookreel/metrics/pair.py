"""A generated clip and its truth: do they fit together, and what both are at the size of a protocol."""

from __future__ import annotations

from dataclasses import dataclass

from lookreel.errors import InputError
from lookreel.metrics import frames as footage
from lookreel.metrics import knowledge
from lookreel.metrics.clip import Clip
from lookreel.metrics.folders import Stored
from lookreel.metrics.frames import Facts
from lookreel.metrics.geometry import Fit
from lookreel.metrics.protocol import Protocol

LEAST_KEPT, QUIETLY_KEPT = 0.5, 0.98  # the part of the truth's picture that a crop to the generated shape leaves


@dataclass(frozen=True)
class Pair:
    """A generated clip and its truth on the disk."""

    generated: Stored
    truth: Stored
    facts: tuple[Facts, Facts]  # of the generated clip and of the truth

    @property
    def name(self) -> str:
        return self.truth.name

    def check(self) -> None:
        """Raise InputError where the two cannot be compared: another number of frames, or shapes far apart."""
        generated, truth = self.facts
        if generated.frames and truth.frames:
            check_count(self, generated.frames, truth.frames)
        kept = Fit.to(truth.size, generated.size, generated.size).kept
        if kept < LEAST_KEPT:
            (height, width), (true_height, true_width) = generated.size, truth.size
            raise InputError(
                f"{self.generated.path}: {width}x{height}; {self.truth.path} is {true_width}x{true_height}, of which a "
                f"crop to that shape leaves {kept:.0%}; expected at least {LEAST_KEPT:.0%}"
            )

    def fits(self, protocol: Protocol) -> tuple[Fit, Fit]:
        """How the generated clip and the truth are laid over each other."""
        generated, truth = (facts.size for facts in self.facts)
        size = protocol.size or generated
        return Fit.to(generated, generated, size), Fit.to(truth, generated, size)


def check_count(pair: Pair, generated: int, truth: int) -> None:
    """Raise InputError where a pair has different numbers of frames."""
    if generated != truth:
        raise InputError(f"{pair.generated.path}: {generated} frames; expected {truth}, as {pair.truth.path} has")


def load(pair: Pair, protocol: Protocol) -> tuple[Clip, Clip, list[str]]:
    """Both clips at the protocol's size with what the manifest knows, and the warnings about them."""
    fits = pair.fits(protocol)
    generated, truth = (footage.read(s.path, fit) for s, fit in zip((pair.generated, pair.truth), fits, strict=True))
    check_count(pair, len(generated), len(truth))
    count, fit = len(truth), fits[1]
    fps, known = knowledge.fps(pair.generated, pair.truth, (pair.facts[0].fps, pair.facts[1].fps))
    references = knowledge.references(pair.truth, count)
    warnings = [] if known else [f"no frame rate is known: {fps:g} frames per second are assumed"]
    told = pair.truth.known("sha256")
    if told is not None and pair.truth.path.is_file() and told != pair.facts[1].sha256:
        warnings.append("the true clip is not the one that the manifest was written for: its sha256 differs")
    if protocol.size is None and pair.facts[0].size != pair.facts[1].size:
        warnings.append("the truth is resized to the size of the generated clip")
    if fit.kept < QUIETLY_KEPT:
        warnings.append(f"the truth is cropped to the shape of the generated clip: {fit.kept:.0%} of it is compared")
    true = Clip(
        name=pair.name,
        frames=truth,
        fps=fps,
        track=knowledge.track(pair.truth, count, pair.facts[1].size, fit),
        masks=knowledge.masks(pair.truth, count, fit),
        flow=knowledge.flow(pair.truth, count, fit),
        references=references,
        boxes=knowledge.boxes(pair.truth, count, fit),
    )
    own = knowledge.track(pair.generated, count, pair.facts[0].size, fits[0])
    return Clip(name=pair.name, frames=generated, fps=fps, track=own, references=references), true, warnings
