"""The side that no photo shows: most garments' left is nearly their right in a mirror.

A turning figure shows both its sides, a catalogue one. Read for the other side as it is, a side photo would put the
front where the back belongs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lookreel.photos import OpenedPhoto
from lookreel.poses.mirror import OPPOSITE, heading, mirrored


def other_sides(photos: Sequence[OpenedPhoto]) -> dict[int, OpenedPhoto]:
    """Mirror images of the side photos whose opposite no photo shows, by the number of the photo; one for each side."""
    looks = [None if photo.keypoints is None else heading(photo.keypoints) for photo in photos]
    alone = {looks.index(look) for look in OPPOSITE if look in looks and OPPOSITE[look] not in looks}
    return {number: _mirrored(photos[number]) for number in sorted(alone)}


def _mirrored(photo: OpenedPhoto) -> OpenedPhoto:
    keypoints = None if photo.keypoints is None else mirrored(photo.keypoints, photo.pixels.shape[2])
    return replace(photo, pixels=photo.pixels.flip(2), keypoints=keypoints)
