import numpy as np
import pytest

from lookreel.errors import InputError
from lookreel.poses.layout import to_openpose18
from lookreel.poses.skeleton import L_ANKLE, L_EAR, NECK, R_SHOULDER, R_WRIST
from lookreel.poses.track import Track


def _track(frames=5, dense=False, **changes) -> Track:
    rng = np.random.default_rng(0)
    keypoints = rng.uniform(0, 90, (frames, 18, 3)).astype(np.float32)
    body = rng.integers(0, 255, (frames, 3, 128, 96), dtype=np.uint8) if dense else None
    return Track(**{"keypoints": keypoints, "size": (128, 96), "fps": 12.5, "dense": body, **changes})


def _file(tmp_path, **changes):
    fields = {"keypoints": np.zeros((2, 18, 3), np.float32), "size": np.array([128, 96]), "fps": np.array(12.0)}
    np.savez(tmp_path / "t.npz", **{k: v for k, v in {**fields, **changes}.items() if v is not None})
    return tmp_path / "t.npz"


@pytest.mark.parametrize("dense", [False, True])
def test_file_keeps_everything(tmp_path, dense):
    track = _track(dense=dense)
    track.save(tmp_path / "t.npz")
    again = Track.load(tmp_path / "t.npz")
    np.testing.assert_array_equal(again.keypoints, track.keypoints)
    assert (again.size, again.fps, again.layout) == (track.size, track.fps, track.layout)
    assert (again.dense is None) != dense
    if dense:
        np.testing.assert_array_equal(again.dense, track.dense)
    assert [p.name for p in tmp_path.iterdir()] == ["t.npz"]


def test_slices_keep_dense_beside_keypoints():
    track = _track(dense=True)
    part = track[1:3]
    assert len(part) == 2
    np.testing.assert_array_equal(part.keypoints, track.keypoints[1:3])
    np.testing.assert_array_equal(part.dense, track.dense[1:3])
    assert len(track[-1]) == 1
    np.testing.assert_array_equal(track[-1].keypoints[0], track.keypoints[4])


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"keypoints": None}, "lacks keypoints"),
        ({"keypoints": np.zeros((0, 18, 3), np.float32)}, "no frames"),
        ({"keypoints": np.full((2, 18, 3), np.nan, np.float32)}, "not finite"),
        ({"keypoints": np.zeros((2, 17, 3), np.float32)}, "keypoints of shape"),
        ({"keypoints": np.zeros((2, 18, 3), np.float32).astype(str)}, "keypoints of shape"),
        ({"size": np.array([128])}, "size"),
        ({"size": np.array([0, 96])}, "size"),
        ({"fps": np.array(0.0)}, "fps"),
        ({"fps": np.array(np.nan)}, "fps"),
        ({"fps": np.array(1e-9)}, "fps"),
        ({"fps": np.array(1e9)}, "0.01 to 1000"),
        ({"keypoints": np.full((2, 18, 3), 1e300)}, "not finite"),
        ({"layout": np.array("coco")}, "unknown layout"),
        ({"layout": np.array("wholebody133")}, "133"),
        ({"dense": np.zeros((2, 3, 64, 64), np.uint8)}, "dense"),
        ({"keypoints": np.array([{}], object)}, "not a readable"),
    ],
)
def test_wrong_fields_are_refused_by_name(tmp_path, changes, word):
    path = _file(tmp_path, **changes)
    with pytest.raises(InputError, match=word) as error:
        Track.load(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_damaged_files_are_refused(tmp_path):
    _track(dense=True).save(tmp_path / "whole.npz")
    data = (tmp_path / "whole.npz").read_bytes()
    halfway = len(data) // 2
    flipped = data[:halfway] + bytes([data[halfway] ^ 255]) + data[halfway + 1 :]
    for name, content in {"cut": data[:halfway], "text": b"hello", "none": b"", "flipped": flipped}.items():
        path = tmp_path / f"{name}.npz"
        path.write_bytes(content)
        with pytest.raises(InputError, match=name) as error:
            Track.load(path)
        assert "pickle" not in str(error.value)  # numpy's advice is to run what lies in the file
    for path in (tmp_path, tmp_path / "missing.npz"):
        with pytest.raises(InputError, match="no such track"):
            Track.load(path)


def test_damaged_compression_is_refused(tmp_path):
    _track().save(tmp_path / "whole.npz")
    data = (tmp_path / "whole.npz").read_bytes()
    for at in range(70, 1000, 30):
        path = tmp_path / "damaged.npz"
        path.write_bytes(data[:at] + bytes(8) + data[at + 8 :])
        with pytest.raises(InputError, match="damaged"):
            Track.load(path)


def test_wholebody_becomes_openpose():
    keypoints = np.zeros((2, 133, 3), np.float32)
    keypoints[:, :17, 0] = np.arange(17)  # COCO's own numbers as x
    keypoints[..., 2] = 1
    keypoints[:, 5, 2] = 0.8
    keypoints[1, 6, 2] = 0.3
    track = to_openpose18(Track(keypoints, (128, 96), layout="wholebody133"))
    assert track.layout == "openpose18" and track.keypoints.shape == (2, 18, 3)
    assert [track.keypoints[0, j, 0] for j in (R_SHOULDER, R_WRIST, L_ANKLE, L_EAR)] == [6, 10, 15, 3]
    assert track.keypoints[0, NECK, 0] == 5.5
    np.testing.assert_allclose(track.keypoints[:, NECK, 2], [0.8, 0])
    assert to_openpose18(track) is track
