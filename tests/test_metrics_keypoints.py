"""PCK, OKS, AKD and MKR of poses found against those that drove a film."""

from dataclasses import replace

import numpy as np
import pytest

from lookreel.errors import InputError
from lookreel.metrics.keypoints import SIGMAS, pose_scores
from lookreel.poses.track import Track

SIZE = (1000, 500)


@pytest.fixture
def driving() -> Track:
    """Three frames of an 850 px figure with all joints."""
    rng = np.random.default_rng(0)
    points = np.stack([rng.uniform(100, 400, (3, 18)), rng.uniform(100, 900, (3, 18)), np.ones((3, 18))], axis=2)
    points[:, 0, 1], points[:, 1, 1] = 75, 925
    return Track(points.astype(np.float32), SIZE)


def moved(track: Track, pixels: float, seed: int = 1) -> Track:
    """Every joint moved by that distance in its own direction."""
    angles = np.random.default_rng(seed).uniform(0, 2 * np.pi, track.keypoints.shape[:2])
    points = track.keypoints.copy()
    points[..., :2] += pixels * np.stack([np.cos(angles), np.sin(angles)], axis=2)
    return replace(track, keypoints=points)


def test_equal_poses_are_perfect(driving):
    scores = pose_scores(driving, driving, SIZE)
    assert (scores.pck_05, scores.pck_10, scores.oks, scores.akd, scores.mkr) == (1, 1, 1, 0, 0)


def test_scores_fall_with_the_distance(driving):
    rows = [pose_scores(moved(driving, pixels), driving, SIZE) for pixels in (5, 20, 40, 60, 120)]
    for a, b in zip(rows, rows[1:], strict=False):
        assert a.oks > b.oks and a.akd < b.akd and a.pck_05 >= b.pck_05
    assert [row.pck_05 for row in rows] == [1, 1, 1, 0, 0]  # 5 % of 850 px are 42.5
    assert [row.pck_10 for row in rows] == [1, 1, 1, 1, 0]


def test_oks_is_cocos_formula(driving):
    found = moved(driving, 12)
    expected = []
    for ours, theirs in zip(found.keypoints.astype(float), driving.keypoints.astype(float), strict=True):
        area = 0.53 * np.prod(np.ptp(theirs[:, :2], axis=0))
        square = np.square(ours[:, :2] - theirs[:, :2]).sum(1)
        joints = [np.exp(-square[i] / (2 * (2 * SIGMAS[i]) ** 2 * area)) for i in range(18) if i != 1]
        expected.append(np.mean(joints))
    np.testing.assert_allclose(pose_scores(found, driving, SIZE).oks, np.mean(expected), rtol=1e-9)


def test_the_joints_have_cocos_sigmas():
    coco = (26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89)
    order = (0, 15, 14, 17, 16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10)  # OpenPose's joint for each of COCO's
    np.testing.assert_allclose(SIGMAS[list(order)] * 1000, coco)


def test_joints_not_found_are_missed_and_joints_not_driven_do_not_count(driving):
    points = driving.keypoints.copy()
    points[:, 5:9, 2] = 0.2
    scores = pose_scores(replace(driving, keypoints=points), driving, SIZE)
    np.testing.assert_allclose([scores.mkr, scores.pck_05], [4 / 18, 14 / 18])
    np.testing.assert_allclose(scores.oks, 13 / 17)
    assert scores.akd == 0
    extra = pose_scores(driving, replace(driving, keypoints=points), SIZE)
    assert (extra.mkr, extra.pck_05, extra.oks) == (0, 1, 1)


def test_akd_is_in_pixels_of_the_film(driving):
    points = driving.keypoints.copy()
    points[..., 0] += 6
    found = replace(driving, keypoints=points)
    np.testing.assert_allclose(pose_scores(found, driving, SIZE).akd, 3, rtol=1e-5)  # the mean of |dx| 6 and |dy| 0
    np.testing.assert_allclose(pose_scores(found, driving, (500, 250)).akd, 1.5, rtol=1e-5)


def test_tracks_of_different_sizes_are_brought_together(driving):
    half = replace(driving, keypoints=driving.keypoints * [0.5, 0.5, 1] - [0.25, 0.25, 0], size=(500, 250))
    scores = pose_scores(half, driving, SIZE)
    assert scores.pck_05 == 1 and scores.akd < 1e-3


def test_nothing_to_compare_is_no_number(driving):
    points = driving.keypoints * [1, 1, 0]
    scores = pose_scores(driving, replace(driving, keypoints=points), SIZE)
    assert np.isnan([scores.pck_05, scores.oks, scores.akd, scores.mkr]).all()
    with pytest.raises(InputError, match="poses of 2 and 3 frames"):
        pose_scores(driving[:2], driving, SIZE)
