"""DensePose itself, as a TorchScript file that a user names: pictures -> part, U and V.

The contract is that of DensePose's chart-based predictors as they are exported (dajes/DensePose-TorchScript):
input: one picture, uint8 (H, W, 3), BGR. Output: a dict of tensors, one row for each of N people:
`pred_boxes` (N, 4) x0, y0, x1, y1 in pixels; `scores` (N,); and at some resolution (S, S) of each box
`pred_densepose_coarse_segm` (N, 2, S, S), `pred_densepose_fine_segm` (N, 25, S, S), and `pred_densepose_u`,
`pred_densepose_v` (N, 25, S, S), for each part its U and V in [0, 1].
TorchScript is code: only a file from a source that you trust should be named.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from lookreel.errors import InputError

PARTS = 25  # 24 and what is none
FIELDS = ("pred_boxes", "scores", *(f"pred_densepose_{name}" for name in ("coarse_segm", "fine_segm", "u", "v")))
SURE = 0.5  # score from which a detection is somebody


class DensePoseNetwork:
    """path: the TorchScript file. Raises InputError where it cannot be loaded."""

    def __init__(self, path: Path, device: str | torch.device = "cpu") -> None:
        if not path.is_file():
            raise InputError(f"{path}: no such file; expected DensePose as a TorchScript file")
        self.path, self.device = path, torch.device(device)
        try:
            self.network = torch.jit.load(str(path), map_location=self.device).eval()
        except RuntimeError as error:
            raise InputError(f"{path}: {_why(error)}") from error
        if self.device.type == "cpu":
            self.network = self.network.float()  # exported in half precision, which a CPU does not run

    @torch.no_grad()
    def maps(
        self,
        frames: np.ndarray,
        name: str,
        person: int | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> tuple[np.ndarray, list[str]]:
        """frames uint8 (F, 3, H, W), RGB -> part, U and V, uint8 (F, 3, H, W), and notices.

        person: of several people the Nth largest, from 1; None takes the only one. name: of the frames, for errors.
        Raises InputError where nobody is in any frame, and where several are and no number is given.
        """
        made = np.zeros((len(frames), 3, *frames.shape[2:]), np.uint8)
        for number, frame in enumerate(frames):
            found = self._people(frame)
            chosen = _choose(found["pred_boxes"], person, f"{name}, frame {number}" if len(frames) > 1 else name)
            if chosen is not None:
                made[number] = _paste({key: tensor[chosen] for key, tensor in found.items()}, frame.shape[1:])
            if progress is not None:
                progress(number + 1, len(frames))
        empty = int((~made[:, 0].any((1, 2))).sum())
        if empty == len(frames):
            raise InputError(f"{name}: DensePose finds nobody in any frame; expected a person")
        return made, [f"{name}: DensePose finds nobody in {empty} of {len(frames)} frames"] if empty else []

    def _people(self, frame: np.ndarray) -> dict[str, Tensor]:
        """The network's answer for a frame uint8 (3, H, W), as float tensors on the CPU, those it is sure of."""
        picture = torch.from_numpy(np.ascontiguousarray(frame[::-1].transpose(1, 2, 0))).to(self.device)
        try:
            found: Any = self.network(picture)
        except RuntimeError as error:
            raise InputError(f"{self.path}: {_why(error)}") from error
        self._check(found)
        kept = found["scores"] >= SURE
        return {key: found[key][kept].float().cpu() for key in FIELDS}

    def _check(self, found: Any) -> None:
        """InputError where the answer is not as the contract says."""
        if not isinstance(found, dict) or any(not isinstance(found.get(key), Tensor) for key in FIELDS):
            keys = ", ".join(map(str, found)) if isinstance(found, dict) else type(found).__name__
            raise InputError(f"{self.path}: returns {keys}; expected DensePose's {', '.join(FIELDS)}")
        for key, channels in (("coarse_segm", 2), ("fine_segm", PARTS), ("u", PARTS), ("v", PARTS)):
            shape = tuple(found[f"pred_densepose_{key}"].shape)
            if len(shape) != 4 or shape[:2] != (len(found["pred_boxes"]), channels):
                raise InputError(f"{self.path}: pred_densepose_{key} is {shape}; expected (N, {channels}, S, S)")


def _why(error: RuntimeError) -> str:
    """What is wrong with a TorchScript file, on one line."""
    text = str(error)
    if "torchvision::" in text:
        return "it needs torchvision's operators, which this installation does not have; expected DensePose without"
    return f"not DensePose as TorchScript ({' '.join(text.split())[:200]})"


def _choose(boxes: Tensor, person: int | None, name: str) -> int | None:
    """Whose row to take of boxes (N, 4); None where nobody is there."""
    if not len(boxes):
        return None
    if len(boxes) > 1 and person is None:
        raise InputError(f"{name}: {len(boxes)} people; expected one, or --person N, the Nth largest")
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    order = areas.argsort(descending=True).tolist()
    return order[min(person or 1, len(order)) - 1]


def _paste(found: dict[str, Tensor], size: tuple[int, int]) -> np.ndarray:
    """One person's charts at the place of the box: uint8 (3, H, W), part, U and V scaled to 0-255."""
    x0, y0, x1, y1 = (round(v) for v in found["pred_boxes"].tolist())
    box = max(y1 - y0, 1), max(x1 - x0, 1)
    coarse, fine, u, v = (
        F.interpolate(found[f"pred_densepose_{key}"][None], box, mode="bilinear", align_corners=False)[0]
        for key in ("coarse_segm", "fine_segm", "u", "v")
    )
    part = fine.argmax(0) * (coarse.argmax(0) > 0)
    charts = [part, *(chart.gather(0, part[None])[0].clamp(0, 1) * 255 * (part > 0) for chart in (u, v))]
    person = torch.stack([chart.round() if chart.is_floating_point() else chart for chart in charts]).byte().numpy()
    made = np.zeros((3, *size), np.uint8)
    top, left = max(y0, 0), max(x0, 0)
    bottom, right = min(y0 + box[0], size[0]), min(x0 + box[1], size[1])
    if bottom > top and right > left:
        made[:, top:bottom, left:right] = person[:, top - y0 : bottom - y0, left - x0 : right - x0]
    return made
