"""How a truth clip is laid over a generated one: one crop to its shape, one resize, for pixels and all else.

A model sees the centre of a picture of another shape, never a stretched one; so the truth is cropped the same way. Both
sides are then resized once, by PIL's bicubic filter, to the size at which a protocol compares.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Fit:
    """A crop and a resize in one step.

    source: (H, W) of the picture. box: left, top, right, bottom of the crop in its pixels. size: (H, W) afterwards.
    """

    source: tuple[int, int]
    box: tuple[float, float, float, float]
    size: tuple[int, int]

    @classmethod
    def to(cls, source: tuple[int, int], shape: tuple[int, int], size: tuple[int, int]) -> Fit:
        """The centred crop of `source` that has the shape of `shape` (its sides' ratio), resized to `size`; (H, W)."""
        scale = max(shape[0] / source[0], shape[1] / source[1])
        height, width = min(shape[0] / scale, source[0]), min(shape[1] / scale, source[1])
        top, left = (source[0] - height) / 2, (source[1] - width) / 2
        return cls(source, (left, top, left + width, top + height), size)

    @property
    def kept(self) -> float:
        """The part of the picture's area that the crop keeps, from 0 to 1."""
        left, top, right, bottom = self.box
        return (right - left) * (bottom - top) / (self.source[0] * self.source[1])

    @property
    def scale(self) -> tuple[float, float]:
        """Pixels after the resize for a pixel before it, in x and in y."""
        left, top, right, bottom = self.box
        return self.size[1] / (right - left), self.size[0] / (bottom - top)

    def frame(self, pixels: np.ndarray) -> np.ndarray:
        """A frame uint8 (H, W, 3) as uint8 of `size`; unchanged where nothing is to do."""
        return self._resized(Image.fromarray(np.ascontiguousarray(pixels)), Image.Resampling.BICUBIC)

    def points(self, points: np.ndarray) -> np.ndarray:
        """Points (..., 2 or more), x and y first; the centre of pixel i lies at coordinate i."""
        moved = np.array(points, np.float64)
        for axis in (0, 1):
            moved[..., axis] = (moved[..., axis] + 0.5 - self.box[axis]) * self.scale[axis] - 0.5
        return moved

    def boxes(self, boxes: np.ndarray) -> np.ndarray:
        """Boxes (..., 4), left, top, right, bottom as borders between pixels; cut at the picture's edge."""
        moved = np.array(boxes, np.float64)
        for place in range(4):
            axis = place % 2
            moved[..., place] = (moved[..., place] - self.box[axis]) * self.scale[axis]
            moved[..., place] = moved[..., place].clip(0, self.size[1 - axis])
        return moved

    def mask(self, mask: np.ndarray) -> np.ndarray:
        """A mask bool (H, W), each pixel from its nearest."""
        return self._resized(Image.fromarray(mask.astype(np.uint8) * 255), Image.Resampling.NEAREST) > 127

    def flow(self, flow: np.ndarray) -> np.ndarray:
        """A flow (2, H, W), x and y in pixels, as float32 of `size` in the new pixels."""
        planes = [Image.fromarray(np.ascontiguousarray(plane, np.float32)) for plane in flow]
        moved = [self._resized(plane, Image.Resampling.BILINEAR) for plane in planes]
        return np.stack([plane * scale for plane, scale in zip(moved, self.scale, strict=True)]).astype(np.float32)

    def _resized(self, picture: Image.Image, resample: Image.Resampling) -> np.ndarray:
        whole = self.box == (0, 0, self.source[1], self.source[0])
        if whole and self.size == self.source:
            return np.array(picture)
        return np.array(picture.resize((self.size[1], self.size[0]), resample, box=self.box))
