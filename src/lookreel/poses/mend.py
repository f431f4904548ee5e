"""What is done to every track that a detector found: gaps filled, then jitter smoothed."""

from __future__ import annotations

from lookreel.poses.repair import fill_gaps
from lookreel.poses.smooth import smooth
from lookreel.poses.track import Track


def mend(track: Track) -> Track:
    """The track with short gaps filled (at low confidence) and without jitter or lag."""
    return smooth(fill_gaps(track))
