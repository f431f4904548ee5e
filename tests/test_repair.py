"""Tracks mended: gaps filled, jitter halved without delay, other frame rates, cuts and loops."""

import numpy as np
import pytest

from lookreel.data import mannequin
from lookreel.errors import InputError
from lookreel.poses.draw import visible
from lookreel.poses.repair import FILLED, fill_gaps, filled
from lookreel.poses.resample import cut, loop, resample, retime
from lookreel.poses.skeleton import L_WRIST, NOSE, R_WRIST
from lookreel.poses.smooth import smooth
from lookreel.poses.track import Track

SIZE = (512, 384)
FPS = 25.0


@pytest.fixture(scope="module")
def walk() -> Track:
    """Two seconds of a walk, every joint visible."""
    track = mannequin.clip(mannequin.TEST.start + 8, "walk", 50, SIZE, FPS).track
    keypoints = fill_gaps(Track(track.keypoints, SIZE, FPS), longest=9).keypoints
    keypoints[..., 2] = 1
    return Track(keypoints, SIZE, FPS)


def noisy(track: Track, sigma: float = 3.0, seed: int = 0) -> Track:
    noise = np.random.default_rng(seed).normal(0, sigma, track.keypoints[..., :2].shape)
    keypoints = track.keypoints.copy()
    keypoints[..., :2] += noise.astype(np.float32)
    return Track(keypoints, track.size, track.fps)


def jitter(track: Track) -> float:
    """Root mean square of the second difference: what trembles, not what moves."""
    return float(np.sqrt((np.diff(track.keypoints[..., :2].astype(np.float64), 2, axis=0) ** 2).mean()))


def lag(track: Track, truth: Track) -> float:
    """Frames by which a track runs behind, by least squares on the truth's own velocity."""
    velocity = np.gradient(truth.keypoints[..., :2].astype(np.float64), axis=0)
    behind = truth.keypoints[..., :2] - track.keypoints[..., :2]
    return float((behind * velocity).sum() / (velocity**2).sum())


@pytest.mark.parametrize("sigma", [1.0, 3.0, 8.0])
def test_smoothing_halves_the_jitter_and_does_not_lag(walk, sigma):
    rough = noisy(walk, sigma)
    calm = smooth(rough)
    assert jitter(calm) < 0.5 * jitter(rough)
    assert abs(lag(calm, walk)) < 0.5
    error = lambda t: np.sqrt(((t.keypoints - walk.keypoints) ** 2).mean())  # noqa: E731
    assert error(calm) < 0.9 * error(rough)


