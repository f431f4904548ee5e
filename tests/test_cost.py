"""Costs at Stable Diffusion 1.5's size, counted on meta tensors: nothing is computed."""

import pytest

from lookreel import api
from lookreel.bench.counters import Cost, remembered, step

FULL = api.bench_models()["sd15"]
LEAST = 99.7  # TFLOP, where no reference is read or projected twice and the cross-attention is a constant


@pytest.fixture(scope="module")
def three() -> Cost:
    return step(FULL)


def test_a_guided_step_at_full_size_is_the_least_there_is(three):
    assert 90 < three.teraflop <= LEAST


def test_a_guided_step_moves_no_more_than_needed(three):
    """Nothing fused: the open Animate Anyone moves 26.3 GB a frame."""
    assert three.gigabytes / 16 <= 21 and three.kernels <= 2_800


def test_three_references_cost_hardly_more_than_one(three):
    assert three.teraflop <= 1.001 * step(FULL, photos=1).teraflop


def test_concatenated_references_cost_much_more(three):
    assert step(FULL, aggregator="concat").teraflop > 1.15 * three.teraflop


def test_three_references_are_remembered_in_a_third_of_a_gigabyte():
    assert remembered(FULL) == pytest.approx(0.312, abs=0.001)
