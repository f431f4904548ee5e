"""Drawn skeletons: recognise pictures of them and read their joints back by colour.

Joints are discs in full colour, limbs the same colours at 0.6 (`skeleton.COLORS`). DWPose draws more on top: white
dots on the face, hands as lines of all hues with dots in the very blue of the left knee. So a colour alone does not
make a joint: of all spots in its colour, a joint is the one from which its limbs, in their colours, lead to its
neighbours.
"""

import cv2
import numpy as np

from lookreel.poses.draw import stick
from lookreel.poses.skeleton import COLORS, LIMB_DIM, LIMBS
from lookreel.poses.track import Track

_LIT = 60  # a pixel counts as drawn when a channel exceeds this; codec noise on black stays well below
_FAR = 80  # a pixel this far from every colour of the palette, in RGB, is none of them
_MOST_LIT = 0.25  # a drawn skeleton, hands and face included, covers about 4 % of a picture
_PALETTE_SHARE = 0.7
_LEAST_COLORS = 6
_LEAST_LIMBS = 4

_JOINTS = len(COLORS)
_NOTHING = 255
_PALETTE = np.array(
    [*COLORS, *(np.array(c) * LIMB_DIM for c in COLORS[: len(LIMBS)]), (0, 0, 0), (128, 128, 128), (255, 255, 255)],
    np.float32,
)
_LABELS = np.array([*range(_JOINTS + len(LIMBS)), _NOTHING, _NOTHING, _NOTHING], np.uint8)
# For each joint its limbs, with the joint at the other end.
_AT = [
    [(limb, b if a == joint else a) for limb, (a, b) in enumerate(LIMBS) if joint in (a, b)] for joint in range(_JOINTS)
]
_ALONG = np.linspace(0.15, 0.85, 9)

_SEEN, _GUESSED = 1.0, 0.5  # confidence of a disc that was found, and of one hidden at the end of a visible limb
_FOLLOWS = 0.4  # share of a limb that must show its colour; other limbs and hands may cover the rest


def is_drawn(frames: np.ndarray) -> bool:
    """Whether uint8 (F, 3, H, W) shows drawn skeletons: a dark canvas, the palette's colours, limbs between joints."""
    if len(frames) == 0:
        return False
    chosen = frames[np.unique(np.linspace(0, len(frames) - 1, 5).round().astype(int))]
    return sum(_looks_drawn(frame) for frame in chosen) * 2 > len(chosen)


def read_drawn(frames: np.ndarray, fps: float) -> Track:
    """The keypoints of drawn skeletons uint8 (F, 3, H, W), by colour, as an "openpose18" track of that size.

    Confidence is 1 for a visible disc, 0.5 for one that is hidden at the end of its visible limb (a wrist under a
    hand, a nose under the dots of a face), 0 for an absent joint. Tolerates the noise of video compression at a short
    side of 256 px or more; in smaller compressed pictures the colours of neighbouring limbs run into each other.
    """
    keypoints = np.array([_read(frame) for frame in frames], np.float32).reshape(-1, _JOINTS, 3)
    return Track(keypoints, frames.shape[2:], fps)


def _looks_drawn(frame: np.ndarray) -> bool:
    lit = frame.max(0) > _LIT
    if not 0 < lit.mean() < _MOST_LIT:
        return False
    pixels = frame[:, lit].T.astype(np.float32)
    distance, nearest = _nearest(pixels)
    # Face dots are white with soft, gray edges: they neither speak for a skeleton nor against one.
    colored = pixels.max(1) - pixels.min(1) > _LIT
    close = distance[colored] < _FAR
    if close.size == 0 or close.mean() < _PALETTE_SHARE:
        return False
    if len(np.unique(nearest[colored][close])) < _LEAST_COLORS:
        return False
    points = _read(frame)
    return sum(bool(points[a, 2] and points[b, 2]) for a, b in LIMBS) >= _LEAST_LIMBS


def _read(frame: np.ndarray) -> np.ndarray:
    """Keypoints (18, 3) of one frame; all absent where nothing is drawn."""
    return _Reader(frame).keypoints() if frame.max() > _LIT else np.zeros((_JOINTS, 3))


