"""Where training clips come from: the mannequin world, or a dataset folder."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from lookreel.data import mannequin
from lookreel.data.manifest import MANIFEST, read_manifest
from lookreel.errors import InputError
from lookreel.photos import fit_frames, fit_keypoints
from lookreel.poses.track import Track


class Source(Protocol):
    """Numbered clips, all of one picture size (H, W)."""

    size: tuple[int, int]

    def __len__(self) -> int: ...

    def describe(self) -> str:
        """What decides the content of its clips."""
        ...

    def clip(self, number: int) -> tuple[Tensor, Track]:
        """Frames uint8 (F, 3, H, W) and their track in the same pixels."""
        ...


@dataclass(frozen=True)
class Mannequins:
    """Clips of the mannequin world: mostly turns, so that every side is seen.

    first, count: the garments' seeds are first to first + count - 1. frames: frames of a clip.
    """

    size: tuple[int, int]
    first: int = 0
    count: int = 3000
    frames: int = 16

    def __len__(self) -> int:
        return self.count

    def describe(self) -> str:
        return f"mannequins from seed {self.first}, {self.frames} frames at {self.size}"

    def clip(self, number: int) -> tuple[Tensor, Track]:
        rng = np.random.default_rng([self.first + number, 1])
        motion = rng.choice(["turn", "half-turn", "sway", "walk"], p=[0.7, 0.14, 0.08, 0.08])
        # A slower turn than the clip is long, so that the temporal layers meet several speeds.
        whole = self.frames * int(rng.choice([1, 1, 1, 2]))
        start = int(rng.integers(whole - self.frames + 1))
        made = mannequin.clip(self.first + number, str(motion), whole, self.size)
        return made.frames[start : start + self.frames], made.track[start : start + self.frames]


class DatasetFolder:
    """A folder with manifest.jsonl: one clip a line with `path`, `poses` and `split`; clips as mp4, poses as .npz.

    Frames are resized by the short side and centre-cropped to `size`, poses with the same geometry; every
    `stride`-th frame is kept. Raises InputError where a file is missing or a line is not as expected.
    """

    def __init__(self, folder: Path, size: tuple[int, int], split: str = "train", stride: int = 4) -> None:
        self.folder, self.size, self.stride = folder, size, stride
        lines = read_manifest(folder, ("path", "poses"), ", or the word mannequin")
        self.clips = [line for line in lines if line.get("split", "train") == split]
        if not self.clips:
            raise InputError(f"{folder / MANIFEST}: no clip of split {split!r} among {len(lines)} lines")

    def __len__(self) -> int:
        return len(self.clips)

    def describe(self) -> str:
        digest = hashlib.sha256(json.dumps(self.clips, sort_keys=True).encode()).hexdigest()
        return f"dataset {digest}, every {self.stride}th frame at {self.size}"

    def clip(self, number: int) -> tuple[Tensor, Track]:
        from lookreel.poses.densepose import nearest
        from lookreel.poses.layout import to_openpose18
        from lookreel.video import read_video

        line = self.clips[number]
        frames, _ = read_video(self.folder / line["path"])
        track = to_openpose18(Track.load(self.folder / line["poses"]))
        found, expected = (len(track), *track.size), (len(frames), *frames.shape[2:])
        if found != expected:
            poses = self.folder / line["poses"]
            raise InputError(f"{poses}: (frames, H, W) are {found}; {line['path']} has {expected}")
        frames, track = frames[:: self.stride], track[:: self.stride]
        points = fit_keypoints(track.keypoints, track.size, self.size)
        dense = None if track.dense is None else nearest(track.dense, self.size)
        fitted = torch.as_tensor(fit_frames(frames, self.size))
        return fitted, Track(points, self.size, track.fps / self.stride, dense=dense)


def source(data: str, size: tuple[int, int], **mannequins: int) -> Source:
    """The source that `--data` names: the word "mannequin", or a dataset folder."""
    return Mannequins(size, **mannequins) if data == "mannequin" else DatasetFolder(Path(data), size)
