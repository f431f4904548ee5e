"""A stand-in for a detector, which finds people by the number that is painted into a corner of their picture."""

from pathlib import Path

import numpy as np
from PIL import Image

from lookreel.poses.detect import Person

_BLOCK, _WIDTH = (
    8,
    192,
)  # pixels a side of a painted bit, so that video compression leaves it readable, in a picture so wide


class Reader:
    """Knows the poses of numbered pictures: keypoints (N, 18, 3) in shares of the picture; number 0 shows nobody.

    others: more people in every picture, as shifts in shares of its width.
    """

    name = "reader"
    layout = "openpose18"
    sha256 = {"reader.onnx": "0" * 64}

    def __init__(self, poses: np.ndarray, others: tuple[tuple[float, float], ...] = ()) -> None:
        self.poses, self.others, self.looked_at = poses, others, 0

    def detect(self, frames: np.ndarray, progress=None) -> list[list[Person]]:
        found = []
        for frame in frames:
            self.looked_at += 1
            number = read_number(frame)
            found.append(self._people(self.poses[number], frame.shape[1:]) if self.poses[number].any() else [])
            if progress:
                progress(len(found))
        return found

    def _people(self, pose: np.ndarray, size: tuple[int, int]) -> list[Person]:
        people = [_person(pose, size)]
        for shift, shrink in self.others:
            other = pose.copy()
            other[:, :2] = (other[:, :2] - 0.5) * shrink + 0.5
            other[:, 0] += shift
            people.append(_person(other, size))
        return sorted(people, key=lambda p: -p.area)


def _person(pose: np.ndarray, size: tuple[int, int]) -> Person:
    keypoints = (pose * [size[1], size[0], 1]).astype(np.float32)
    seen = keypoints[keypoints[:, 2] > 0, :2]
    return Person(keypoints, np.concatenate([seen.min(0), seen.max(0)]).astype(np.float32), 0.9)


def numbered(picture: np.ndarray, number: int) -> np.ndarray:
    """A picture uint8 (H, W, 3) with a number from 0 to 255 as eight black or white blocks in its first rows."""
    marked = picture.copy()
    for bit in range(8):
        marked[:_BLOCK, bit * _BLOCK : (bit + 1) * _BLOCK] = 255 if number >> bit & 1 else 0
    return marked


def read_number(frame: np.ndarray) -> int:
    """The number in a frame uint8 (3, H, W)."""
    block = _BLOCK * frame.shape[2] / _WIDTH
    middles = [round((bit + 0.5) * block) for bit in range(8)]
    reach, row = round(block / 4), round(block / 2)
    spots = [frame[:, row - reach : row + reach, x - reach : x + reach] for x in middles]
    return sum(1 << bit for bit, spot in enumerate(spots) if spot.mean() > 128)


def save(picture: np.ndarray, path: Path) -> Path:
    """Write a picture uint8 (H, W, 3) losslessly."""
    Image.fromarray(picture).save(path)
    return path