def _nearest(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance to and index of the palette's nearest colour, for pixels (N, 3)."""
    squared = (pixels**2).sum(1)[:, None] - 2 * pixels @ _PALETTE.T + (_PALETTE**2).sum(1)
    nearest = squared.argmin(1)
    return np.sqrt(np.maximum(squared[np.arange(len(pixels)), nearest], 0)), nearest


class _Reader:
    """One frame, cut to what is drawn: the colour of each pixel, and how well spots and limbs go together."""

    def __init__(self, frame: np.ndarray) -> None:
        lit = frame.max(0) > _LIT
        labels = np.full(lit.shape, _NOTHING, np.uint8)
        distance, nearest = _nearest(frame[:, lit].T.astype(np.float32))
        labels[lit] = np.where(distance < _FAR, _LABELS[nearest], _NOTHING)
        x, y, w, h = cv2.boundingRect(lit.astype(np.uint8))
        self.offset = np.array([x, y])
        self.radius = stick(frame.shape[1:])
        self.labels = labels[y : y + h, x : x + w]  # joint 0-17, 18 + limb, or 255
        block = np.ones((3, 3), np.uint8)
        self.limbs = [cv2.dilate((self.labels == _JOINTS + i).astype(np.uint8), block) for i in range(len(LIMBS))]

    def keypoints(self) -> np.ndarray:
        """(18, 3) in pixels of the whole frame."""
        spots = [self._spots(joint) for joint in range(_JOINTS)]
        seen = self._agreed(spots)
        points = [self._hidden(joint, seen) if p is None else p for joint, p in enumerate(seen)]
        for joint, candidates in enumerate(spots):  # discs whose neighbour was hidden, such as a wrist below an elbow
            if seen[joint] is None and candidates:
                best = max(candidates, key=lambda p, j=joint: self._fit(j, p, points))
                if self._fit(joint, best, points) >= _FOLLOWS:
                    seen[joint] = points[joint] = best
        result = np.zeros((_JOINTS, 3))
        for joint, point in enumerate(points):
            if point is not None:
                result[joint] = *(point + self.offset), _GUESSED if seen[joint] is None else _SEEN
        return result

    def _agreed(self, spots: list[list[np.ndarray]]) -> "list[np.ndarray | None]":
        """For each joint the spot from which its limbs lead to the neighbours' spots, or None."""
        chosen: list[np.ndarray | None] = [
            max(candidates, key=lambda p, j=joint: self._limbs_near(j, p)) if candidates else None
            for joint, candidates in enumerate(spots)
        ]
        for _ in range(3):
            for joint, candidates in enumerate(spots):
                if len(candidates) > 1:
                    chosen[joint] = max(candidates, key=lambda p, j=joint: self._fit(j, p, chosen))
        return [
            point if point is not None and self._fit(joint, point, chosen) >= _FOLLOWS else None
            for joint, point in enumerate(chosen)
        ]

    def _spots(self, joint: int) -> list[np.ndarray]:
        """Centres of the spots in a joint's colour, largest first."""
        count, _, stats, centres = cv2.connectedComponentsWithStats((self.labels == joint).astype(np.uint8))
        area = stats[1:, cv2.CC_STAT_AREA]
        large = [i for i in np.argsort(-area, kind="stable") if area[i] >= 0.15 * np.pi * self.radius**2]
        return [centres[1 + i] for i in large[:24]] if count > 1 else []

    def _limbs_near(self, joint: int, point: np.ndarray) -> int:
        """Pixels of the joint's own limbs close to a point."""
        reach = round(3 * self.radius) + 1
        x, y = np.rint(point).astype(int)
        window = np.s_[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1]
        return sum(int(self.limbs[limb][window].sum()) for limb, _ in _AT[joint])

    def _fit(self, joint: int, point: np.ndarray, chosen: list) -> float:
        """How well the joint's limbs lead from a point to the neighbours: the sum of the shares that show."""
        return sum(self._share(limb, point, chosen[other]) for limb, other in _AT[joint] if chosen[other] is not None)

    def _share(self, limb: int, a: np.ndarray, b: np.ndarray) -> float:
        x, y = np.rint(a[:, None] + (b - a)[:, None] * _ALONG).astype(int)
        return float(self.limbs[limb][y, x].mean())

    def _hidden(self, joint: int, chosen: list) -> np.ndarray | None:
        """The far end of a visible limb whose disc at that end is covered; None where no limb shows."""
        for limb, other in _AT[joint]:
            if chosen[other] is None:
                continue
            count, parts = cv2.connectedComponents(self.limbs[limb])
            ends = [self._far_end(parts == i, chosen[other]) for i in range(1, count)]
            ends = [end for end in ends if end is not None]
            if ends:
                return max(ends, key=lambda end: float(np.linalg.norm(end - chosen[other])))
        return None

    def _far_end(self, part: np.ndarray, start: np.ndarray) -> np.ndarray | None:
        """The point of `part` farthest from `start`, if `part` begins there and is a good deal longer than wide."""
        points = np.argwhere(part)[:, ::-1]
        away = np.linalg.norm(points - start, axis=1)
        if away.min() > 3 * self.radius or away.max() < 6 * self.radius:
            return None
        return points[away >= away.max() - 1].mean(0)
