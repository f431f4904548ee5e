"""How badly a motion's body fits the photographed one, before any film is made."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lookreel.poses.bones import PARTS, WIDTHS, rebuild
from lookreel.poses.draw import visible
from lookreel.poses.stand import Stand, lowest, middle, stand

THRESHOLD = 0.05  # above it a difference is easily seen
_TOLD = 1.1  # parts that differ by more than this are named
_UNSTEADY = ("face",)  # changes with every turn of the head


@dataclass(frozen=True)
class Mismatch:
    """How far two bodies are apart; 0 where they are one.

    place: the mean distance, in heights of the photographed body (neck to ankle), between its joints and where they
        would be if the motion's body took its pose.
    limbs: the mean of |log ratio| over the parts, without the face.
    parts: how many times longer each part of the motion's body is.
    """

    place: float
    limbs: float
    parts: dict[str, float]

    @property
    def score(self) -> float:
        """The greater of place and limbs: either alone spoils a film."""
        return max(self.place, self.limbs)

    @property
    def fits(self) -> bool:
        return self.score <= THRESHOLD

    def told(self) -> str:
        """The score and the parts that differ most, for a reader."""
        steady = ((part, ratio) for part, ratio in self.parts.items() if part not in _UNSTEADY)
        apart = sorted(steady, key=lambda item: -abs(np.log(item[1])))
        named = [f"{part} {ratio:.2f}" for part, ratio in apart if abs(np.log(ratio)) > np.log(_TOLD)]
        return f"{self.score:.2f}" + (f" ({', '.join(named[:3])} times the photo's)" if named else "")


def mismatch(motion: np.ndarray, body: np.ndarray) -> Mismatch | None:
    """motion: keypoints (F, 18, 3); body: (18, 3) of the photo, in the same picture; None where shoulders and hips of
    either are nowhere visible, so that nothing can be said."""
    driving, photographed = stand(motion), stand(body[None])
    if driving is None or photographed is None:
        return None
    parts = ratios(driving, photographed)
    general = parts_mean(parts)
    posed = rebuild(body[None], parts, general)
    posed[..., 0] += driving.middle - middle(posed)[0]
    anchor = next((name for name in photographed.lowest if name in driving.lowest), None)
    if anchor:
        posed[..., 1] += driving.lowest[anchor] - lowest(posed, anchor)[0]
    there = visible(body)
    away = np.linalg.norm(posed[0, there, :2] - body[there, :2], axis=1)
    apart = [abs(np.log(ratio)) for part, ratio in parts.items() if part not in _UNSTEADY]
    rounded = {part: round(ratio, 3) for part, ratio in parts.items()}
    return Mismatch(float(away.mean() / photographed.height), float(np.mean(apart or [0])), rounded)


def ratios(a: Stand, b: Stand) -> dict[str, float]:
    """Length of each part of `a` in lengths of `b`; widths only where neither is turned."""
    turned = a.turned or b.turned
    known = [part for part in PARTS if part in a.lengths and part in b.lengths and not (turned and part in WIDTHS)]
    return {part: a.lengths[part] / b.lengths[part] for part in known}


def parts_mean(parts: dict[str, float]) -> float:
    """One scale for parts that were not compared: the geometric mean of those that were."""
    return float(np.exp(np.mean(np.log(list(parts.values()))))) if parts else 1.0
