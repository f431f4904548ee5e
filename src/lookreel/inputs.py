"""Everything a film is made from, made ready before any diffusion: photos with poses, and a motion that fits them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lookreel.errors import InputError
from lookreel.photo_pose import pose_of
from lookreel.photos import HOW_TO_GIVE_POSES, Photo, Picture, as_photos, name_of, open_photo, photo_size, whole_photo
from lookreel.poses.align import Aligned, How, align
from lookreel.poses.coverage import Coverage, coverage
from lookreel.poses.layout import to_openpose18
from lookreel.poses.motions import Motion, load_motion
from lookreel.poses.track import Track
from lookreel.poses.view import orientation

if TYPE_CHECKING:
    from lookreel.poses.finder import Finder

_LOOKED_AT = 1280  # pixels of a photo's longer side; detectors see no more


@dataclass(frozen=True)
class Inputs:
    """photos, motion: ready for `System.animate`. aligned, coverage: None where there is no motion.

    notices: what a user should know, not wrong. warnings: what will probably look wrong.
    detector: its name and hashes, where poses were found.
    """

    photos: list[Photo]
    motion: Motion | None
    aligned: Aligned | None = None
    coverage: Coverage | None = None
    notices: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    detector: dict[str, Any] | None = None

    def record(self) -> dict[str, Any]:
        """What a sidecar keeps beyond what the film says of itself."""
        found: dict[str, Any] = {"notices": self.notices, "detector": self.detector}
        if self.aligned:
            found["alignment"] = self.aligned.record()
        if self.coverage:
            found["views"] = self.coverage.record()
        return found


def gather(
    photos: Sequence[Photo | Picture] | Photo | Picture,
    motion: str | os.PathLike | Track | Motion | None,
    size: tuple[int, int],
    *,
    finder: Finder | None = None,
    frames: int | None = None,
    how: How | None = None,
    shift: tuple[float, float] = (0.0, 0.0),
    scale: float = 1.0,
    strict: bool = False,
    progress: Callable[[int, int], object] | None = None,
) -> Inputs:
    """Find the poses that are not given, fit the motion to the photographed body, and see what the photos cover.

    photos, motion: as for `System.animate`. size: (H, W) of the film. finder: finds the poses of photos and of a plain
    video; None finds none. frames: only so many of the motion. how, shift, scale: as for `poses.align.align`.
    strict: what would be a warning is an InputError. progress(done, total): while a video's poses are found.
    Raises InputError where an input is wrong, and where one of several photos has no pose.
    """
    given = as_photos(photos)
    needed = len(given) > 1 or how in ("global", "limbs") or strict
    posed = [_posed(photo, finder, needed) for photo in given]
    ready = [photo for photo, _ in posed]
    missing = [name_of(photo) for photo in ready if needed and photo.keypoints is None]
    if missing:
        raise InputError(_no_pose(missing, len(given), finder))
    notices = _found([name_of(photo) for photo, was_found in posed if was_found], finder)
    if motion is None:
        return Inputs(ready, None, notices=notices, detector=finder.record() if finder else None)
    moving = load_motion(motion, finder, progress)
    bodies = [open_photo(photo, size, beside=False).keypoints for photo in ready]
    aligned = _aligned(moving.track, _front_most(bodies), size, how, shift, scale)
    seen = coverage(bodies, aligned.track[:frames])
    warnings = [*seen.warnings(), *_unfit(aligned)]
    if strict and not any(seen.photos):
        raise InputError("--strict: no photo shows shoulders and hips, so nobody can tell which side it shows")
    if strict and warnings:
        raise InputError(f"--strict: {'; '.join(warnings)}")
    notices += [*moving.notices, *_short(moving, frames), *_fitted(aligned, moving)]
    if aligned.how != "none" or scale != 1 or shift != (0, 0):
        moving = replace(moving, track=aligned.track, pictures=None)
    detector = finder.record() if finder else None
    return Inputs(ready, moving.first(frames), aligned, seen, notices, warnings, detector)


def fit_to_photo(
    track: Track,
    photo: Photo,
    finder: Finder | None = None,
    how: How | None = None,
    shift: tuple[float, float] = (0.0, 0.0),
    scale: float = 1.0,
) -> tuple[Aligned, np.ndarray]:
    """Fit a track to the person in a photo, in the photo's own pixels; and the photo, uint8 (1, 3, h, w), to look at.

    Arguments as for `gather`. Raises InputError where the photo's pose is not known and cannot be found.
    """
    posed, _ = _posed(photo, finder, True)
    size = photo_size(photo)
    body = pose_of(posed.keypoints, photo.image, name_of(photo), size)
    if body is None:
        raise InputError(_no_pose([name_of(photo)], 1, finder))
    aligned = _aligned(to_openpose18(track), body, size, how, shift, scale)
    return aligned, whole_photo(photo, _LOOKED_AT).transpose(2, 0, 1)[None]


def _aligned(
    track: Track,
    body: np.ndarray | None,
    size: tuple[int, int],
    how: How | None,
    shift: tuple[float, float],
    scale: float,
) -> Aligned:
    """`align`, or InputError where a fit was asked for and cannot be made."""
    aligned = align(track, body, size, how, shift, scale)
    if how not in (None, aligned.how):
        raise InputError(f"align: {how} asked for; expected shoulders and hips visible in a photo and in the motion")
    return aligned


def _short(motion: Motion, frames: int | None) -> list[str]:
    """A line where the motion has fewer frames than were asked for."""
    there = len(motion.track)
    return [] if frames is None or frames <= there else [f"frames: {frames} asked for; {motion.name} has {there}"]


def _posed(photo: Photo, finder: Finder | None, needed: bool) -> tuple[Photo, bool]:
    """The photo with its pose, as far as one is needed and can be had, and whether the finder found it."""
    if photo.keypoints is not None or not (needed or photo.crop == "person"):
        return photo, False
    keypoints = pose_of(None, photo.image, name_of(photo), photo_size(photo))
    found = keypoints is None and finder is not None
    if found:
        keypoints = _find(photo, finder)
    return replace(photo, keypoints=keypoints), found and keypoints is not None


def _find(photo: Photo, finder: Finder) -> np.ndarray | None:
    """Keypoints (18, 3) of the person, in pixels of the upright photo."""
    from lookreel.poses.finder import need_body

    seen = whole_photo(photo, _LOOKED_AT)
    keypoints = finder.pose(seen, name_of(photo))
    if keypoints is None:
        return None
    need_body(keypoints, name_of(photo))
    height, width = photo_size(photo)
    scale = np.array([width / seen.shape[1], height / seen.shape[0]], np.float32)
    there = keypoints[:, 2:] > 0
    return np.where(there, np.column_stack([(keypoints[:, :2] + 0.5) * scale - 0.5, keypoints[:, 2]]), 0).astype("f4")


def _no_pose(missing: list[str], count: int, finder: Finder | None) -> str:
    why = "with several photos each needs one" if count > 1 else "alignment and --strict need one"
    tried = ""
    if finder is not None and finder.detector is not None:
        tried = "; the bundled detector is not sure of a person there (--detector dwpose looks again)"
    return f"{', '.join(missing)}: no pose known; {why}: {HOW_TO_GIVE_POSES}{tried}"


def _found(names: list[str], finder: Finder | None) -> list[str]:
    """A line about the photos whose pose the finder found."""
    if not names or finder is None or finder.detector is None:
        return []
    return [f"{', '.join(names)}: pose found by the detector {finder.detector.name}"]


def _front_most(bodies: Sequence[np.ndarray | None]) -> np.ndarray | None:
    """The pose that faces the camera most; without one, the one that shows most of the back."""
    known = [body for body in bodies if body is not None and np.isfinite(orientation(body))]
    if not known:
        return None
    front = min(known, key=lambda body: float(orientation(body)))
    return front if orientation(front) < 0 else max(known, key=lambda body: abs(float(orientation(body))))


def _unfit(aligned: Aligned) -> list[str]:
    if aligned.after is None or aligned.after.fits:
        return []
    advice = "" if aligned.how == "limbs" else "; --align limbs fits it"
    return [f"the motion's body does not fit the photographed one: mismatch {aligned.after.told()}{advice}"]


def _fitted(aligned: Aligned, motion: Motion) -> list[str]:
    if aligned.how == "none" or aligned.before is None or aligned.after is None:
        return []
    line = f"motion fitted to the photographed body ({aligned.how}): mismatch {aligned.before.told()} before"
    redrawn = "; the skeletons of the video are drawn anew" if motion.pictures is not None else ""
    return [f"{line}, {aligned.after.score:.2f} after{redrawn}"]
