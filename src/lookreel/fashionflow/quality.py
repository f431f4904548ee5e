"""What can be told of a film whose motion is its own, so that no true film goes with it frame by frame.

The limits that the paper names (section 4.7) as figures: colours that fade, skin that takes the data's commonest tone,
and whether the figure moves at all. Frames are uint8 (F, 3, H, W).
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

from lookreel.data.mannequin import Clip
from lookreel.data.mannequin.labels import HEAD
from lookreel.data.mannequin.physique import Physique
from lookreel.metrics.lab import to_lab

APART = 12.0  # Lab units from the backdrop at which a pixel belongs to the figure
SKIN_SHARE = 0.1  # of the head's pixels are compared: those that are most like the skin
MIDDLE = 0.3  # of the garment's height and width, about its middle


def chroma(frames: Tensor) -> np.ndarray:
    """Mean Lab chroma of the figure in each frame, (F,). The backdrop's colour is that of the first frame's corners."""
    lab = _lab(frames)
    backdrop = np.median(lab[0][[0, 0, -1, -1], [0, -1, 0, -1]], axis=0)
    figure = np.linalg.norm(lab - backdrop, axis=3) > APART
    amount = np.linalg.norm(lab[..., 1:], axis=3)
    return (amount * figure).sum((1, 2)) / figure.sum((1, 2)).clip(1)


def faded(frames: Tensor) -> float:
    """Chroma of the last quarter of the frames over that of the first frame: 1 where nothing fades."""
    found = chroma(frames)
    return float(found[-max(len(found) // 4, 1) :].mean() / max(found[0], 1e-6))


def skin_error(frames: Tensor, photo: Clip, seed: int) -> float:
    """Distance in Lab between the skin of the head in the photo and in the film, over the frames that show it best.

    photo: the still of mannequin `seed` that the film was made from. In each frame the pixels near the head that are
    most like the skin are compared; the lower quartile over the frames leaves out those that show the back of the head.
    """
    head = np.isin(photo.dense[0, 0].numpy(), HEAD)
    tone = to_lab(np.round(Physique.of(seed).skin[None, None] * 255).astype(np.uint8))[0, 0]
    reference = _nearest(_lab(photo.frames[:1])[0][head], tone).mean(0)
    rows, columns = np.nonzero(head)
    box = slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1)
    near = [_nearest(frame[box].reshape(-1, 3), reference) for frame in _lab(frames)]
    return float(np.quantile([np.linalg.norm(found - reference, axis=1).mean() for found in near], 0.25))


def colour_off(frames: Tensor, photo: Clip) -> float:
    """How far the colour at the garment's middle is from the photo's, mean over the frames, 0 to 1 a channel.

    photo: the still that the film was made from. Colours are means over the middle of what its garment spans; of the
    three channels the worst counts.
    """
    rows, columns = (_middle(places) for places in np.nonzero(photo.masks["garment"][0].numpy()))
    made, given = (clip[:, :, rows, columns].float().mean((2, 3)) for clip in (frames, photo.frames[:1]))
    return float((made - given).abs().amax(1).mean() / 255)


def motion(frames: Tensor) -> float:
    """Mean change of a pixel from frame to frame, 0 to 1."""
    return float((frames[1:].float() - frames[:-1].float()).abs().mean() / 255)


def jitter(frames: Tensor) -> float:
    """Mean squared distance of each frame from the mean of its two neighbours, on [0, 1]: small where motion is smooth.

    Needs no true motion, so that films of unknown motion can be compared with themselves at twice the frame rate.
    """
    x = frames.float() / 255
    return float((x[1:-1] - (x[:-2] + x[2:]) / 2).square().mean())


def _middle(places: np.ndarray) -> slice:
    """The middle part of the range that places span."""
    low, high = places.min(), places.max() + 1
    margin = (high - low) * (1 - MIDDLE) / 2
    return slice(int(low + margin), int(np.ceil(high - margin)))


def _nearest(colors: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """The share of colours (N, 3) that are nearest to the reference."""
    order = np.argsort(np.linalg.norm(colors - reference, axis=1))
    return colors[order[: max(int(len(colors) * SKIN_SHARE), 1)]]


def _lab(frames: Tensor) -> np.ndarray:
    """Lab colours (F, H, W, 3)."""
    return np.stack([to_lab(frame) for frame in frames.permute(0, 2, 3, 1).numpy()])
