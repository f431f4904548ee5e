"""Distances between sets of features, the Inception Score, and intervals over videos."""

import numpy as np
import pytest
from scipy import linalg

from lookreel.errors import InputError
from lookreel.metrics.bootstrap import interval, pooled_mean
from lookreel.metrics.frechet import frechet
from lookreel.metrics.inception_score import inception_score
from lookreel.metrics.kernel import kernel_distance
from lookreel.metrics.reid import aed_reid, read_embeddings


def sample(seed: int, count: int, width: int, shift: float = 0.0) -> np.ndarray:
    """Correlated features (count, width)."""
    rng = np.random.default_rng(seed)
    mix = np.random.default_rng(9).normal(size=(width, width)) / np.sqrt(width)
    return rng.normal(size=(count, width)) @ (mix + np.eye(width)) + shift


@pytest.mark.parametrize("ddof", [0, 1])
def test_frechet_is_scipys_matrix_root(ddof):
    a, b = sample(0, 500, 20), sample(1, 400, 20, 0.3)
    cov_a, cov_b = (np.cov(x, rowvar=False, ddof=ddof) for x in (a, b))
    root = linalg.sqrtm(cov_a @ cov_b).real
    expected = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(cov_a + cov_b - 2 * root)
    np.testing.assert_allclose(frechet(a, b, ddof), expected, rtol=1e-6)


def test_frechet_with_fewer_samples_than_dimensions_is_the_symmetric_root():
    a, b = sample(0, 12, 30), sample(1, 15, 30, 0.1)
    cov_a, cov_b = (np.cov(x, rowvar=False) for x in (a, b))
    values, vectors = np.linalg.eigh(cov_a)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    cross = np.sqrt(np.clip(np.linalg.eigvalsh(root @ cov_b @ root), 0, None)).sum()
    expected = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(cov_a) + np.trace(cov_b) - 2 * cross
    np.testing.assert_allclose(frechet(a, b), expected, rtol=1e-6)


def test_frechet_of_a_set_with_itself_is_zero_and_symmetric():
    for count, width in ((300, 20), (10, 40)):
        a, b = sample(0, count, width), sample(1, count + 5, width, 1.0)
        assert frechet(a, a) < 1e-9
        np.testing.assert_allclose(frechet(a, b), frechet(b, a), rtol=1e-9)


def test_frechet_of_gaussians_has_a_closed_form():
    """Two whitened samples, then scaled and moved: |mu|^2 + sum (s_a - s_b)^2."""
    rng = np.random.default_rng(2)
    white = rng.normal(size=(1000, 5))
    white -= white.mean(0)
    white = white @ np.linalg.inv(np.linalg.cholesky(np.cov(white, rowvar=False))).T
    scale_a, scale_b, shift = np.arange(1, 6) / 2, np.arange(5, 0, -1) / 3, np.arange(5) * 0.1
    expected = np.square(shift).sum() + np.square(scale_a - scale_b).sum()
    np.testing.assert_allclose(frechet(white * scale_a, white * scale_b + shift), expected, rtol=1e-9)


def test_the_divisor_shows_with_few_samples():
    a, b = sample(0, 16, 40), sample(1, 16, 40)
    np.testing.assert_allclose(np.square(a.mean(0) - b.mean(0)).sum() + 15 / 16 * (
        frechet(a, b, 1) - np.square(a.mean(0) - b.mean(0)).sum()), frechet(a, b, 0), rtol=1e-9)  # fmt: skip


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (np.ones((1, 4)), np.ones((5, 4)), "two samples"),
        (np.ones((5, 4)), np.ones((5, 3)), "dimensions"),
        (np.full((5, 4), np.nan), np.ones((5, 4)), "not finite"),
        (np.ones(5), np.ones(5), r"\(N, D\)"),
    ],
)
def test_features_that_cannot_be_compared_are_refused(a, b, message):
    with pytest.raises(InputError, match=message):
        frechet(a, b)


def test_kernel_distance_is_the_sum_over_pairs():
    a, b = sample(0, 6, 3), sample(1, 5, 3, 0.5)
    k = lambda x, y: (x @ y / 3 + 1) ** 3  # noqa: E731
    within = [np.mean([k(x, y) for i, x in enumerate(s) for j, y in enumerate(s) if i != j]) for s in (a, b)]
    across = np.mean([k(x, y) for x in a for y in b])
    np.testing.assert_allclose(kernel_distance(a, b), sum(within) - 2 * across, rtol=1e-12)


