"""Which photo a frame looks at, from keypoints alone."""

import math

import numpy as np
import pytest

from lookreel.animate_anyone.config import SelectConfig
from lookreel.animate_anyone.select import joint_distances, select, yaw_distances
from lookreel.data import mannequin
from lookreel.poses.skeleton import L_HIP, NECK, R_HIP
from toys import GARMENT

SIZE, GRID = (128, 96), (8, 6)
CONFIG = SelectConfig()


def poses(yaws, seed: int = GARMENT) -> np.ndarray:
    return mannequin.frames_at(seed, list(yaws), SIZE).track.keypoints


FRONT_BACK_SIDE = (0.0, math.pi, math.pi / 2)


def weights(yaw, photos=None, config=CONFIG, seed=GARMENT + 1) -> np.ndarray:
    """Weights over photos for one frame of another figure, summed over locations."""
    photos = poses(FRONT_BACK_SIDE) if photos is None else photos
    return select(poses([yaw], seed), photos, SIZE, GRID, config)[0].mean((1, 2))


@pytest.mark.parametrize("local", [0.0, 2.0])
def test_weights_are_shares(local):
    m = select(poses(np.linspace(0, 2 * np.pi, 9)), poses(FRONT_BACK_SIDE), SIZE, GRID, SelectConfig(local=local))
    assert m.dtype == np.float32 and m.shape == (9, 3, *(GRID if local else (1, 1)))
    assert np.allclose(m.sum(1), 1, atol=1e-6) and (m >= 0).all()


@pytest.mark.parametrize(("yaw", "expected"), [(0.0, 0), (0.3, 0), (math.pi, 1), (math.pi - 0.4, 1), (math.pi / 2, 2)])
def test_the_photo_of_the_same_side_weighs_most(yaw, expected):
    found = weights(yaw)
    assert found.argmax() == expected and found.max() > 0.8


def test_other_bodies_too():
    """The nearest in yaw of three photos, for many figures and yaws within 30 degrees of one of them."""
    yaws = [yaw + off for off in (0.0, -0.5, 0.5) for yaw in FRONT_BACK_SIDE]
    made = [poses(yaws, seed) for seed in range(mannequin.VALIDATION.start, mannequin.VALIDATION.start + 4)]
    for photographed, driving in zip(made, made[1:] + made[:1], strict=True):
        m = select(driving, photographed[:3], SIZE, GRID, CONFIG)[..., 0, 0]
        assert (m.argmax(1) == [0, 1, 2] * 3).mean() >= 8 / 9


def test_left_and_right_profile_are_told_apart():
    both = poses((math.pi / 2, -math.pi / 2))
    assert weights(math.pi / 2, both).argmax() == 0 and weights(-math.pi / 2, both).argmax() == 1


def test_place_and_size_in_the_picture_do_not_count():
    photos = poses(FRONT_BACK_SIDE)
    moved = photos.copy()
    moved[..., :2] = moved[..., :2] * 0.7 + [11, 20]
    assert np.allclose(weights(0.8, photos), weights(0.8, moved), atol=1e-3)


def test_one_photo_weighs_1_even_without_a_pose():
    m = select(poses([0.0, 1.0]), np.zeros((1, 18, 3), np.float32), SIZE, GRID, SelectConfig(local=1.0))
    assert (m == 1).all()


def test_weights_of_zero_choose_nothing():
    assert np.allclose(weights(0.0, config=SelectConfig(yaw=0, joints=0)), 1 / 3)


def test_poses_without_shoulders_or_hips_are_bridged():
    photos, frame = poses(FRONT_BACK_SIDE), poses([0.0], GARMENT + 1)
    frame[:, [R_HIP, L_HIP, NECK], 2] = 0
    m = select(frame, photos, SIZE, GRID, CONFIG)
    assert np.isfinite(m).all() and np.isclose(m.sum(), 1)
    photos[1, :, 2] = 0
    m = select(poses([0.0]), photos, SIZE, GRID, SelectConfig(local=1.0))
    assert np.isfinite(m).all() and (m[:, 0] > m[:, 1]).all()


def test_distances():
    photos = poses(FRONT_BACK_SIDE)
    yaw = yaw_distances(photos, photos)
    assert np.allclose(np.diag(yaw), 0, atol=1e-6) and np.allclose(yaw, yaw.T) and yaw[0, 1] > 2.5
    apart = joint_distances(photos, photos)
    assert apart.shape == (3, 3, 18) and np.nanmax(apart[0, 0]) < 1e-6 and np.nanmax(apart) <= 1
    hidden = photos.copy()
    hidden[0, 4, 2] = 0
    assert joint_distances(hidden, photos)[0, 0, 4] == 1
    hidden2 = hidden[:1]
    assert np.isnan(joint_distances(hidden2, hidden2)[0, 0, 4])


def test_by_location_the_nearer_joints_decide():
    """Two photos that differ in one arm: around that arm the one like the frame weighs more than elsewhere."""
    photos = np.repeat(poses([0.0]), 2, axis=0)
    photos[1, 4, :2] = [12, 12]  # the right wrist of the second one, raised
    m = select(photos[:1], photos, SIZE, (32, 24), SelectConfig(yaw=0, joints=0, local=5.0))[0]
    foot = photos[0, 13, :2] / 4
    assert m[0, 3, 3] > 0.9
    assert abs(m[0, int(foot[1]), int(foot[0])] - 0.5) < 0.05
