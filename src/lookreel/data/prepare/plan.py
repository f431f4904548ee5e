"""What is to be done, before anything is: the sources of a folder or a list, and the detector's hashes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lookreel.data.moore import find_pairs
from lookreel.data.prepare.run import Request
from lookreel.data.prepare.settings import Settings
from lookreel.data.prepare.sources import find_sources

DRAWN = "drawn"  # in the place of a detector where every video brings its poses


def plan(
    videos: Path, out: Path, settings: Settings | None = None, jobs: int | None = None, force: bool = False
) -> Request:
    """The request for `run.prepare`: of a folder of videos, one video, or a JSON list of the open Animate Anyone.

    Nothing is written. Raises InputError where there is no video, or the detector cannot be had.
    """
    settings = settings or Settings()
    listed = videos.suffix.lower() == ".json"
    sources = (find_pairs if listed else find_sources)(videos, settings.licence)
    if all(source.poses is not None for source in sources):
        settings = replace(settings, detector=DRAWN, weights=None)
    else:
        from lookreel.poses.detect import load

        detector = load(settings.detector, settings.weights, threads=1)
        settings = replace(settings, hashes=tuple(sorted(detector.sha256.items())))
    return Request(videos, out, sources, settings, jobs, force)
