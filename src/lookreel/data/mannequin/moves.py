"""Moves: what the whole body does over a clip, before it has limbs: where it faces, how it sways and steps."""

from dataclasses import dataclass

import numpy as np

from lookreel.data.mannequin.streams import stream


@dataclass(frozen=True)
class Moves:
    """All (F,). yaw: radians, 0 faces the camera, positive turns the face to the picture's right. rate: yaw in radians
    a second. sway: -1 to 1, weight to the right or left foot. stride: phase of the steps in radians; step: their
    length in figure heights, 0 where the figure stands."""

    yaw: np.ndarray
    rate: np.ndarray
    sway: np.ndarray
    stride: np.ndarray
    step: np.ndarray

    @classmethod
    def of(cls, seed: int, motion: str, frames: int, fps: float) -> "Moves":
        """The moves of a clip. motion: one of MOTIONS."""
        rng = stream(seed, motion)
        phase, start, speed, way = rng.uniform(0, 2 * np.pi), rng.uniform(-0.5, 0.5), rng.uniform(0.4, 0.7), _way(rng)
        length = rng.uniform(0.06, 0.1) if motion == "walk" else 0.0
        index = np.arange(-1, frames + 1)  # one frame more at each end, for the rate
        beat = 2 * np.pi * speed * index / fps
        if motion == "turn":
            yaw = start + way * 2 * np.pi * index / frames
        elif motion == "half-turn":
            share = np.clip(index / max(frames - 1, 1), 0, 1)
            yaw = 0.4 * start + way * np.pi * (0.25 * share + 0.75 * share**2 * (3 - 2 * share))
        elif motion == "sway":
            yaw = 0.5 * start + 0.4 * np.sin(1.2 * beat + phase)
        else:
            yaw = 0.3 * start + 0.1 * np.sin(1.6 * beat + phase)
        stride, rate = (1.6 * beat + phase)[1:-1], (yaw[2:] - yaw[:-2]) * fps / 2
        sway = np.sin(stride if motion == "walk" else beat[1:-1] + phase)
        return cls(yaw[1:-1], rate, sway, stride, np.full(frames, length))

    @classmethod
    def still(cls, seed: int, yaws: np.ndarray) -> "Moves":
        """Single poses at these yaws, each with its own slight sway."""
        yaws = np.asarray(yaws, np.float64).reshape(-1)
        phase = stream(seed, "sway").uniform(0, 2 * np.pi)
        zeros = np.zeros(len(yaws))
        return cls(yaws, zeros, 0.6 * np.sin(phase + 2.3 * yaws), zeros, zeros)


def _way(rng: np.random.Generator) -> int:
    return 1 if rng.random() < 0.5 else -1