def test_kernel_distance_does_not_depend_on_the_number_of_samples():
    few = np.mean([kernel_distance(sample(2 * i, 20, 8), sample(2 * i + 1, 20, 8)) for i in range(200)])
    assert abs(few) < 0.05 * kernel_distance(sample(0, 500, 8), sample(1, 500, 8, 1.0))
    with pytest.raises(InputError, match="two samples or more"):
        kernel_distance(np.ones((1, 4)), np.ones((5, 4)))


def test_inception_score_of_certain_and_of_unsure_classes():
    sure = np.tile(np.eye(4), (50, 1))
    np.testing.assert_allclose(inception_score(sure, splits=1), 4, rtol=1e-6)
    np.testing.assert_allclose(inception_score(np.full((40, 4), 0.25)), 1, rtol=1e-9)
    rng = np.random.default_rng(0)
    some = rng.dirichlet(np.ones(6), 200)
    np.testing.assert_array_equal(inception_score(some), inception_score(some.copy()))
    with pytest.raises(InputError, match="at least 10 samples"):
        inception_score(some[:9])


def test_the_interval_covers_the_mean_of_the_population():
    rng = np.random.default_rng(0)
    hits = 0
    for seed in range(100):
        level = rng.normal(size=30)  # one level a video, 5 frames each
        low, high = interval([level[i] + rng.normal(0, 0.1, 5) for i in range(30)], pooled_mean, seed, 200)
        hits += low <= 0 <= high
    assert 85 <= hits <= 99


def test_intervals_repeat_with_the_seed_and_need_two_videos():
    videos = [np.array([float(i)]) for i in range(8)]
    assert interval(videos, pooled_mean, 3) == interval(videos, pooled_mean, 3) != interval(videos, pooled_mean, 4)
    assert interval(videos[:1], pooled_mean) is None


def test_a_recentred_interval_holds_a_frechet_distance():
    pairs = [(sample(i, 3, 12), sample(i + 50, 3, 12, 0.2)) for i in range(20)]

    def distance(chosen):
        return frechet(np.concatenate([a for a, _ in chosen]), np.concatenate([b for _, b in chosen]))

    plain, moved = (interval(pairs, distance, 0, 200, recentre=r) for r in (False, True))
    assert plain[0] > distance(pairs)  # the bias that recentring takes away
    assert moved[0] < distance(pairs) < moved[1]
    np.testing.assert_allclose(moved[1] - moved[0], plain[1] - plain[0])


def test_pooled_mean_weighs_frames_and_leaves_nan_out():
    assert pooled_mean([np.array([1.0, np.nan]), np.array([2.0, 3.0])]) == 2
    assert np.isnan(pooled_mean([np.array([np.nan])]))


def test_aed_is_the_distance_of_unit_embeddings():
    a = np.array([[3.0, 0], [0, 2]])
    np.testing.assert_allclose(aed_reid(a, a * 5), 0, atol=1e-12)
    np.testing.assert_allclose(aed_reid(a, np.array([[0, 1.0], [0, -1]])), [np.sqrt(2), 2])
    with pytest.raises(InputError, match="expected the same"):
        aed_reid(a, a[:1])


def test_embeddings_come_from_an_npz(tmp_path):
    path = tmp_path / "ids.npz"
    np.savez(path, one=np.ones((3, 4), np.float32))
    assert read_embeddings(path)["one"].shape == (3, 4)
    np.savez(path, one=np.ones(3))
    with pytest.raises(InputError, match="one is float64"):
        read_embeddings(path)
    for content, message in ((b"PK broken", "not a readable"), (b"", "not a readable")):
        path.write_bytes(content)
        with pytest.raises(InputError, match=message):
            read_embeddings(path)
    np.save(tmp_path / "one.npy", np.ones((3, 4)))
    with pytest.raises(InputError, match="not a readable"):
        read_embeddings(tmp_path / "one.npy")
    with pytest.raises(InputError, match="no such file"):
        read_embeddings(tmp_path / "absent.npz")
