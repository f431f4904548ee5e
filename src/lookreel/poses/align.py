"""A driving motion fitted to the photographed body: its limbs, its size, its place on the ground.

Poses taken from another body make long arms and wrong framing: the film follows the skeleton it is shown. The fit
compares the photo with the frames of the motion that face the camera most, where bones are seen in their full length,
and changes all frames alike, so what is foreshortened stays so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from lookreel.framing import fit_keypoints
from lookreel.poses.bones import UPRIGHT, rebuild
from lookreel.poses.mismatch import Mismatch, mismatch, ratios
from lookreel.poses.stand import Stand, lowest, middle, stand
from lookreel.poses.track import Track

How = Literal["none", "global", "limbs"]
HOWS = ("none", "global", "limbs")
_MOST = 2.0  # a limb that differs from the body's own scale by more is bent or hidden, not long


@dataclass(frozen=True)
class Aligned:
    """track: in pixels of the picture it was fitted to. how: what was done. before, after: how badly the motion's body
    fitted, None where it cannot be told. scales: how many times longer each part was made."""

    track: Track
    how: How
    before: Mismatch | None
    after: Mismatch | None
    scales: dict[str, float]

    def record(self) -> dict[str, Any]:
        """What a sidecar keeps of it."""
        scores = [None if m is None else round(m.score, 4) for m in (self.before, self.after)]
        return {"how": self.how, "mismatch_before": scores[0], "mismatch": scores[1], "scales": self.scales}


def align(
    track: Track,
    body: np.ndarray | None,
    size: tuple[int, int],
    how: How | None = None,
    shift: tuple[float, float] = (0.0, 0.0),
    scale: float = 1.0,
) -> Aligned:
    """Bring a track of 18 joints into a picture of `size` = (H, W), and fit it to the body photographed there.

    body: keypoints (18, 3) in pixels of `size`; None where no pose is known: nothing is fitted then.
    how: "none" keeps the motion's body; "global" scales and moves it as a whole; "limbs" gives each part the
        photographed length; None takes "none" where the mismatch is small (`mismatch.THRESHOLD`) or cannot be told,
        else "limbs". Feet stand where the photographed feet stand, and the middle of the way lies where the body is.
    shift: pixels to the right and down, scale: about the feet; both after all else, with any `how`.
    """
    fitted = replace(track, keypoints=fit_keypoints(track.keypoints, track.size, size), size=size, dense=None)
    before = None if body is None else mismatch(fitted.keypoints, body)
    if how is None:
        how = "none" if before is None or before.fits else "limbs"
    driving = stand(fitted.keypoints)
    photographed = None if body is None else stand(body[None])
    scales: dict[str, float] = {}
    if how != "none" and driving is not None and photographed is not None:
        keypoints, scales = _fit(fitted.keypoints, driving, photographed, how)
        fitted = replace(fitted, keypoints=keypoints)
    else:
        how = "none"
    if scale != 1 or shift != (0, 0):
        fitted = replace(fitted, keypoints=_moved(fitted.keypoints, shift, scale))
    after = None if body is None else mismatch(fitted.keypoints, body)
    return Aligned(fitted, how, before, after, {part: round(s, 4) for part, s in scales.items()})


def _fit(keypoints: np.ndarray, a: Stand, b: Stand, how: How) -> tuple[np.ndarray, dict[str, float]]:
    """The motion's keypoints (F, 18, 3) with the proportions and the place of the photographed body."""
    wanted = ratios(b, a)
    general = _general(wanted, a)
    scales = {part: float(np.clip(s, general / _MOST, general * _MOST)) for part, s in wanted.items()}
    if how == "global":
        scales = dict.fromkeys(scales, general)
    new = rebuild(keypoints, scales, general)
    x, new_x = middle(keypoints), middle(new)
    new[..., 0] += _steady(b.middle + general * (x - a.middle) - new_x)[:, None]
    anchor = next((name for name in b.lowest if name in a.lowest), None)
    if anchor:
        y, new_y = lowest(keypoints, anchor), lowest(new, anchor)
        new[..., 1] += _steady(b.lowest[anchor] + general * (y - a.lowest[anchor]) - new_y)[:, None]
    return new, scales


def _general(wanted: dict[str, float], a: Stand) -> float:
    """The scale of the body as a whole: its upright parts weighed by their length."""
    upright = [part for part in UPRIGHT if part in wanted] or list(wanted)
    weights = [a.lengths[part] for part in upright]
    return float(np.average([wanted[part] for part in upright], weights=weights)) if upright else 1.0


def _steady(values: np.ndarray) -> np.ndarray:
    """Values (F,) with NaN filled from the frames around; 0 where all are."""
    known = np.flatnonzero(np.isfinite(values))
    return np.interp(np.arange(len(values)), known, values[known]) if len(known) else np.zeros(len(values))


def _moved(keypoints: np.ndarray, shift: tuple[float, float], scale: float) -> np.ndarray:
    """Scaled about the place where the body stands, then shifted; absent joints, too, which does no harm."""
    body = stand(keypoints)
    y = next(iter(body.lowest.values()), 0.0) if body else 0.0
    centre = np.array([body.middle if body else 0.0, y])
    new = np.array(keypoints, np.float32)
    new[..., :2] = (new[..., :2] - centre) * scale + centre + np.array(shift)
    return new
