"""dtSSD: whether the film changes from frame to frame as the truth does. It catches a film that stands still."""

import numpy as np

from lookreel.metrics.clip import check_pair


def dtssd(generated: np.ndarray, truth: np.ndarray) -> float:
    """mean ((x_t - x_{t-1}) - (y_t - y_{t-1}))^2 on [0, 1], frames uint8 (F, H, W, 3); NaN under two frames.

    Source: `dtSSD` of DisCo's evaluation, after Erofeev et al. 2015; no root and no factor of 100.
    """
    check_pair(generated, truth)
    difference = generated.astype(np.int16) - truth
    steps = [np.square(difference[i].astype(np.int32) - difference[i - 1]).mean() for i in range(1, len(generated))]
    return float(np.mean(steps)) / 255**2 if steps else float("nan")
