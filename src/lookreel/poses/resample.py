"""A track at another frame rate, cut, or played several times."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lookreel.errors import InputError
from lookreel.poses.draw import visible
from lookreel.poses.track import Track

MEETS = 0.05  # of a body's height: an end this close to the start, joint by joint, goes on without a jump


def resample(track: Track, fps: float) -> Track:
    """The same motion at `fps` frames a second, as long in seconds as it was, to the nearest frame.

    Joints move in a straight line between two frames that show them; where only one does, they take its place. The
    dense body, whose part numbers cannot be mixed, is taken from the nearest frame.
    """
    if fps == track.fps:
        return track
    at = _places(len(track), track.fps, fps)
    nearest = np.rint(at).astype(int)
    dense = None if track.dense is None else track.dense[nearest]
    return replace(track, keypoints=at_times(track.keypoints, at), fps=float(fps), dense=dense)


def at_times(keypoints: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Keypoints (F, J, 3) at the places `at` (N,) between their frames, 0 to F - 1 -> (N, J, 3)."""
    before = np.floor(at).astype(int)
    after = np.minimum(before + 1, len(keypoints) - 1)
    share = (at - before)[:, None, None]
    left, right = keypoints[before], keypoints[after]
    both = (visible(left) & visible(right))[..., None]
    return np.where(both, left * (1 - share) + right * share, np.where(share < 0.5, left, right)).astype(np.float32)


def cut(track: Track, start: float = 0.0, end: float | None = None) -> Track:
    """The frames from `start` to before `end`, in seconds; None is the end of the track.

    Raises InputError where no frame lies between them.
    """
    return track[_between(track, start, end)]


def loop(track: Track, times: int) -> Track:
    """The motion played `times` times without a jump.

    Where its end meets its start (a whole turn), it is repeated; else every second time runs backward.
    """
    order = _order(track, times)
    dense = None if track.dense is None else track.dense[order]
    return replace(track, keypoints=track.keypoints[order], dense=dense)


def retime(
    track: Track, start: float = 0.0, end: float | None = None, fps: float | None = None, times: int = 1
) -> tuple[Track, np.ndarray]:
    """A track cut, brought to a rate and looped, in this order; and for each of its frames the nearest one (N,) of the
    track that was given. Errors as for `cut`."""
    part = _between(track, start, end)
    numbers = np.arange(len(track))[part]
    same_rate = resample(track[part], fps or track.fps)
    nearest = np.rint(_places(len(numbers), track.fps, same_rate.fps)).astype(int)
    return loop(same_rate, times), numbers[nearest][_order(same_rate, times)]


def _between(track: Track, start: float, end: float | None) -> slice:
    first = max(0, int(np.ceil(start * track.fps - 1e-6)))
    last = len(track) if end is None else min(len(track), int(np.ceil(end * track.fps - 1e-6)))
    if first >= last:
        until = "its end" if end is None else f"{end:g} s"
        seconds = len(track) / track.fps
        raise InputError(f"--start, --end: no frame from {start:g} s to {until}; the motion lasts {seconds:.2f} s")
    return slice(first, last)


def _places(count: int, fps: float, wanted: float) -> np.ndarray:
    """Where frames at `wanted` a second lie between `count` frames at `fps`, (N,) from 0 to count - 1."""
    number = max(1, round(count * wanted / fps))
    return np.minimum(np.arange(number) * (fps / wanted), count - 1)


def _order(track: Track, times: int) -> list[int]:
    """Numbers of the frames as they are played."""
    forward = list(range(len(track)))
    if times == 1 or len(track) < 2:
        return forward
    apart = _distance(track.keypoints[0], track.keypoints[-1])
    if apart < MEETS:
        once = forward[:-1] if apart < MEETS / 50 else forward  # an end that is the start is shown once
        return once * (times - 1) + forward
    parts = [forward, forward[::-1][1:]] + [forward[1:], forward[::-1][1:]] * times
    return [i for part in parts[:times] for i in part]


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    """Mean distance of the joints of two poses (J, 3) in heights of the first body; joints that only one shows count
    as far."""
    first, second = visible(a), visible(b)
    if not (first & second).any():
        return np.inf
    height = max(np.ptp(a[first, 1]), 1.0)
    away = np.linalg.norm(a[:, :2] - b[:, :2], axis=1) / height
    away = np.where(first & second, away, 0.2)[first | second]
    return float(away.mean())
