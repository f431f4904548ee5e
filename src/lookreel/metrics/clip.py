"""Clip: a film as the metrics see it, with whatever is known about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from lookreel.errors import InputError
from lookreel.metrics.warp import sample_at
from lookreel.poses.track import Track

if TYPE_CHECKING:
    from lookreel.data import mannequin


@dataclass(frozen=True)
class Clip:
    """F frames of one film.

    frames: uint8 (F, H, W, 3) RGB. fps: frames per second.
    track: the poses of these frames, in pixels of its own size; it is rescaled where it is used.
    masks: bool (F, H, W) each: "person", "garment", "unoccluded" (what is seen here was seen in the frame before).
    flow: float32 (F, 2, H, W), x and y in pixels from frame i to i - 1, or None where it is not known.
    references: the frames that the generator was shown; no paired metric counts them.
    boxes: int (N, 5): frame, x0, y0, x1, y1 (ends exclusive) of text or print, or None where they are to be found.
    """

    name: str
    frames: np.ndarray
    fps: float
    track: Track | None = None
    masks: dict[str, np.ndarray] = field(default_factory=dict)
    flow: np.ndarray | None = None
    references: tuple[int, ...] = ()
    boxes: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of the frames."""
        return self.frames.shape[1], self.frames.shape[2]

    def take(self, frames: Sequence[int]) -> Clip:
        """Those frames. Flow and "unoccluded" are kept only for frames that follow one another."""
        index = np.asarray(frames, int)
        consecutive = bool((np.diff(index) == 1).all())
        masks = {name: mask[index] for name, mask in self.masks.items() if name != "unoccluded" or consecutive}
        place = {old: new for new, old in enumerate(index.tolist())}
        boxes = self.boxes
        if boxes is not None:
            boxes = np.array([[place[b[0]], *b[1:]] for b in boxes.tolist() if b[0] in place], int).reshape(-1, 5)
        return replace(
            self,
            frames=self.frames[index],
            track=None if self.track is None else _frames_of(self.track, index),
            masks=masks,
            flow=self.flow[index] if self.flow is not None and consecutive else None,
            references=tuple(place[r] for r in self.references if r in place),
            boxes=boxes,
        )

    def reference_clip(self) -> Clip:
        """The frames that the generator was shown; the first one where none is named."""
        return self.take(self.references or (0,))


def of_mannequin(name: str, made: mannequin.Clip, references: tuple[int, ...] = ()) -> Clip:
    """A clip of the procedural world, with its exact flow, masks and poses."""
    part, flow = made.dense[:, 0].numpy(), made.flow.numpy()
    seen = np.zeros(part.shape, bool)
    for i in range(1, len(part)):
        before = sample_at(part[i - 1, :, :, None].astype(np.float32), flow[i])[..., 0]
        seen[i] = np.abs(before - part[i]) < 0.01
    masks = {key: mask.numpy() for key, mask in made.masks.items()}
    frames = np.ascontiguousarray(made.frames.permute(0, 2, 3, 1).numpy())
    return Clip(name, frames, made.track.fps, made.track, {**masks, "unoccluded": seen}, flow, references)


def check_pair(generated: np.ndarray, truth: np.ndarray) -> None:
    """Raise InputError unless both are uint8 (F, H, W, 3) of one shape, with at least one frame."""
    for name, frames in (("generated", generated), ("truth", truth)):
        if frames.ndim != 4 or frames.shape[3] != 3 or frames.dtype != np.uint8 or not len(frames):
            raise InputError(f"{name}: found {frames.dtype} {frames.shape}; expected uint8 frames (F, H, W, 3)")
    if generated.shape != truth.shape:
        raise InputError(f"generated: found frames {generated.shape}; expected the truth's {truth.shape}")


def _frames_of(track: Track, index: np.ndarray) -> Track:
    dense = None if track.dense is None else track.dense[index]
    return replace(track, keypoints=track.keypoints[index], dense=dense)
