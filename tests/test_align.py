"""Alignment: another body's motion comes back with the photographed limbs, on the photographed ground."""

import math

import numpy as np
import pytest

from lookreel.data import mannequin
from lookreel.poses.align import align
from lookreel.poses.bones import MID_HIP, TREE, WIDTHS, lengths, rebuild, with_middle
from lookreel.poses.draw import visible
from lookreel.poses.mismatch import THRESHOLD, mismatch
from lookreel.poses.skeleton import L_ANKLE, NECK, R_ANKLE, R_ELBOW, R_SHOULDER, R_WRIST
from lookreel.poses.stand import front_most, stand
from lookreel.poses.track import Track

SIZE = (256, 192)
SEED = mannequin.TEST.start + 3
LONG = {"upper arms": 1.3, "forearms": 1.3, "thighs": 1.3, "shins": 1.3, "shoulders": 0.8, "hips": 0.8}


@pytest.fixture(scope="module")
def turn() -> Track:
    return mannequin.clip(SEED, "turn", 36, SIZE).track


@pytest.fixture(scope="module")
def body() -> np.ndarray:
    return mannequin.frames_at(SEED, [0.0], SIZE).track.keypoints[0]


def other(track: Track, scales: dict[str, float], general: float = 1.0, shift: tuple = (0, 0)) -> Track:
    """The same motion by a body of other proportions, elsewhere in the picture."""
    keypoints = rebuild(track.keypoints, {part: general * scales.get(part, 1) for part in LONG | scales}, general)
    keypoints[..., :2] += np.array(shift, np.float32)
    return Track(keypoints, track.size, track.fps)


def bones(keypoints: np.ndarray) -> np.ndarray:
    """Length (F, bones) of each bone in each frame; NaN where an end is not visible."""
    points = with_middle(keypoints)
    there = visible(points)
    ends = np.array([(joint, parent) for joint, (parent, _) in TREE.items()])
    along = points[:, ends[:, 0], :2] - points[:, ends[:, 1], :2]
    return np.where(there[:, ends].all(-1), np.linalg.norm(along, axis=-1), np.nan)


@pytest.mark.parametrize("general", [1.0, 0.6, 1.5])
def test_limbs_come_back_within_three_percent(turn, body, general):
    driving = other(turn, LONG, general, (13, -9))
    aligned = align(driving, body, SIZE, "limbs")
    found, wanted = bones(aligned.track.keypoints), bones(turn.keypoints)
    long_enough = wanted > 0.02 * SIZE[0]  # of a bone that points at the camera nothing is left to compare
    error = np.abs(found / wanted - 1)[long_enough]
    assert np.isfinite(error).all() and error.max() < 0.03
    assert aligned.before.score > THRESHOLD > aligned.after.score
    away = np.linalg.norm(aligned.track.keypoints[..., :2] - turn.keypoints[..., :2], axis=-1)
    assert away[visible(turn.keypoints)].max() < 0.03 * SIZE[0]


def test_what_is_foreshortened_stays_so(turn, body):
    """A forearm that points at the camera for a while is as short, in parts of its length, after the fit."""
    keypoints = turn.keypoints.copy()
    keypoints[10:14, R_WRIST, :2] = 0.8 * keypoints[10:14, R_ELBOW, :2] + 0.2 * keypoints[10:14, R_WRIST, :2]
    before = Track(keypoints, SIZE)
    aligned = align(other(before, LONG), body, SIZE, "limbs").track
    column = list(TREE).index(R_WRIST)
    np.testing.assert_allclose(bones(aligned.keypoints)[:, column], bones(keypoints)[:, column], rtol=0.03)


def test_feet_stand_on_the_photographed_ground(turn, body):
    driving = other(turn, LONG, 0.7, (0, -40))
    aligned = align(driving, body, SIZE, "limbs").track
    ground = body[[R_ANKLE, L_ANKLE], 1].max()
    np.testing.assert_allclose(aligned.keypoints[:, [R_ANKLE, L_ANKLE], 1].max(1), ground, atol=0.02 * SIZE[0])


def test_a_jump_stays_a_jump(turn, body):
    driving = other(turn, LONG, 0.5)
    jump = driving.keypoints.copy()
    jump[5:8, :, 1] -= 20
    aligned = align(Track(jump, SIZE), body, SIZE, "limbs").track
    feet = aligned.keypoints[:, [R_ANKLE, L_ANKLE], 1].max(1)
    share = (feet[[4, 8]].mean() - feet[5:8].mean()) / stand(aligned.keypoints).height
    assert share == pytest.approx(20 / stand(driving.keypoints).height, rel=0.05)


def test_global_keeps_the_proportions(turn, body):
    driving = other(turn, LONG, 0.6, (10, 10))
    aligned = align(driving, body, SIZE, "global")
    ratio = bones(aligned.track.keypoints) / bones(driving.keypoints)
    known = ratio[np.isfinite(ratio)]
    np.testing.assert_allclose(known, known[0], rtol=1e-3)
    ground = body[[R_ANKLE, L_ANKLE], 1].max()
    assert abs(np.median(aligned.track.keypoints[:, [R_ANKLE, L_ANKLE], 1].max(1)) - ground) < 3
    assert aligned.after.score < aligned.before.score


def test_the_photographed_body_is_left_alone(turn, body):
    aligned = align(turn, body, SIZE)
    assert aligned.how == "none" and aligned.before.fits
    np.testing.assert_array_equal(aligned.track.keypoints, turn.keypoints)


