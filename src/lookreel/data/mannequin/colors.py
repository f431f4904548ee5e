"""Colours: float32 RGB in [0, 1], drawn so that what must be told apart can be told apart."""

import colorsys

import numpy as np

SKINS = np.array(
    [(250, 222, 200), (240, 200, 170), (224, 172, 138), (198, 140, 100), (150, 98, 66), (104, 66, 46), (74, 48, 36)],
    np.float32,
) / np.float32(255)
HAIRS = np.array(
    [(28, 22, 20), (58, 38, 26), (104, 66, 38), (166, 116, 62), (222, 186, 120), (150, 60, 30), (180, 178, 176)],
    np.float32,
) / np.float32(255)
NEUTRALS = np.array(
    [(245, 243, 238), (30, 30, 34), (128, 128, 132), (28, 38, 84), (222, 204, 172), (92, 60, 40)], np.float32
) / np.float32(255)


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """How well two colours are told apart, by hue and by brightness: 0 for the same, 1.8 from black to white."""
    change = one - other
    return float(0.6 * np.linalg.norm(change) + 0.8 * abs(change @ (0.3, 0.59, 0.11)))


def cloth(rng: np.random.Generator) -> np.ndarray:
    """A colour for cloth: a neutral one time in four, else any hue."""
    neutral, hue = rng.integers(len(NEUTRALS)), rng.random()
    saturation, value = rng.uniform(0.55, 0.95), rng.uniform(0.45, 0.98)
    if rng.random() < 0.25:
        return NEUTRALS[neutral]
    return np.array(colorsys.hsv_to_rgb(hue, saturation, value), np.float32)


def apart(rng: np.random.Generator, *others: np.ndarray, least: float = 0.5, pick=cloth) -> np.ndarray:
    """A colour at least `least` from all others, or the farthest of twelve."""
    draws = [pick(rng) for _ in range(12)]
    gaps = [min(distance(draw, other) for other in others) for draw in draws]
    near = [i for i, gap in enumerate(gaps) if gap >= least]
    return draws[near[0] if near else int(np.argmax(gaps))]


def backdrop(rng: np.random.Generator) -> np.ndarray:
    """A quiet studio colour."""
    return np.array(colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.0, 0.3), rng.uniform(0.5, 0.98)), np.float32)
