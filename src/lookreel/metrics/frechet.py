"""The Frechet distance between two sets of features, each taken as a Gaussian.

    d^2 = |mu_a - mu_b|^2 + tr S_a + tr S_b - 2 tr (S_a S_b)^(1/2)

Dowson and Landau 1982; Heusel et al. 2017, equation 6. With the centred features A, B scaled so that S = A^T A, the
last trace is the nuclear norm of A B^T: no square root of a singular matrix, and exact also with fewer samples than
dimensions.
"""

import numpy as np

from lookreel.errors import InputError


def frechet(a: np.ndarray, b: np.ndarray, ddof: int = 1) -> float:
    """d^2 of features a (N, D) and b (M, D), in float64.

    ddof: 1 divides the covariance by N - 1 (pytorch-fid, clean-fid, torchmetrics), 0 by N (StyleGAN-V, cd-fvd).
    Raises InputError under two samples, for another D, or for values that are not finite.
    """
    (mean_a, root_a), (mean_b, root_b) = _moments(a, ddof), _moments(b, ddof)
    if mean_a.shape != mean_b.shape:
        raise InputError(f"features of {mean_a.size} and {mean_b.size} dimensions; expected the same network's")
    cross = np.linalg.svd(root_a @ root_b.T, compute_uv=False).sum()
    apart = np.square(mean_a - mean_b).sum() + np.square(root_a).sum() + np.square(root_b).sum() - 2 * cross
    return max(float(apart), 0.0)


def _moments(features: np.ndarray, ddof: int) -> tuple[np.ndarray, np.ndarray]:
    """The mean (D,) and a root (K, D) of the covariance, K = min(N, D)."""
    x = np.asarray(features, np.float64)
    if x.ndim != 2 or len(x) < 2:
        raise InputError(f"features of shape {x.shape}; a Frechet distance needs (N, D) with at least two samples")
    if not np.isfinite(x).all():
        raise InputError("features hold values that are not finite (NaN or infinity)")
    mean = x.mean(0)
    root = (x - mean) / np.sqrt(len(x) - ddof)
    return mean, root if len(root) <= root.shape[1] else np.linalg.qr(root, mode="r")