def test_another_body_is_fitted_unless_told_not_to(turn, body):
    driving = other(turn, LONG)
    assert align(driving, body, SIZE).how == "limbs"
    kept = align(driving, body, SIZE, "none")
    np.testing.assert_allclose(kept.track.keypoints, driving.keypoints, atol=1e-4)
    assert kept.after.score == kept.before.score > THRESHOLD


def test_without_a_pose_nothing_is_fitted(turn):
    aligned = align(other(turn, LONG), None, SIZE)
    assert aligned.how == "none" and aligned.before is None and aligned.after is None


def test_another_picture_size(turn, body):
    """A track in a landscape picture of twice the size lands on the photo all the same."""
    wide = turn.keypoints * np.array([2, 2, 1], np.float32) + np.array([200, 30, 0], np.float32)
    wide[..., :2] *= visible(turn.keypoints)[..., None]
    aligned = align(Track(wide, (600, 1000)), body, SIZE, "limbs").track
    assert aligned.size == SIZE
    away = np.linalg.norm(aligned.keypoints[..., :2] - turn.keypoints[..., :2], axis=-1)
    assert away[visible(turn.keypoints)].max() < 0.02 * SIZE[0]


def test_shift_and_scale_come_last(turn, body):
    plain = align(turn, body, SIZE, "none").track.keypoints
    moved = align(turn, body, SIZE, "none", shift=(5, -3)).track.keypoints
    np.testing.assert_allclose(
        moved[..., :2] - plain[..., :2], np.broadcast_to([5, -3], plain[..., :2].shape), atol=1e-4
    )
    grown = align(turn, body, SIZE, "none", scale=1.2)
    there = visible(plain)
    height = lambda k: np.ptp(k[0, there[0], 1])  # noqa: E731
    assert height(grown.track.keypoints) / height(plain) == pytest.approx(1.2, rel=1e-4)
    assert stand(grown.track.keypoints).lowest["ankles"] == pytest.approx(stand(plain).lowest["ankles"], abs=1e-3)
    assert grown.after.score > grown.before.score


def test_a_half_body_photo_aligns_by_its_hips(turn, body):
    half = body.copy()
    half[[joint for joint in TREE if TREE[joint][1] in ("thighs", "shins")], 2] = 0
    aligned = align(other(turn, LONG, 1.4, (20, 20)), half, SIZE, "limbs")
    hips = with_middle(aligned.track.keypoints)[:, MID_HIP]
    assert abs(np.median(hips[:, 1]) - with_middle(half[None])[0, MID_HIP, 1]) < 4
    found = lengths(aligned.track.keypoints[front_most(aligned.track.keypoints)])
    wanted = lengths(half[None])
    for part in ("torso", "upper arms", "forearms", "shoulders"):
        assert found[part] == pytest.approx(wanted[part], rel=0.03)


def test_a_side_photo_says_nothing_of_widths(turn):
    side = mannequin.frames_at(SEED, [math.pi / 2], SIZE).track.keypoints[0]
    found = mismatch(turn.keypoints, side)
    assert found.fits and not set(found.parts) & set(WIDTHS)
    aligned = align(other(turn, {}, 1.3), side, SIZE, "limbs").track
    widths = np.abs(np.diff(aligned.keypoints[:, [R_SHOULDER, R_SHOULDER + 3], 0], axis=1))
    expected = np.abs(np.diff(turn.keypoints[:, [R_SHOULDER, R_SHOULDER + 3], 0], axis=1))
    np.testing.assert_allclose(widths, expected, atol=0.02 * SIZE[0])


def test_a_sitting_photo_does_not_pass_for_a_fit(turn, body):
    """Thighs that point at the camera are no short thighs: the limit holds, and the score says that it does not fit."""
    sitting = body.copy()
    for hip, knee, ankle in ((8, 9, 10), (11, 12, 13)):
        drop = 0.85 * (sitting[knee, :2] - sitting[hip, :2])
        sitting[[knee, ankle], :2] -= drop
    aligned = align(turn, sitting, SIZE)
    assert aligned.how == "limbs"
    assert aligned.after.score > THRESHOLD
    assert "thighs" in aligned.after.told()


def test_a_lost_ankle_makes_no_jump(turn, body):
    driving = other(turn, LONG, 0.8)
    keypoints = driving.keypoints.copy()
    keypoints[7:9, [R_ANKLE, L_ANKLE]] = 0
    necks = [
        align(Track(k, SIZE), body, SIZE, "limbs").track.keypoints[:, NECK, 1] for k in (driving.keypoints, keypoints)
    ]
    np.testing.assert_allclose(necks[0], necks[1], atol=1.5)


def test_the_score_is_a_share_of_the_body(turn, body):
    moved = Track(turn.keypoints + np.array([20, 0, 0], np.float32), SIZE)
    base, found = mismatch(turn.keypoints, body), mismatch(moved.keypoints, body)
    assert found.score == found.place == pytest.approx(20 / stand(body[None]).height, abs=base.score)
    wide = mismatch(other(turn, {part: 1.5 if part in ("shoulders", "hips") else 1 for part in LONG}).keypoints, body)
    assert wide.score == wide.limbs == pytest.approx(2 * np.log(1.5) / 8, abs=0.01) and wide.place < THRESHOLD
    assert "shoulders 1.4" in wide.told() and "hips 1.4" in wide.told()
    assert mismatch(turn.keypoints, np.zeros((18, 3), np.float32)) is None
