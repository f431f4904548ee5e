"""Coverage: which frames of a motion show a side that no photo shows."""

import math

import numpy as np
import pytest

from lookreel.data import mannequin
from lookreel.poses.coverage import coverage, spans
from lookreel.poses.motions import load_motion

SEED = mannequin.TEST.start + 2


@pytest.fixture(scope="module")
def photos() -> dict[str, np.ndarray]:
    stills = mannequin.frames_at(SEED, [0.0, math.pi / 2, math.pi]).track.keypoints
    return dict(zip(("front", "side", "back"), stills, strict=True))


TURN = load_motion("turn").track


def test_views_of_photos_in_any_order(photos):
    found = coverage([photos["back"], photos["front"], photos["side"]], TURN)
    assert found.photos == ["back", "front", "side"]
    assert len(found.frames) == len(TURN) and set(found.frames) == {"front", "back", "side"}
    assert found.uncovered == [] and found.warnings() == []


@pytest.mark.parametrize("missing", ["front", "side", "back"])
def test_the_missing_side_is_named_with_its_frames(photos, missing):
    found = coverage([k for name, k in photos.items() if name != missing], TURN)
    assert found.uncovered == [i for i, view in enumerate(found.frames) if view == missing] != []
    (warning,) = found.warnings()
    assert warning == f"no photo shows the {missing}: {spans(found.uncovered)} will be invented"
    assert found.record() == {"photos": found.photos, "frames": found.frames, "uncovered": found.uncovered}


def test_a_turn_away_and_back_leaves_one_span(photos):
    """A whole turn shows the back in one go, and both sides, one before and one after it."""
    found = coverage([photos["front"], photos["side"]], TURN)
    first, last = found.frames.index("back"), len(TURN) - 1 - found.frames[::-1].index("back")
    assert found.warnings() == [f"no photo shows the back: frames {first}-{last} will be invented"]


def test_several_missing_sides_are_several_lines(photos):
    lines = coverage([photos["front"]], TURN).warnings()
    assert len(lines) == 2 and lines[0].startswith("no photo shows the back") and "the side: frames" in lines[1]


def test_of_an_unknown_pose_nothing_is_said():
    for unknown in (None, np.zeros((18, 3), np.float32)):
        found = coverage([unknown], TURN)
        assert found.photos == [None] and found.uncovered == [] and found.warnings() == []
        assert "unknown" in found.told()


def test_a_frame_without_shoulders_counts_as_nothing(photos):
    hidden = TURN.keypoints.copy()
    hidden[:, 2] = 0
    found = coverage([photos["front"]], type(TURN)(hidden, TURN.size))
    assert set(found.frames) == {None} and found.uncovered == []
    assert "no view" in found.told()


def test_the_line_for_a_reader(photos):
    told = coverage([photos["front"], photos["back"]], TURN).told()
    counts = {name: coverage([], TURN).frames.count(name) for name in ("front", "side", "back")}
    assert told.startswith("coverage: photos show front, back; of 36 frames")
    assert all(f"{name} {count}" in told for name, count in counts.items())


@pytest.mark.parametrize(
    ("numbers", "text"),
    [([3], "frame 3"), ([3, 4, 5], "frames 3-5"), ([0, 2, 3, 9], "frames 0, 2-3, 9"), (range(40, 96), "frames 40-95")],
)
def test_spans(numbers, text):
    assert spans(list(numbers)) == text
