"""Colours as people see them: CIE Lab, and how far apart two sets of colours are in it."""

import cv2
import numpy as np


def to_lab(picture: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3) sRGB -> float32 (H, W, 3): L 0 to 100, a and b about -128 to 127."""
    return cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)


def histogram_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Earth mover's distance between the histograms of Lab colours (N, 3) and (M, 3), in Lab units.

    Per channel the area between the sorted values (1-D Wasserstein), joined as a Euclidean distance: for two plain
    colours it is their difference.
    """
    places = np.linspace(0, 1, 257)
    quantiles = (np.quantile(colors.astype(np.float64), places, axis=0) for colors in (a, b))
    first, second = quantiles
    return float(np.linalg.norm(np.trapezoid(np.abs(first - second), places, axis=0)))
