"""The bundled detector, on garments that it has never seen."""

import numpy as np
import pytest

from lookreel.assets import DETECTORS
from lookreel.data import mannequin
from lookreel.poses import detect
from lookreel.poses.measure_detector import crowd, measure, picture
from lookreel.poses.view import view
from lookreel.training.detector_scenes import backdrop


@pytest.fixture(scope="module")
def detector():
    return detect.load("mini", threads=1)


def test_it_is_small():
    assert sum(path.stat().st_size for path in (DETECTORS / "mini").iterdir()) < 2 * 2**20


def test_it_reads_what_it_claims(detector):
    """One clip in each of six sizes, all motions; `measure_detector` has the figures of many more."""
    numbers = measure(detector, garments=6, frames=8)
    assert numbers.frames == 48
    assert numbers.pck >= 0.93 and numbers.view >= 0.95
    assert numbers.found >= 0.97 and numbers.ghosts <= 0.2 and numbers.empty >= 0.9


def test_a_turn_becomes_a_track_with_its_views(detector):
    clip = mannequin.clip(mannequin.TEST.start + 11, "turn", 12, (256, 192), 12.0)
    track, notices = detect.track(clip.frames.numpy(), 12.0, detector)
    assert (len(track), track.size, track.fps, track.layout) == (12, (256, 192), 12.0, "openpose18")
    assert notices == []
    assert {view(pose) for pose in track.keypoints} == {"front", "side", "back"}


def test_nobody_is_found_before_empty_backdrops(detector):
    for color in (0, 114, 200, 255):
        assert detector.detect(np.full((1, 3, 128, 96), color, np.uint8)) == [[]]
    shaded = backdrop((192, 144), np.random.default_rng(4)).transpose(2, 0, 1)
    assert detector.detect(shaded[None]) == [[]]


def test_three_people_are_three_and_numbered_by_size(detector):
    frame = crowd([0.2, -2.6, 0.6], [256, 208, 168], (256, 400), seed=20)
    (people,) = detector.detect(frame[None])
    assert len(people) == 3
    middles = [(person.box[0] + person.box[2]) / 2 for person in people]
    np.testing.assert_allclose(middles, [400 / 6, 400 / 2, 400 * 5 / 6], atol=12)
    heights = [person.box[3] - person.box[1] for person in people]
    assert heights == sorted(heights, reverse=True)
    track, notices = detect.track(frame[None], 1.0, detector)
    assert "3 people; the largest" in notices[0]
    assert abs(track.keypoints[0, 1, 0] - 400 / 6) < 12
    second, _ = detect.track(frame[None], 1.0, detector, person=2)
    assert abs(second.keypoints[0, 1, 0] - 200) < 12


def test_a_mirrored_figure_swaps_left_and_right(detector):
    frame = mannequin.frames_at(mannequin.TEST.start + 2, [0.3], (256, 192)).frames.numpy()
    (front,), (back,) = detector.detect(np.stack([frame[0], frame[0, :, :, ::-1]]))
    for right, left in ((2, 5), (8, 11)):
        assert front.keypoints[right, 0] < front.keypoints[left, 0]
        assert abs((191 - back.keypoints[left, 0]) - front.keypoints[right, 0]) < 8


def test_the_picture_for_the_documents(detector):
    drawn = picture(detector)
    assert drawn.dtype == np.uint8 and drawn.shape == (3, 256, 4 * 192 + 400)
