import numpy as np
import pytest

from lookreel.poses.draw import draw, stick, visible
from lookreel.poses.skeleton import COLORS, L_ANKLE, L_KNEE, LIMBS, NECK, R_WRIST


def _standing(frames=1) -> np.ndarray:
    """(F, 18, 3), facing the camera in 128 x 96 pixels."""
    points = [
        (48, 20), (48, 30), (39, 31), (35, 45), (33, 58), (57, 31), (61, 45), (63, 58), (43, 60), (42, 82), (42, 104),
        (53, 60), (54, 82), (54, 104), (45, 17), (51, 17), (41, 19), (55, 19),
    ]  # fmt: skip
    return np.tile(np.array([(*p, 1) for p in points], np.float32), (frames, 1, 1))


def test_joints_and_limbs_have_their_exact_colors():
    size = (512, 384)
    picture = draw(_standing(), (128, 96), size)[0]
    assert picture.shape == (3, *size) and picture.dtype == np.uint8
    places = (_standing()[0, :, :2] + 0.5) * 4 - 0.5
    for (x, y), color in zip(np.rint(places).astype(int), COLORS, strict=True):
        assert tuple(picture[:, y, x]) == color
    for limb, (a, b) in enumerate(LIMBS):
        x, y = np.rint(places[a] * 0.55 + places[b] * 0.45).astype(int)
        assert tuple(picture[:, y, x]) == tuple(round(c * 0.6) for c in COLORS[limb])
    assert tuple(picture[:, 5, 5]) == (0, 0, 0)
    assert 0.01 < (picture.max(0) > 0).mean() < 0.06


@pytest.mark.parametrize("size", [(512, 384), (256, 192), (128, 96), (97, 61)])
def test_a_disc_is_centred_on_its_joint(size):
    keypoints = np.zeros((1, 18, 3), np.float32)
    keypoints[0, R_WRIST] = 30.3, 40.7, 1
    picture = draw(keypoints, (100, 80), size)[0].astype(float).sum(0)
    y, x = (np.indices(size) * picture).sum((1, 2)) / picture.sum()
    expected = np.array([30.8 * size[1] / 80, 41.2 * size[0] / 100]) - 0.5
    np.testing.assert_allclose([x, y], expected, atol=0.15)
    area = picture.sum() / sum(COLORS[R_WRIST])
    np.testing.assert_allclose(area, np.pi * stick(size) ** 2, rtol=0.25)


def test_a_shift_below_a_pixel_shows_at_the_size_of_the_small_model():
    keypoints = np.repeat(_standing(), 2, 0)
    keypoints[1, :, 0] += 0.25
    first, second = draw(keypoints, (128, 96)).astype(float).sum(1)
    x = np.arange(96)
    moved = (second * x).sum() / second.sum() - (first * x).sum() / first.sum()
    assert 0.2 < moved < 0.3


def test_absent_joints_and_their_limbs_are_not_drawn():
    keypoints = _standing()
    keypoints[0, L_KNEE, 2] = 0.29
    keypoints[0, L_ANKLE] = np.nan
    picture = draw(keypoints, (128, 96), (512, 384))[0]
    flat = picture.reshape(3, -1).T
    assert visible(keypoints).sum() == 16
    for gone in (COLORS[L_KNEE], COLORS[L_ANKLE], (0, 102, 153), (0, 51, 153)):  # and thigh and shin
        assert not (flat == gone).all(1).any()
    assert (flat == COLORS[NECK]).all(1).any()
    assert not draw(np.zeros((2, 18, 3)), (128, 96)).any()
    assert draw(np.zeros((0, 18, 3)), (128, 96)).shape == (0, 3, 128, 96)


def test_two_columns_mean_that_every_joint_is_there():
    np.testing.assert_array_equal(draw(_standing()[..., :2], (128, 96)), draw(_standing(), (128, 96)))


def test_frames_do_not_leak_into_each_other_nor_into_the_keypoints():
    keypoints = np.concatenate([_standing(), np.zeros((1, 18, 3), np.float32), _standing() + [5, 0, 0]])
    before = keypoints.copy()
    pictures = draw(keypoints, (128, 96))
    np.testing.assert_array_equal(keypoints, before)
    assert not pictures[1].any()
    for i in range(3):
        np.testing.assert_array_equal(pictures[i], draw(keypoints[i : i + 1], (128, 96))[0])


def test_joints_outside_the_picture_are_cut_off():
    keypoints = _standing()
    keypoints[0, R_WRIST, :2] = -1e9, 1e9
    picture = draw(keypoints, (128, 96), (512, 384))[0]
    assert not (picture.reshape(3, -1).T == COLORS[R_WRIST]).all(1).any()
    assert picture.any()
