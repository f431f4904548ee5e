"""Poses from raw pictures: a YOLOX network finds the people, a SimCC network reads the joints of each.

`load` makes a Detector; its `detect` finds everybody, and `track` follows one person through a clip.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lookreel.errors import InputError
from lookreel.poses.detector_files import DEFAULT, cards, check_named, locate, sha256
from lookreel.poses.layout import from_coco
from lookreel.poses.network import Network
from lookreel.poses.people import alike, area, one_of
from lookreel.poses.simcc import LAYOUT_OF, PoseReader
from lookreel.poses.track import Track
from lookreel.poses.yolox import PersonFinder


@dataclass(frozen=True)
class Person:
    """keypoints: float32 (J, 3): x, y in pixels, confidence in [0, 1], an absent joint all 0. box: (4,) x0, y0, x1, y1,
    edges in pixels. score: how sure the person detector is, 0 to 1."""

    keypoints: np.ndarray
    box: np.ndarray
    score: float

    @property
    def area(self) -> float:
        """Of the box, in pixels squared."""
        return float(area(self.box[None])[0])


@dataclass(frozen=True)
class Detector:
    """Finds people and reads their joints.

    name: as it was asked for. sha256: of each file, by the file's name.
    """

    name: str
    finder: PersonFinder
    reader: PoseReader
    sha256: dict[str, str]

    @property
    def layout(self) -> str:
        """Of the keypoints: "wholebody133" or "openpose18"."""
        return LAYOUT_OF[self.reader.joints]

    @property
    def providers(self) -> list[str]:
        """What its networks run on, best first."""
        return self.reader.network.providers

    def detect(self, frames: np.ndarray, progress: Callable[[int], object] | None = None) -> list[list[Person]]:
        """The people in each frame of uint8 (F, 3, H, W) RGB, the largest first; an empty list where nobody is.

        progress: called with the number of frames done.
        """
        found = []
        for frame in np.asarray(frames):
            found.append(self._people(np.ascontiguousarray(frame.transpose(1, 2, 0))))
            if progress:
                progress(len(found))
        return found

    def _people(self, picture: np.ndarray) -> list[Person]:
        boxes, scores = self.finder.find(picture)
        keypoints = self.reader.read(picture, boxes)
        if self.reader.joints == 17:
            keypoints = from_coco(keypoints)
        people = [Person(*parts) for parts in zip(keypoints, boxes, scores.tolist(), strict=True)]
        return sorted(people, key=lambda person: -person.area)


def load(
    name: str | Path = DEFAULT,
    weights: str | Path | None = None,
    providers: Sequence[str] | None = None,
    threads: int | None = None,
) -> Detector:
    """A detector by name ("mini", "dwpose"), or from a folder with the two ONNX files of one.

    weights: the folder with the files of "dwpose"; by default $LOOKREEL_CACHE/dwpose or ~/.cache/lookreel/dwpose.
    providers, threads: as for `network.Network`.
    Raises InputError for an unknown name, a file that is missing, damaged or of another kind, an absent provider, and
    where onnxruntime is not installed.
    """
    check_named(name, None)
    card = next((card for card in cards() if card.name == str(name)), None)
    if card is not None:
        paths = locate(card, Path(weights) if weights is not None else None)
        person, pose = (Network(paths[part], providers, threads) for part in ("person", "pose"))
    else:
        if weights is not None:
            raise InputError(f"--weights {weights}: the detector is a folder already, {name}; give only one of them")
        person, pose = _pair(Path(name), providers, threads)
    hashes = {network.path.name: sha256(network.path) for network in (person, pose)}
    return Detector(str(name), PersonFinder(person), PoseReader(pose), hashes)


def _pair(folder: Path, providers: Sequence[str] | None, threads: int | None) -> tuple[Network, Network]:
    """The person detector and the pose network of a folder, told apart by what they answer."""
    paths = sorted(folder.glob("*.onnx"))
    if len(paths) != 2:
        names = ", ".join(path.name for path in paths) or "none"
        raise InputError(f"{folder}: .onnx files found: {names}; expected two, a person detector and a pose network")
    networks = [Network(path, providers, threads) for path in paths]
    poses = [n for n in networks if [len(shape) for shape in n.answer_shapes] == [3, 3]]
    if len(poses) != 1:
        kind = "pose networks (SimCC)" if poses else "other networks"
        raise InputError(f"{folder}: both .onnx files are {kind}; expected a person detector and a pose network")
    return next(n for n in networks if n is not poses[0]), poses[0]


def ambiguous(people: Sequence[Person]) -> bool:
    """Whether the two largest people, sorted by size, are of nearly the same size."""
    return int(alike(boxes_of(people)).sum()) > 1


def boxes_of(people: Sequence[Person]) -> np.ndarray:
    """Their boxes (P, 4)."""
    return np.array([person.box for person in people], np.float64).reshape(-1, 4)


def track(
    frames: np.ndarray,
    fps: float,
    detector: Detector,
    person: int | None = None,
    progress: Callable[[int], object] | None = None,
    name: str | Path = "frames",
) -> tuple[Track, list[str]]:
    """The pose of one person over frames uint8 (F, 3, H, W) RGB, in the detector's layout, and notices about it.

    person: 1 for the largest of the first frame that shows anybody, 2 for the next; None takes the largest. In the
    other frames the same person is followed; where they are not found, all joints are absent.
    name: of the frames, for messages.
    Raises InputError where nobody is found at all, where there is no such person, and where `person` is None and two
    people are of nearly the same size.
    """
    people = detector.detect(frames, progress)
    chosen, notices = one_of([boxes_of(found) for found in people], str(name), person)
    joints = next(len(found[0].keypoints) for found in people if found)
    keypoints = np.zeros((len(people), joints, 3), np.float32)
    for i, (found, index) in enumerate(zip(people, chosen, strict=True)):
        if index is not None:
            keypoints[i] = found[index].keypoints
    height, width = np.asarray(frames).shape[2:]
    return Track(keypoints, (int(height), int(width)), float(fps), detector.layout), notices