@pytest.mark.parametrize("fps", [8.0, 25.0, 60.0])
def test_a_quick_hand_is_neither_held_back_nor_flattened(fps):
    """A wrist that swings twice a second through a third of the body keeps its way, on time."""
    time = np.arange(int(4 * fps)) / fps
    keypoints = np.ones((len(time), 18, 3), np.float32)
    keypoints[:, 0, 1], keypoints[:, 10, 1] = 0, 400
    keypoints[:, R_WRIST, 0] = 200 + 66 * np.sin(2 * np.pi * 2 * time)
    truth = Track(keypoints, SIZE, fps)
    calm = smooth(truth)
    middle = slice(len(time) // 4, -len(time) // 4)
    assert np.ptp(calm.keypoints[middle, R_WRIST, 0]) > 0.85 * np.ptp(keypoints[middle, R_WRIST, 0])
    assert abs(lag(calm[middle], truth[middle])) < 0.2


def test_backward_is_forward(walk):
    rough = noisy(walk)
    turned = Track(rough.keypoints[::-1].copy(), SIZE, FPS)
    np.testing.assert_allclose(smooth(turned).keypoints[::-1], smooth(rough).keypoints, atol=1e-3)


def test_confidence_stays_and_absent_joints_stay_absent(walk):
    keypoints = walk.keypoints.copy()
    keypoints[10:30, L_WRIST] = 0
    keypoints[:, 3, 2] = 0.6
    calm = smooth(Track(keypoints, SIZE, FPS)).keypoints
    np.testing.assert_array_equal(calm[..., 2], keypoints[..., 2])
    np.testing.assert_array_equal(calm[10:30, L_WRIST], 0)
    # What comes after a gap is not drawn towards what was before it, nor towards the zeros within.
    np.testing.assert_allclose(calm[[9, 30], L_WRIST, :2], keypoints[[9, 30], L_WRIST, :2], atol=3)


def test_standing_still_is_left_alone(walk):
    still = Track(np.repeat(walk.keypoints[:1], 20, 0), SIZE, FPS)
    np.testing.assert_allclose(smooth(still).keypoints, still.keypoints, atol=1e-3)
    np.testing.assert_array_equal(smooth(still[0]).keypoints, still.keypoints[:1])


def test_short_gaps_are_filled_and_known_by_their_confidence(walk):
    keypoints = walk.keypoints.copy()
    keypoints[20:24, R_WRIST] = 0
    keypoints[30, NOSE, 2] = 0.1
    broken = Track(keypoints, SIZE, FPS)
    whole = fill_gaps(broken)
    assert (whole.keypoints[20:24, R_WRIST, 2] == np.float32(FILLED)).all() and visible(whole.keypoints).all()
    np.testing.assert_allclose(whole.keypoints[20:24, R_WRIST, :2], walk.keypoints[20:24, R_WRIST, :2], atol=6)
    steps = np.diff(whole.keypoints[19:25, R_WRIST, :2], axis=0)
    np.testing.assert_allclose(steps, np.broadcast_to(steps[0], steps.shape), atol=1e-3)
    expected = np.zeros((50, 18), bool)
    expected[20:24, R_WRIST] = expected[30, NOSE] = True
    np.testing.assert_array_equal(filled(whole, broken), expected)
    untouched = ~expected
    np.testing.assert_array_equal(whole.keypoints[untouched], keypoints[untouched])


def test_ends_are_held(walk):
    keypoints = walk.keypoints.copy()
    keypoints[:3, R_WRIST] = keypoints[-2:, R_WRIST] = 0
    whole = fill_gaps(Track(keypoints, SIZE, FPS)).keypoints
    np.testing.assert_array_equal(whole[:3, R_WRIST, :2], np.repeat(keypoints[3:4, R_WRIST, :2], 3, 0))
    np.testing.assert_array_equal(whole[-2:, R_WRIST, :2], np.repeat(keypoints[-3:-2, R_WRIST, :2], 2, 0))


def test_what_is_hidden_for_long_stays_hidden(walk):
    keypoints = walk.keypoints.copy()
    keypoints[10:25, NOSE] = 0  # 0.6 s
    keypoints[:, R_WRIST] = 0
    np.testing.assert_array_equal(fill_gaps(Track(keypoints, SIZE, FPS)).keypoints, keypoints)
    assert visible(fill_gaps(Track(keypoints, SIZE, FPS), longest=0.6).keypoints)[10:25, NOSE].all()


@pytest.mark.parametrize("fps", [12.5, 30.0, 50.0, 7.0, 240.0, 1.0])
def test_another_rate_is_the_same_motion(walk, fps):
    other = resample(walk, fps)
    assert other.fps == fps and len(other) == max(1, round(2 * fps))
    at = np.minimum(np.arange(len(other)) * FPS / fps, 49)
    exact = np.stack([np.interp(at, np.arange(50), walk.keypoints[:, R_WRIST, axis]) for axis in (0, 1)], 1)
    np.testing.assert_allclose(other.keypoints[:, R_WRIST, :2], exact, atol=1e-2)
    assert resample(walk, FPS) is walk


def test_rates_do_not_bring_back_absent_joints(walk):
    keypoints = walk.keypoints.copy()
    keypoints[20:30, R_WRIST] = 0
    other = resample(Track(keypoints, SIZE, FPS), 50.0).keypoints[:, R_WRIST]
    assert not other[40:59, 2].any() and (other[:39, 2] == 1).all() and (other[60:, 2] == 1).all()
    places = other[other[:, 2] > 0, :2]
    assert places.min() > 50  # nowhere halfway to the zeros of an absent joint


def test_dense_goes_along(walk):
    dense = np.arange(50, dtype=np.uint8)[:, None, None, None] * np.ones((1, 3, 4, 4), np.uint8)
    track = Track(walk.keypoints, (4, 4), FPS, dense=dense)
    assert resample(track, 12.5).dense[:, 0, 0, 0].tolist() == list(range(0, 50, 2))
    assert len(loop(track, 2).dense) == len(loop(track, 2))


def test_cut_by_seconds(walk):
    part = cut(walk, 0.4, 1.2)
    np.testing.assert_array_equal(part.keypoints, walk.keypoints[10:30])
    assert len(cut(walk, 0.4)) == 40 and len(cut(walk, end=99)) == 50
    for start, end in ((2.0, None), (1.0, 1.0), (1.5, 0.5)):
        with pytest.raises(InputError, match="lasts 2.00 s"):
            cut(walk, start, end)


def test_a_whole_turn_is_repeated():
    turn = mannequin.clip(mannequin.TEST.start + 8, "turn", 36, SIZE, 12.0).track
    twice = loop(turn, 2)
    assert len(twice) == 72
    np.testing.assert_array_equal(twice.keypoints[36:], turn.keypoints)


def test_an_open_motion_runs_back():
    half = mannequin.clip(mannequin.TEST.start + 8, "half-turn", 10, SIZE, 12.0).track
    order = list(range(10)) + list(range(8, -1, -1)) + list(range(1, 10))
    np.testing.assert_array_equal(loop(half, 3).keypoints, half.keypoints[order])
    np.testing.assert_array_equal(loop(half, 1).keypoints, half.keypoints)


def test_retime_tells_where_each_frame_comes_from(walk):
    away = walk.keypoints.copy()
    away[..., 0] += np.arange(50, dtype=np.float32)[:, None] * 3
    walk = Track(away, SIZE, FPS)
    track, at = retime(walk, 0.4, 1.2, 12.5, 2)
    assert len(track) == len(at) == 19 and track.fps == 12.5
    np.testing.assert_array_equal(at[:10], range(10, 30, 2))
    np.testing.assert_array_equal(at[10:], at[8::-1])
    np.testing.assert_array_equal(track.keypoints, walk.keypoints[at])
    same, at = retime(walk)
    np.testing.assert_array_equal(at, range(50))
    np.testing.assert_array_equal(same.keypoints, walk.keypoints)
