import cv2
import numpy as np
import pytest

from lookreel.poses.draw import draw
from lookreel.poses.flow import farneback_flow, keypoint_flow
from lookreel.poses.skeleton import L_ANKLE, L_KNEE, R_ELBOW, R_WRIST

SIZE = (256, 192)
GRID = (32, 24)


def _standing(frames: int) -> np.ndarray:
    points = [
        (48, 20), (48, 30), (39, 31), (35, 45), (33, 58), (57, 31), (61, 45), (63, 58), (43, 60), (42, 82), (42, 104),
        (53, 60), (54, 82), (54, 104), (45, 17), (51, 17), (41, 19), (55, 19),
    ]  # fmt: skip
    return np.tile(np.array([(2 * x, 2 * y, 1) for x, y in points], np.float32), (frames, 1, 1))


def _walking() -> np.ndarray:
    """3 frames: the whole body drifts, an arm lifts and a leg swings."""
    keypoints = _standing(3)
    for i in range(3):
        keypoints[i, :, :2] += [2 * i, 1 * i]
        keypoints[i, R_WRIST, :2] += [-3 * i, -4 * i]
        keypoints[i, R_ELBOW, 0] -= 2 * i
        keypoints[i, L_ANKLE, 0] += 4 * i
    return keypoints


def _sources(keypoints, grid=GRID):
    return keypoint_flow(keypoints, SIZE, grid), farneback_flow(draw(keypoints, SIZE), grid)


@pytest.mark.parametrize("source", [0, 1])
def test_warping_the_previous_frame_explains_this_one(source):
    keypoints = _walking()
    delta, mask = _sources(keypoints, SIZE)[source]  # one cell a pixel
    pictures = [cv2.GaussianBlur(p.transpose(1, 2, 0).astype(np.float32), (0, 0), 1) for p in draw(keypoints, SIZE)]
    y, x = np.indices(SIZE).astype(np.float32)
    for i in (1, 2):
        warped = cv2.remap(pictures[i - 1], x + delta[i, 0], y + delta[i, 1], cv2.INTER_LINEAR)
        wrong = cv2.remap(pictures[i - 1], x - delta[i, 0], y - delta[i, 1], cv2.INTER_LINEAR)
        still, ours, opposite = (np.abs(p - pictures[i])[mask[i]].mean() for p in (pictures[i - 1], warped, wrong))
        assert ours < 0.6 * still < 0.6 * opposite


def test_identical_frames_give_an_exactly_empty_mask():
    for delta, mask in _sources(_standing(3)):
        assert not mask.any() and not delta.any()


def test_both_sources_agree_on_a_translation_in_cells():
    keypoints = _standing(2)
    keypoints[1, :, :2] += [4, -2]
    for delta, mask in _sources(keypoints):
        assert delta.shape == (2, 2, *GRID) and delta.dtype == np.float32
        assert mask.shape == (2, *GRID) and mask.dtype == bool
        assert not mask[0].any() and not delta[0].any()
        assert 0.1 < mask[1].mean() < 0.4
        assert not delta.transpose(0, 2, 3, 1)[~mask].any()
        moves = delta[1][:, mask[1]]
        np.testing.assert_allclose(np.median(moves, axis=1), [-4 / 8, 2 / 8], rtol=0.1)
    (exact, exact_mask), _ = _sources(keypoints)
    np.testing.assert_allclose(exact[1][:, exact_mask[1]].T, [[-0.5, 0.25]] * exact_mask.sum(), rtol=1e-5)


def test_keypoint_flow_interpolates_along_a_limb():
    keypoints = np.zeros((2, 18, 3), np.float32)
    keypoints[0, [L_KNEE, L_ANKLE]] = [(50, 50, 1), (50, 150, 1)]
    keypoints[1, [L_KNEE, L_ANKLE]] = [(50, 50, 1), (60, 150, 1)]
    delta, mask = keypoint_flow(keypoints, (200, 100), (200, 100))
    np.testing.assert_allclose(delta[1, :, 100, 55], [-5, 0], atol=0.1)
    np.testing.assert_allclose(delta[1, :, 150, 60], [-10, 0], atol=0.1)
    assert not mask[1, 50, 50] and mask[1, 60, 51]  # 0 and 1 px: half a pixel is the border
    assert not mask[1, 100, 75]


def test_a_limb_absent_in_either_frame_gives_no_flow():
    keypoints = _walking()
    keypoints[1, :, 2] = 0
    _, mask = keypoint_flow(keypoints, SIZE, GRID)
    assert not mask.any()
    keypoints[1] = np.nan
    delta, mask = keypoint_flow(keypoints, SIZE, GRID)
    assert not mask.any() and np.isfinite(delta).all()


def test_grids_that_do_not_divide_the_picture():
    keypoints = _standing(2)
    keypoints[1, :, 0] += 4
    for delta, mask in _sources(keypoints, (17, 13)):
        np.testing.assert_allclose(np.median(delta[1, 0][mask[1]]), -4 * 13 / 192, rtol=0.1)
