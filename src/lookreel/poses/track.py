"""A track: the keypoints of one person over time, and its file."""

from __future__ import annotations

import os
import zipfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lookreel.errors import InputError
from lookreel.outputs import whole

LAYOUTS = {"openpose18": 18, "wholebody133": 133}
SLOWEST, FASTEST = 0.01, 1000.0  # frames per second that a video file can hold

# What numpy and zipfile raise on damaged files, each seen in practice.
_UNREADABLE = (
    ValueError, OSError, EOFError, KeyError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


@dataclass(frozen=True)
class Track:
    """Poses of one person over F frames.

    keypoints: float32 (F, J, 3): x, y in pixels of `size`, confidence in [0, 1]; an absent joint has confidence 0.
    size: (H, W) of the picture in which the keypoints live.
    fps: frames per second.
    layout: "openpose18" (J = 18) or "wholebody133" (J = 133).
    dense: optional uint8 (F, 3, H, W): body part 0-24, U and V scaled to 0-255.
    """

    keypoints: np.ndarray
    size: tuple[int, int]
    fps: float = 25.0
    layout: str = "openpose18"
    dense: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.keypoints)

    def __getitem__(self, frames: slice | int) -> Track:
        """`track[a:b]`: those frames; `track[i]`: one frame, still a track."""
        if isinstance(frames, int):
            index = range(len(self))[frames]
            frames = slice(index, index + 1)
        dense = None if self.dense is None else self.dense[frames]
        return replace(self, keypoints=self.keypoints[frames], dense=dense)

    def save(self, path: str | os.PathLike) -> None:
        """Write the `.npz` described in the class; it appears whole or not at all."""
        path = Path(path)
        arrays = {
            "keypoints": np.asarray(self.keypoints, np.float32),
            "size": np.asarray(self.size, np.int64),
            "fps": np.asarray(self.fps, np.float64),
            "layout": np.asarray(self.layout),
        }
        if self.dense is not None:
            arrays["dense"] = np.asarray(self.dense, np.uint8)
        with whole(path) as (temporary,), temporary.open("wb") as file:  # by its name, numpy would add another suffix
            np.savez_compressed(file, **arrays)

    @classmethod
    def load(cls, path: str | os.PathLike) -> Track:
        """Read a track `.npz`.

        Raises InputError where the file is missing, no track, empty, or a field is not as the class says.
        """
        path = Path(path)
        if not path.is_file():
            raise InputError(f"{path}: no such track file; expected a .npz with keypoints (F, J, 3), size and fps")
        try:
            with zipfile.ZipFile(path):  # else numpy takes it for a pickle, and says how to run one
                pass
            with np.load(path, allow_pickle=False) as data:
                fields = {name: data[name] for name in data.files}
        except _UNREADABLE as error:
            raise InputError(f"{path}: not a readable .npz track ({error})") from error
        return _of_fields(path, fields)


def _of_fields(path: Path, fields: dict[str, np.ndarray]) -> Track:
    """A Track from a file's arrays, or InputError that says which field is wrong."""
    absent = [name for name in ("keypoints", "size", "fps") if name not in fields]
    if absent:
        raise InputError(f"{path}: the track lacks {', '.join(absent)}; found {', '.join(fields) or 'nothing'}")
    layout = str(fields.get("layout", "openpose18"))
    return checked(path, Track(fields["keypoints"], fields["size"], fields["fps"], layout, fields.get("dense")))


def checked(name: str | os.PathLike, track: Track) -> Track:
    """The track, its fields of the types that the class says. name: what an error calls it.

    Raises InputError for the first field that is wrong, and for a track without frames.
    """
    keypoints, size, fps = np.asarray(track.keypoints), np.asarray(track.size).ravel(), np.asarray(track.fps)
    joints = LAYOUTS.get(str(track.layout))
    if joints is None:
        raise InputError(f"{name}: unknown layout {track.layout!r}; expected one of {', '.join(LAYOUTS)}")
    if keypoints.ndim != 3 or keypoints.shape[1:] != (joints, 3) or keypoints.dtype.kind not in "fiu":
        raise InputError(f"{name}: keypoints of shape {keypoints.shape}; {track.layout} expects (F, {joints}, 3)")
    if len(keypoints) == 0:
        raise InputError(f"{name}: the track has no frames; at least one is expected")
    if not (np.abs(keypoints) < np.finfo(np.float32).max).all():
        raise InputError(f"{name}: keypoints hold values that are not finite (NaN or infinity)")
    if size.shape != (2,) or size.dtype.kind not in "iuf" or not (np.isfinite(size).all() and (size >= 1).all()):
        raise InputError(f"{name}: size is {size.tolist()}; expected (H, W), both at least 1")
    if fps.size != 1 or fps.dtype.kind not in "iuf" or not SLOWEST <= float(fps.item()) <= FASTEST:
        raise InputError(f"{name}: fps is {fps.tolist()}; expected one number from {SLOWEST:g} to {FASTEST:g}")
    height, width = (int(side) for side in size)
    dense, shape = track.dense, (len(keypoints), 3, height, width)
    if dense is not None and (dense.shape != shape or dense.dtype != np.uint8):
        raise InputError(f"{name}: dense is {dense.dtype} {dense.shape}; expected uint8 (F, 3, H, W)")
    return Track(keypoints.astype(np.float32), (height, width), float(fps.item()), str(track.layout), dense)
