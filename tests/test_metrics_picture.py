"""SSIM, PSNR and L1 against scikit-image and numpy, and the variants of published scripts."""

import time

import cv2
import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from lookreel.errors import InputError
from lookreel.metrics import picture

OURS = dict(channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False)


@pytest.fixture(scope="module")
def pair() -> tuple[np.ndarray, np.ndarray]:
    """Three frames of smooth noise and the same with a distortion, uint8 (3, 72, 60, 3)."""
    rng = np.random.default_rng(0)
    smooth = np.stack([cv2.GaussianBlur(rng.uniform(0, 255, (72, 60, 3)), (0, 0), 2) for _ in range(3)])
    truth = np.clip((smooth - 127) * 4 + 127, 0, 255).astype(np.uint8)
    generated = np.clip(truth + rng.normal(0, 12, truth.shape), 0, 255).astype(np.uint8)
    return generated, truth


def each(pair, function) -> np.ndarray:
    return np.array([function(a, b) for a, b in zip(*pair, strict=True)])


def own_range(frame: np.ndarray) -> float:
    return float(frame.max()) - float(frame.min())


def gray(frame: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(frame[..., ::-1].copy(), cv2.COLOR_BGR2GRAY)


REFERENCES = {
    "ssim": lambda a, b: structural_similarity(b, a, data_range=255, **OURS),
    "ssim_disco": lambda a, b: structural_similarity(gray(a), gray(b)),
    "ssim_bdmm": lambda a, b: structural_similarity(b / 255, a / 255, data_range=own_range(a) / 255, **OURS),
    "ssim_pidm": lambda a, b: structural_similarity(
        b.astype(float), a.astype(float), data_range=own_range(a), **OURS | {"sigma": 1.2}
    ),
    "ssim_pidm_uniform": lambda a, b: structural_similarity(
        b / 255, a / 255, channel_axis=2, win_size=51, data_range=1
    ),
}


@pytest.mark.parametrize("name", REFERENCES)
def test_ssim_is_scikit_images(pair, name):
    np.testing.assert_allclose(getattr(picture, name)(*pair), each(pair, REFERENCES[name]), rtol=1e-9)


def test_ssim_is_torchmetrics_without_its_border(pair):
    metrics = pytest.importorskip("torchmetrics.functional.image")
    batch = [torch.from_numpy(frames.transpose(0, 3, 1, 2).astype(np.float64)) for frames in pair]
    _, full = metrics.structural_similarity_index_measure(*batch, data_range=255.0, return_full_image=True)
    np.testing.assert_allclose(picture.ssim(*pair), full[..., 5:-5, 5:-5].mean((1, 2, 3)).numpy(), rtol=1e-9)


def test_psnr_and_l1_are_float64_arithmetic(pair):
    difference = pair[0].astype(np.float64) - pair[1]
    mse = np.square(difference).mean((1, 2, 3))
    np.testing.assert_allclose(picture.psnr(*pair), 10 * np.log10(255**2 / mse), rtol=1e-12)
    np.testing.assert_allclose(picture.l1(*pair), np.abs(difference).mean((1, 2, 3)) / 255, rtol=1e-12)


def test_equal_frames_reach_the_best_values(pair):
    truth = pair[1]
    for name in ("ssim", "ssim_disco", "ssim_bdmm", "ssim_pidm", "ssim_pidm_uniform"):
        np.testing.assert_allclose(getattr(picture, name)(truth, truth), 1, rtol=1e-12)
    assert (picture.psnr(truth, truth) == picture.CAP).all() and (picture.psnr_overflow(truth, truth) == 100).all()
    assert not picture.l1(truth, truth).any()


def test_overflow_hides_at_least_five_decibels():
    """DisCo's first script on a 2 px shift of a picture with hard edges."""
    canvas = np.full((1, 256, 256, 3), 230, np.uint8)
    for i in range(8):
        cv2.putText(canvas[0], "lookreel", (10, 30 + 30 * i), cv2.FONT_HERSHEY_SIMPLEX, 1.3, (40 + 20 * i, 60, 90), 2)
    shifted = np.roll(canvas, 2, axis=2)
    wrapped = np.mean((canvas - shifted) ** 2, dtype=np.float64)
    np.testing.assert_allclose(picture.psnr_overflow(shifted, canvas), 10 * np.log10(255**2 / wrapped), rtol=1e-12)
    assert picture.psnr_overflow(shifted, canvas)[0] > picture.psnr(shifted, canvas)[0] + 5


def test_the_scales_of_l1(pair):
    np.testing.assert_allclose(picture.l1_bdmm(*pair), 2 * picture.l1(*pair))
    signed = [frames / 127.5 - 1 for frames in pair]
    np.testing.assert_allclose(picture.l1_bdmm(*pair), np.abs(signed[0] - signed[1]).mean((1, 2, 3)))
    np.testing.assert_allclose(picture.l1_disco(*pair), picture.l1(*pair) * 255 / (72 * 60))
    np.testing.assert_allclose(0.0971 * 255 / 256**2, 3.78e-4, rtol=1e-3)  # the TikTok value as printed


def test_a_mask_counts_only_its_pixels(pair):
    generated, truth = (frames.copy() for frames in pair)
    mask = np.zeros(truth.shape[:3], bool)
    mask[:2, 20:50, 15:45] = True
    generated[:, :5] = 255 - generated[:, :5]  # wrong outside the mask and its windows
    inside = np.square(generated[0, 20:50, 15:45].astype(float) - truth[0, 20:50, 15:45]).mean()
    np.testing.assert_allclose(picture.psnr(generated, truth, mask)[0], 10 * np.log10(255**2 / inside))
    _, full = structural_similarity(truth[0], pair[0][0], data_range=255, full=True, **OURS)
    np.testing.assert_allclose(picture.ssim(generated, truth, mask)[0], full[20:50, 15:45].mean(), rtol=1e-9)
    for metric in (picture.ssim, picture.psnr, picture.l1):
        found = metric(generated, truth, mask)
        assert np.isfinite(found[:2]).all() and np.isnan(found[2])
        np.testing.assert_allclose(metric(*pair, np.ones_like(mask)), metric(*pair), rtol=1e-12)


def test_a_frame_of_one_colour_has_no_range_of_its_own(pair):
    assert np.isnan(picture.ssim_bdmm(np.full_like(pair[0], 7), pair[1])).all()


@pytest.mark.parametrize(
    ("generated", "truth", "message"),
    [
        (np.zeros((2, 9, 9, 3), np.uint8), np.zeros((3, 9, 9, 3), np.uint8), "generated: found frames"),
        (np.zeros((2, 9, 9, 3), np.float32), np.zeros((2, 9, 9, 3), np.uint8), "generated: found float32"),
        (np.zeros((2, 9, 9, 3), np.uint8), np.zeros((2, 9, 9), np.uint8), "truth: found uint8"),
        (np.zeros((0, 9, 9, 3), np.uint8), np.zeros((0, 9, 9, 3), np.uint8), "expected uint8 frames"),
    ],
)
def test_frames_that_do_not_match_are_refused(generated, truth, message):
    for metric in (picture.ssim, picture.psnr, picture.l1, picture.ssim_disco, picture.psnr_overflow):
        with pytest.raises(InputError, match=message):
            metric(generated, truth)


def test_frames_smaller_than_the_window_are_refused():
    small = np.zeros((1, 10, 40, 3), np.uint8)
    with pytest.raises(InputError, match="10x40: too small for SSIM's window of 11"):
        picture.ssim(small, small)


@pytest.mark.slow  # half a minute: the time for 2,000 pairs is estimated from 100
def test_two_thousand_pairs_take_less_than_a_minute():
    rng = np.random.default_rng(1)
    generated, truth = rng.integers(0, 256, (2, 100, 256, 256, 3), dtype=np.uint8)
    start = time.process_time()
    for metric in (picture.ssim, picture.psnr, picture.l1):
        metric(generated, truth)
    assert (time.process_time() - start) * 20 < 2 * 60  # two cores
