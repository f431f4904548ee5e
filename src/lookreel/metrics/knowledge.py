"""What a manifest's line knows of a clip beside its pixels: poses, masks, flow, text boxes, references, views.

All of it is optional (docs/metrics.md, "The truth folder"); what is there is checked, and moved by the clip's Fit.
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lookreel.errors import InputError
from lookreel.metrics.folders import Stored
from lookreel.metrics.frames import png_files
from lookreel.metrics.geometry import Fit
from lookreel.poses.track import Track

FPS = 25.0  # where neither the manifest nor either clip says it
VIEWS = ("front", "side", "back")
_UNREADABLE = (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile, zlib.error)


def references(clip: Stored, frames: int) -> tuple[int, ...]:
    """The frames that the model saw: the manifest's `references`; with a manifest that is silent, frame 0; else none.

    Raises InputError where they are no frame numbers of the clip, or leave no frame to compare.
    """
    if clip.line is None:
        return ()
    found = clip.line.get("references", [0])
    numbers = found if isinstance(found, list) else [found]
    if not all(isinstance(number, int) and not isinstance(number, bool) and 0 <= number < frames for number in numbers):
        raise InputError(f"{_place(clip)}: references are {found}; expected frame numbers from 0 to {frames - 1}")
    if len(set(numbers)) >= frames:
        raise InputError(f"{_place(clip)}: all {frames} frames are references; no frame is left to compare")
    return tuple(sorted(set(numbers)))


def track(clip: Stored, frames: int, size: tuple[int, int], fit: Fit) -> Track | None:
    """The poses of a clip in the pixels after `fit`: the manifest's `poses`, or else `NAME.npz` beside the clip.

    Raises InputError where the track has another number of frames than the clip.
    """
    named = clip.known("poses")
    path = clip.root / named if named else clip.path.with_name(f"{clip.name}.npz")
    if not named and not path.is_file():
        return None
    found = Track.load(path)
    if len(found) != frames:
        raise InputError(f"{path}: a track of {len(found)} frames; {clip.path} has {frames}")
    points = np.array(found.keypoints, np.float64)
    for axis in (0, 1):
        points[..., axis] = (points[..., axis] + 0.5) * (size[1 - axis] / found.size[1 - axis]) - 0.5
    return replace(found, keypoints=fit.points(points).astype(np.float32), size=fit.size, dense=None)


def masks(clip: Stored, frames: int, fit: Fit) -> dict[str, np.ndarray]:
    """The manifest's `masks` by name, bool (F, h, w) after `fit`.

    A path of one .npz with an array (F, H, W) for each name, or an object that gives each name a folder of PNG or a
    .npz of its own; what is above half of the type's range is inside. Raises InputError for other shapes.
    """
    found = clip.known("masks")
    if isinstance(found, str):
        arrays = _arrays(clip.root / found)
    elif isinstance(found, dict):
        arrays = {name: _mask(clip.root / path) for name, path in found.items()}
    elif found is None:
        return {}
    else:
        raise InputError(f"{_place(clip)}: masks are {found!r}; expected a path, or an object of paths by name")
    for name, array in arrays.items():
        _check_shape(clip, f"mask {name}", array.shape, (frames, *fit.source))
    return {name: np.stack([fit.mask(mask) for mask in array > _half(array)]) for name, array in arrays.items()}


def flow(clip: Stored, frames: int, fit: Fit) -> np.ndarray | None:
    """The manifest's `flow`, a .npz with `flow` (F, 2, H, W): x, y in pixels from frame i to i - 1; after `fit`."""
    named = clip.known("flow")
    if named is None:
        return None
    path = clip.root / named
    arrays = _arrays(path)
    found = arrays.get("flow", next(iter(arrays.values())))
    _check_shape(clip, "flow", found.shape, (frames, 2, *fit.source))
    return np.stack([fit.flow(one) for one in found])


