"""Which frames serve as references: random ones in training, one of each side in testing."""

import numpy as np
import pytest

from lookreel.data.references import for_testing, for_training

TURN = ["front"] * 5 + ["side"] * 4 + ["back"] * 6 + ["side"] * 4 + [None]


def test_training_draws_distinct_frames_in_random_order():
    drawn = np.stack([for_training(9, 3, np.random.default_rng(seed)) for seed in range(400)])
    assert all(len(set(row)) == 3 for row in drawn.tolist())
    assert set(drawn.ravel().tolist()) == set(range(9))
    assert (np.diff(drawn, axis=1) < 0).any(1).mean() == pytest.approx(5 / 6, abs=0.07)
    assert len(for_training(2, 3, np.random.default_rng(0))) == 3  # a clip shorter than that repeats


def test_training_takes_one_draw_from_the_generator():
    one, other = np.random.default_rng(5), np.random.default_rng(5)
    np.testing.assert_array_equal(for_training(50, 3, one), other.choice(50, size=3, replace=False))
    assert one.random() == other.random()


def test_testing_takes_one_frame_of_each_side():
    for seed in range(50):
        assert [TURN[i] for i in for_testing(TURN, seed)] == ["front", "back", "side"]
    drawn = {tuple(for_testing(TURN, seed)) for seed in range(50)}
    assert len(drawn) > 20 and for_testing(TURN, 3) == for_testing(TURN, 3)
    assert for_testing(TURN, [0, 7]) != for_testing(TURN, [0, 8])


def test_a_side_that_is_missing_is_replaced_by_another_frame():
    views = ["front"] * 4 + ["side"] * 2
    for seed in range(20):
        front, other, side = for_testing(views, seed)
        assert (views[front], views[side]) == ("front", "side") and other not in (front, side)
    assert sorted(for_testing([None] * 5, 1)) == sorted(set(for_testing([None] * 5, 1)))
    assert sorted(for_testing(["front", "front"], 0)) == [0, 1] and for_testing(["back"], 0) == [0]
