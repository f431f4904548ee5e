import hashlib

import numpy as np
import pytest

from lookreel.errors import InputError
from lookreel.poses import motions
from lookreel.poses.draw import draw
from lookreel.poses.motions import load_motion, names
from lookreel.poses.track import Track
from lookreel.video import write_video


def _track(frames=4) -> Track:
    points = [
        (48, 20), (48, 30), (39, 31), (35, 45), (33, 58), (57, 31), (61, 45), (63, 58), (43, 60), (42, 82), (42, 104),
        (53, 60), (54, 82), (54, 104), (45, 17), (51, 17), (41, 19), (55, 19),
    ]  # fmt: skip
    keypoints = np.tile(np.array([(*p, 1) for p in points], np.float32), (frames, 1, 1))
    keypoints[..., 0] += np.arange(frames, dtype=np.float32)[:, None]
    return Track(keypoints, (128, 96), 12.0)


@pytest.fixture
def bundle(tmp_path, monkeypatch):
    """A folder of bundled motions with `sway` and `turn`."""
    folder = tmp_path / "bundled"
    folder.mkdir()
    for name in ("turn", "sway"):
        _track().save(folder / f"{name}.npz")
    monkeypatch.setattr(motions, "_BUNDLED", folder)
    return folder


def test_a_bundled_name(bundle):
    assert names() == ["sway", "turn"]
    motion = load_motion("turn")
    assert (motion.name, motion.pictures, len(motion.track)) == ("turn", None, 4)
    assert motion.sha256 == hashlib.sha256((bundle / "turn.npz").read_bytes()).hexdigest()


def test_a_track_file_and_a_track(tmp_path):
    track = _track()
    track.save(tmp_path / "mine.npz")
    for source in (str(tmp_path / "mine.npz"), tmp_path / "mine.npz", track):
        motion = load_motion(source)
        np.testing.assert_array_equal(motion.track.keypoints, track.keypoints)
        assert motion.pictures is None
    assert load_motion(track).sha256 == load_motion(_track()).sha256 != load_motion(track[:3]).sha256
    assert load_motion(track).name == "track"


def test_wholebody_tracks_are_reduced():
    keypoints = np.random.default_rng(0).uniform([0, 0, 0.4], [96, 128, 1], (2, 133, 3)).astype(np.float32)
    motion = load_motion(Track(keypoints, (128, 96), layout="wholebody133"))
    assert motion.track.layout == "openpose18" and motion.track.keypoints.shape == (2, 18, 3)


def test_a_video_of_drawn_skeletons_brings_pictures_and_a_track(tmp_path):
    write_video(tmp_path / "drawn.mp4", draw(_track().keypoints, (128, 96), (512, 384)), 12, (512, 384))
    motion = load_motion(tmp_path / "drawn.mp4")
    assert motion.pictures.shape == (4, 3, 512, 384)
    assert (motion.track.size, motion.track.fps) == ((512, 384), 12)
    expected = (_track().keypoints[..., :2] + 0.5) * 4 - 0.5
    np.testing.assert_allclose(motion.track.keypoints[..., :2], expected, atol=1)


def test_a_plain_video_names_the_command_to_come(tmp_path):
    frames = np.random.default_rng(0).integers(100, 200, (3, 3, 64, 64), dtype=np.uint8)
    write_video(tmp_path / "plain.mp4", frames, 12, (64, 64))
    with pytest.raises(InputError, match=r"plain\.mp4.*plain video.*lookreel poses .*plain\.mp4 --out track\.npz"):
        load_motion(tmp_path / "plain.mp4")


def test_an_unknown_name_lists_the_bundled_ones(bundle):
    for name in ("trun", "no/such.npz", "missing.mp4"):
        with pytest.raises(InputError, match=f"{name}.*sway, turn"):
            load_motion(name)


def test_lists_make_a_track_too():
    track = _track()
    motion = load_motion(Track(track.keypoints.tolist(), list(track.size), np.float32(12)))
    np.testing.assert_array_equal(motion.track.keypoints, track.keypoints)
    assert motion.track.size == (128, 96) and type(motion.track.fps) is float


@pytest.mark.parametrize("source", [3, ["turn"], b"turn", np.zeros((2, 18, 3))])
def test_what_is_neither_a_name_nor_a_track(source):
    with pytest.raises(InputError, match="expected a bundled name, a path or a Track"):
        load_motion(source)


def test_files_that_are_no_motion(tmp_path):
    (tmp_path / "text.npz").write_text("hello")
    (tmp_path / "text.mp4").write_text("hello")
    for path in (tmp_path / "text.npz", tmp_path / "text.mp4", tmp_path):
        with pytest.raises(InputError, match=path.name):
            load_motion(path)


@pytest.mark.parametrize("in_file", [False, True])
@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"keypoints": np.zeros((0, 18, 3), np.float32)}, "no frames"),
        ({"keypoints": np.full((2, 18, 3), np.nan, np.float32)}, "not finite"),
        ({"keypoints": np.full((2, 18, 3), np.inf, np.float32)}, "not finite"),
        ({"keypoints": np.zeros((2, 17, 3), np.float32)}, "keypoints of shape"),
        ({"keypoints": np.zeros((2, 18, 3), np.float32)}, "no joint is visible"),
        ({"layout": "coco17"}, "unknown layout"),
        ({"size": (0, 96)}, "size"),
        ({"fps": 0.0}, "fps"),
        ({"fps": float("nan")}, "fps"),
        ({"fps": 1e-9}, "fps"),
        ({"dense": np.zeros((9, 3, 2, 2), np.uint8)}, "dense"),
        ({"keypoints": _track().keypoints / [96, 128, 1]}, "expected pixels"),
        ({"keypoints": _track().keypoints + np.array([500, 0, 0], np.float32)}, "no joint lies within .* 96x128"),
    ],
)
def test_wrong_tracks_are_refused_in_a_file_and_in_memory(tmp_path, in_file, change, word):
    track = Track(**{"keypoints": _track().keypoints, "size": (128, 96), "fps": 12.0, **change})
    source = track
    if in_file:
        source = tmp_path / "wrong.npz"
        track.save(source)
    with pytest.raises(InputError, match=word) as error:
        load_motion(source)
    assert "\n" not in str(error.value)
