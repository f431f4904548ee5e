"""Who looks for poses in raw pictures: the detector a user named, or the bundled one where it is sure."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lookreel.errors import InputError
from lookreel.poses import detect
from lookreel.poses.draw import visible
from lookreel.poses.layout import to_openpose18
from lookreel.poses.plausible import plausible
from lookreel.poses.skeleton import L_HIP, L_SHOULDER, R_HIP, R_SHOULDER
from lookreel.poses.track import Track

_LEAST_JOINTS = 10  # of 18, below which a pose is of a part of a body
_SURE = 0.6  # mean confidence of the visible joints, from which a detector nobody asked for is believed


class Finder:
    """A detector, loaded when the first picture needs it.

    name: "mini", "dwpose" or a folder, and then its result counts; None takes the bundled one, whose result counts
        only where it is sure and sees the same twice, because it learned from mannequins and not from people.
    weights: the folder with a detector's files. person: whom to take, 1 the largest; None the largest, where that is
        one.
    """

    def __init__(self, name: str | None = None, weights: Path | None = None, person: int | None = None) -> None:
        self.name, self.weights, self.person = name, weights, person
        self._detector: detect.Detector | None = None
        self._why_not = ""

    @property
    def detector(self) -> detect.Detector | None:
        """None where no detector was named and none is installed; a named one that cannot be had is an InputError."""
        if self._detector is None and not self._why_not:
            try:
                self._detector = detect.load(self.name or detect.DEFAULT, self.weights)
            except InputError as error:
                if self.name or self.weights:
                    raise
                self._why_not = str(error)
        return self._detector

    def record(self) -> dict | None:
        """What a sidecar keeps of the detector; None where none was used."""
        found = self._detector
        return None if found is None else {"name": found.name, "sha256": found.sha256}

    def pose(self, picture: np.ndarray, name: str) -> np.ndarray | None:
        """Keypoints (18, 3) of the person in a picture uint8 (H, W, 3); None where no detector is there, and where
        the unnamed one is not sure. Raises InputError where a named one finds nobody, or several people of one size.
        """
        if self.detector is None:
            return None
        try:
            track, _ = self.track(picture.transpose(2, 0, 1)[None], 1.0, name)
        except InputError:
            if self.name:
                raise
            return None
        keypoints = to_openpose18(track).keypoints
        return keypoints[0] if self.believes(keypoints, picture.transpose(2, 0, 1)[None]) else None

    def believes(self, keypoints: np.ndarray, frames: np.ndarray) -> bool:
        """Whether poses (F, 18, 3) that were found in frames uint8 (F, 3, H, W), in their pixels, count: always by a
        named detector, else where there is nothing to doubt."""
        return self.name is not None or not self.doubts(keypoints, frames)

    def doubts(self, keypoints: np.ndarray, frames: np.ndarray) -> bool:
        """Whether there is something against these poses: most are not sure, or the bundled detector does not see
        them again (`poses.plausible`). Against what another detector finds, where it was named, there is nothing."""
        bundled = self.detector is not None and self.detector.name == detect.DEFAULT
        if self.detector is None or (self.name is not None and not bundled):
            return False
        unsure = sum(sure(pose) for pose in keypoints) * 2 <= len(keypoints)
        return unsure or (bundled and not plausible(self.detector, frames, keypoints))

    def track(self, frames: np.ndarray, fps: float, name: str, progress=None) -> tuple[Track, list[str]]:
        """As `detect.track`, with this detector. Raises InputError where there is none, with the reason."""
        if self.detector is None:
            raise InputError(f"{name}: its poses must be found first, and there is no detector ({self._why_not})")
        return detect.track(frames, fps, self.detector, self.person, progress, name)


def sure(keypoints: np.ndarray) -> bool:
    """Whether a pose (18, 3) is whole and confident enough to be believed unasked."""
    there = visible(keypoints)
    torso = there[[R_SHOULDER, L_SHOULDER]].all() and there[[R_HIP, L_HIP]].any()
    return bool(torso and there.sum() >= _LEAST_JOINTS and keypoints[there, 2].mean() >= _SURE)


def need_body(keypoints: np.ndarray, name: str) -> None:
    """Raise InputError where a pose (18, 3) lacks what tells the side: both shoulders and a hip."""
    there = visible(keypoints)
    if not (there[[R_SHOULDER, L_SHOULDER]].all() and there[[R_HIP, L_HIP]].any()):
        raise InputError(f"{name}: only a part of a body ({there.sum()} joints); expected shoulders and hips, too")
