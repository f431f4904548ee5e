"""The side that no photo shows: most garments' left is nearly their right in a mirror.

A turning figure shows both its sides, a catalogue one. Read for the other side as it is, a side photo would put the
front where the back belongs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lookreel.photos import OpenedPhoto
from lookreel.poses.facing import heading
from lookreel.poses.mirror import mirrored
from lookreel.poses.view import view

NOTICE = "read in a mirror too, since no photo shows the other side (--no-mirror where the sides differ)"


def other_side(photos: Sequence[OpenedPhoto]) -> dict[int, OpenedPhoto]:
    """The mirror image of the first side photo, by its number, where several photos show one side of the body only.

    None where a side photo's head does not tell which side it shows: the other may be there.
    """
    poses = [photo.keypoints for photo in photos]
    if len(photos) == 1 or any(pose is None for pose in poses):
        return {}
    sides = {number: heading(pose) for number, pose in enumerate(poses) if view(pose) == "side"}
    if len(set(sides.values())) != 1 or None in sides.values():
        return {}
    first = min(sides)
    return {first: _mirrored(photos[first])}


def _mirrored(photo: OpenedPhoto) -> OpenedPhoto:
    assert photo.keypoints is not None  # they say that it is a side
    return replace(photo, pixels=photo.pixels.flip(2), keypoints=mirrored(photo.keypoints, photo.pixels.shape[2]))
