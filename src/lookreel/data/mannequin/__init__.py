"""The bundled world: dressed figures rendered from a seed, with keypoints, labels, flow and masks as ground truth."""

from lookreel.data.mannequin.clip import Clip, clip, frames_at
from lookreel.data.mannequin.streams import MOTIONS, TEST, TRAIN, VALIDATION

__all__ = ["MOTIONS", "TEST", "TRAIN", "VALIDATION", "Clip", "clip", "frames_at"]
