"""The kernel distance between two sets of features: KVD on a video network's, KID on a picture network's.

The unbiased estimate of the squared maximum mean discrepancy with k(x, y) = (x.y / D + 1)^3, over all samples at once.
Source: Binkowski et al. 2018, "Demystifying MMD GANs", section 4; Unterthiner et al. 2018 for video. Unlike a Frechet
distance its mean does not depend on the number of samples, and it may fall below zero.
"""

import numpy as np

from lookreel.errors import InputError


def kernel_distance(a: np.ndarray, b: np.ndarray) -> float:
    """The distance of features a (N, D) and b (M, D). Raises InputError under two samples or for another D."""
    x, y = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or min(len(x), len(y)) < 2:
        raise InputError(f"features of shape {x.shape} and {y.shape}; expected (N, D) and (M, D), two samples or more")
    return _within(x) + _within(y) - 2 * float(_kernel(x, y).mean())


def _kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (x @ y.T / x.shape[1] + 1) ** 3


def _within(x: np.ndarray) -> float:
    """The mean kernel between different samples of one set."""
    k = _kernel(x, x)
    return float((k.sum() - np.trace(k)) / (len(x) * (len(x) - 1)))
