"""SSIM, PSNR and L1, and the variants that published tables hold.

Every function takes generated and truth, uint8 (F, H, W, 3) RGB of one shape, and returns float64 (F,): one value a
frame; the metric of a film is their mean. With a mask, bool (F, H, W), only its pixels count, and a frame without any
is NaN. InputError where the two do not match. docs/metrics.md has the sources and what may not be compared.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from lookreel.metrics.clip import check_pair
from lookreel.metrics.structural import gaussian, inner, ssim_map, uniform

CAP = 100.0  # dB, the PSNR of equal frames


def ssim(generated: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """SSIM on RGB, Gaussian window of sigma 1.5, population covariance, data range 255 (Wang et al. 2004)."""
    check_pair(generated, truth)
    window, values = gaussian(1.5), []
    for i, pair in enumerate(zip(generated, truth, strict=True)):
        found = ssim_map(*pair, window)
        values.append(found.mean() if mask is None else _mean(found.mean(2)[inner(mask[i], window)]))
    return np.array(values)


def psnr(generated: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """PSNR in dB in float64, data range 255; equal frames give 100."""
    check_pair(generated, truth)
    return np.array([decibel(error) for error in _per_frame(_square, generated, truth, mask)])


def l1(generated: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """Mean absolute difference on [0, 1] (DreamPose's scale)."""
    check_pair(generated, truth)
    return np.array(_per_frame(_absolute, generated, truth, mask)) / 255


def decibel(mse: float, peak: float = 255) -> float:
    """10 log10 (peak^2 / mse), at most 100 dB; NaN stays NaN."""
    return CAP if mse == 0 else float(np.minimum(CAP, 10 * np.log10(peak**2 / mse)))


def ssim_disco(generated: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """DisCo's SSIM: BT.601 gray rounded to uint8, flat 7x7 window, sample covariance."""
    check_pair(generated, truth)
    return np.array([ssim_map(_gray(a), _gray(b), uniform(7), 255, True).mean() for a, b in _pairs(generated, truth)])


def ssim_bdmm(generated: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """BDMM's SSIM: as `ssim`, but the data range is the generated frame's own, max - min."""
    return _ssim_own_range(generated, truth, 1.5)


def ssim_pidm(generated: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """PIDM's "SSIM_256" (GFLA's script): as BDMM's, with sigma 1.2."""
    return _ssim_own_range(generated, truth, 1.2)


def ssim_pidm_uniform(generated: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """PIDM's other SSIM: flat window of 51 pixels on RGB, sample covariance."""
    check_pair(generated, truth)
    return np.array([ssim_map(a, b, uniform(51), 255, True).mean() for a, b in _pairs(generated, truth)])


def psnr_overflow(generated: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """DisCo's first PSNR, whose uint8 arithmetic wraps round; wrong by 5 to 16 dB, only to read old tables."""
    check_pair(generated, truth)
    return np.array([decibel(np.mean((a - b) ** 2)) for a, b in _pairs(generated, truth)])


def l1_bdmm(generated: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """L1 on [-1, 1]: twice `l1`."""
    return 2 * l1(generated, truth)


def l1_disco(generated: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """DisCo's L1: the mean on 0-255 divided by the number of pixels, so that it falls as pictures grow."""
    return l1(generated, truth) * 255 / (truth.shape[1] * truth.shape[2])


def _ssim_own_range(generated: np.ndarray, truth: np.ndarray, sigma: float) -> np.ndarray:
    """A frame of one colour has no range: skimage's 0 / 0 there is given as NaN."""
    check_pair(generated, truth)
    window, values = gaussian(sigma), []
    for a, b in _pairs(generated, truth):
        data_range = int(a.max()) - int(a.min())
        values.append(ssim_map(a, b, window, data_range).mean() if data_range else np.nan)
    return np.array(values)


def _pairs(generated: np.ndarray, truth: np.ndarray) -> zip:
    return zip(generated, truth, strict=True)


def _gray(frame: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)


def _per_frame(
    error: Callable[[np.ndarray], np.ndarray], generated: np.ndarray, truth: np.ndarray, mask: np.ndarray | None
) -> list[float]:
    """The mean error of each frame, over all pixels or the mask's."""
    values = []
    for i, (a, b) in enumerate(_pairs(generated, truth)):
        found = error(a.astype(np.int32) - b)
        values.append(_mean(found if mask is None else found[mask[i]]))
    return values


def _square(difference: np.ndarray) -> np.ndarray:
    return difference * difference


def _absolute(difference: np.ndarray) -> np.ndarray:
    return np.abs(difference)


def _mean(values: np.ndarray) -> float:
    return float(values.mean(dtype=np.float64)) if values.size else float("nan")