def boxes(clip: Stored, frames: int, fit: Fit) -> np.ndarray | None:
    """The manifest's `text_boxes`, a list of [frame, left, top, right, bottom] in pixels; int (N, 5) after `fit`.

    Boxes that the crop leaves under 8 pixels on a side are left out.
    """
    found = clip.known("text_boxes")
    if found is None:
        return None
    try:
        given = np.asarray(found, np.float64).reshape(-1, 5)
    except (TypeError, ValueError) as error:
        raise InputError(f"{_place(clip)}: text_boxes: expected a list of [frame, left, top, right, bottom]") from error
    if not (np.isfinite(given).all() and (given[:, 0] >= 0).all() and (given[:, 0] < frames).all()):
        raise InputError(f"{_place(clip)}: text_boxes: a frame outside 0 to {frames - 1}, or a value that is no number")
    moved = np.rint(fit.boxes(given[:, 1:])).astype(int)
    large = ((moved[:, 2:] - moved[:, :2]) >= 8).all(1)
    return np.concatenate([given[:, :1].astype(int), moved], axis=1)[large]


def views(clip: Stored, poses: Track | None, frames: int) -> list[str | None]:
    """The side that each frame shows: the manifest's `views` (one a frame), or else by the poses; None if unknown."""
    found = clip.known("views")
    if isinstance(found, list) and len(found) == frames:
        wrong = [view for view in found if view not in (*VIEWS, None)]
        if wrong:
            raise InputError(f"{_place(clip)}: views: found {wrong[0]!r}; expected {', '.join(VIEWS)} or null")
        return found
    if poses is None:
        return [None] * frames
    from lookreel.poses.layout import to_openpose18
    from lookreel.poses.view import view

    return [view(points) for points in to_openpose18(poses).keypoints]


def fps(generated: Stored, truth: Stored, rates: tuple[float, float]) -> tuple[float, bool]:
    """Frames per second of a pair, and whether anything said so: the truth's manifest, the truth, the generated clip.

    rates: what the headers of the generated and the true clip say, 0 for nothing.
    """
    told = truth.known("fps")
    if told is not None and not (isinstance(told, int | float) and 0 < told < float("inf")):
        raise InputError(f"{_place(truth)}: fps is {told!r}; expected a positive number")
    known = [rate for rate in (told, rates[1], generated.known("fps"), rates[0]) if rate]
    return (float(known[0]), True) if known else (FPS, False)


def fingerprint(clip: Stored) -> str:
    """A hash of the line and of every file it names but the clip itself; results that depend on it are keyed by it."""
    digest = hashlib.sha256(repr(sorted((clip.line or {}).items())).encode())
    named = [clip.known("poses"), clip.known("flow"), clip.known("masks")]
    if isinstance(named[2], dict):
        named[2:] = [named[2][name] for name in sorted(named[2])]
    paths = [clip.root / path for path in named if isinstance(path, str)]
    for path in [*paths, clip.path.with_name(f"{clip.name}.npz")]:
        for file in png_files(path) if path.is_dir() else [path]:
            digest.update(file.read_bytes() if file.is_file() else b"absent")
    return digest.hexdigest()


def _place(clip: Stored) -> str:
    return f"{clip.root / 'manifest.jsonl'}, clip {clip.name}"


def _check_shape(clip: Stored, what: str, found: tuple[int, ...], expected: tuple[int, ...]) -> None:
    if found != expected:
        raise InputError(f"{_place(clip)}: {what} has the shape {found}; expected {expected} as the clip")


def _arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as data:
            arrays: dict[str, Any] = {name: data[name] for name in data.files}
    except _UNREADABLE as error:
        raise InputError(f"{path}: not a readable .npz ({error})") from error
    if not arrays:
        raise InputError(f"{path}: no array in it")
    return arrays


def _mask(path: Path) -> np.ndarray:
    if not path.is_dir():
        return next(iter(_arrays(path).values()))
    from PIL import Image

    files = png_files(path)
    if not files:
        raise InputError(f"{path}: no PNG in it; expected one mask a frame")
    try:
        return np.stack([np.asarray(Image.open(file).convert("L")) for file in files])
    except (*_UNREADABLE, SyntaxError) as error:
        raise InputError(f"{path}: masks that cannot be read, or of different sizes ({error})") from error


def _half(array: np.ndarray) -> float:
    """The value above which a mask's pixel is inside: half of 1 for bool and for 0 and 1, half of 255 else."""
    return 0.5 if array.dtype == bool or array.max(initial=0) <= 1 else 127.5
