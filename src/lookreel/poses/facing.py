"""Where a body faces, in whole turns: the angle that `view.py` gives without its sign, and the sign from the face."""

from __future__ import annotations

from typing import Literal

import numpy as np

from lookreel.poses.draw import visible
from lookreel.poses.skeleton import L_EAR, NECK, NOSE, R_EAR
from lookreel.poses.view import BORDER, WIDTH, orientation, turned, view

Heading = Literal["left", "right"]

_NOSE = 0.17  # how far the nose is ahead of the neck, in heights of the torso
_EARS = 0.6  # sin(yaw) that is told by an ear that the head hides
_PLAIN = 0.3  # sin(|yaw|) from which the sign matters


def yaws(keypoints: np.ndarray) -> np.ndarray:
    """Yaw (F,) in radians of keypoints (F, 18, 3): 0 faces the camera, positive turns the face to the picture's right.

    The shoulders tell how far the body is turned, the nose and the ears to which side; where they do not, the frames
    around do. Without shoulders and hips in any frame all are 0.
    """
    keypoints = np.asarray(keypoints, np.float64)
    r = orientation(keypoints)
    known = np.flatnonzero(np.isfinite(r))
    if not len(known):
        return np.zeros(len(keypoints))
    r = np.interp(np.arange(len(r)), known, r[known])
    away = turned(r, width_of(r))
    return np.copysign(away, _side(keypoints, away))


def heading(keypoints: np.ndarray) -> Heading | None:
    """Where in the picture a body seen from its side looks; None from front or back, or where its head cannot tell.

    keypoints: (18, 3), x, y and confidence. The nose tells, or the one ear that is seen where the nose is not.
    """
    if view(keypoints) != "side":
        return None
    told = float(_face(np.asarray(keypoints, np.float64)[None])[0])
    return "right" if told > _PLAIN else "left" if told < -_PLAIN else None


def width_of(r: np.ndarray) -> float:
    """|r| of this body seen from the front, from orientations r (F,); the usual one where it is never seen so."""
    widest = float(np.nanmax(np.abs(r), initial=0.0))
    return widest if widest >= BORDER else WIDTH


def _side(keypoints: np.ndarray, away: np.ndarray) -> np.ndarray:
    """Positive (F,) where the face is turned to the picture's right."""
    told = _face(keypoints)
    told[(np.sin(away) > _PLAIN) & (np.abs(told) < _PLAIN / 2)] = np.nan  # turned, but the face says it is not
    known = np.flatnonzero(np.isfinite(told))
    if not len(known):
        return np.ones(len(told))
    return np.interp(np.arange(len(told)), known, told[known])


def _face(keypoints: np.ndarray) -> np.ndarray:
    """sin(yaw) (F,) as far as nose and ears tell it; NaN where neither is seen."""
    there = visible(keypoints)
    torso = np.nanmedian(_torso(keypoints))
    ahead = (keypoints[:, NOSE, 0] - keypoints[:, NECK, 0]) / max(_NOSE * torso, 1e-6)
    ears = _EARS * (there[:, R_EAR].astype(float) - there[:, L_EAR])
    unseen = ~(there[:, R_EAR] | there[:, L_EAR])
    by_ears = np.where(unseen, np.nan, ears)
    return np.where(there[:, NOSE] & there[:, NECK], np.clip(ahead, -1, 1), by_ears)


def _torso(keypoints: np.ndarray) -> np.ndarray:
    """Pixels (F,) from neck to hips; NaN where either is absent. At least one number is there where r is."""
    from lookreel.poses.bones import MID_HIP, with_middle

    points = with_middle(keypoints)
    there = visible(points)[:, [NECK, MID_HIP]].all(1)
    length = np.linalg.norm(points[:, NECK, :2] - points[:, MID_HIP, :2], axis=1)
    return np.where(there, length, np.nan) if there.any() else np.ones(len(points))
