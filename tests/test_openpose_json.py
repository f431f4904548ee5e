"""Poses in JSON: every layout's joints land where they belong, and what is written is read back."""

import json
from pathlib import Path

import numpy as np
import pytest

from lookreel.errors import InputError
from lookreel.poses.openpose_json import natural, read_json, write_folder, write_json
from lookreel.poses.skeleton import JOINTS
from lookreel.poses.track import Track

BODY_25 = [
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "middle_hip", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "right_eye",
    "left_eye", "right_ear", "left_ear", "left_big_toe", "left_small_toe", "left_heel", "right_big_toe",
    "right_small_toe", "right_heel",
]  # fmt: skip
COCO = [
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
    "right_ankle",
]  # fmt: skip
SIZE = (480, 640)


@pytest.fixture
def places() -> dict[str, tuple[float, float, float]]:
    """A place for every joint that any layout has; the neck is midway between the shoulders."""
    rng = np.random.default_rng(0)
    found = {name: (*rng.uniform(50, 400, 2).round(1), 0.9) for name in [*BODY_25, *COCO]}
    right, left = found["right_shoulder"], found["left_shoulder"]
    found["neck"] = ((right[0] + left[0]) / 2, (right[1] + left[1]) / 2, 0.9)
    return found


def flat(places: dict, names: list[str], more: int = 0) -> list[float]:
    return [value for name in names for value in places[name]] + [1.0] * (3 * more)


def expected(places: dict) -> np.ndarray:
    return np.array([places[name] for name in JOINTS], np.float32)


def openpose(*people: list[float], **more) -> dict:
    return {"version": 1.3, "people": [{"pose_keypoints_2d": numbers} for numbers in people], **more}


CANVAS = {"canvas_width": 640, "canvas_height": 480}


def read(tmp_path, content, **more) -> Track:
    path = tmp_path / "poses.json"
    path.write_text(json.dumps(content))
    return read_json(path, 25.0, **more)[0]


@pytest.mark.parametrize("names", [JOINTS, BODY_25, COCO, None], ids=["BODY_18", "BODY_25", "COCO", "wholebody"])
def test_joints_land_where_they_belong(tmp_path, places, names):
    numbers = flat(places, list(names)) if names else flat(places, COCO, 133 - 17)
    track = read(tmp_path, openpose(numbers, **CANVAS))
    np.testing.assert_allclose(track.keypoints[0], expected(places), atol=1e-3)
    assert (track.size, track.fps, track.layout) == (SIZE, 25.0, "openpose18")


def test_all_forms_of_a_file(tmp_path, places):
    frame, pose = openpose(flat(places, list(JOINTS)), **CANVAS), flat(places, COCO)
    pairs = np.array(pose).reshape(17, 3)
    person = {"keypoints": pairs[:, :2].tolist(), "keypoint_scores": pairs[:, 2].tolist()}
    forms = {
        "list of frames": [frame, frame],
        "written by lookreel": {"fps": 12, "frames": [frame, frame]},
        "COCO results": [{"image_id": i, "category_id": 1, "keypoints": pose, "score": 1} for i in (7, 8)],
        "AlphaPose": [{"image_id": f"{i}.jpg", "keypoints": pose, "score": 2.9} for i in (9, 10)],
        "COCO annotations": {
            "images": [{"id": i, "width": 640, "height": 480} for i in (1, 2)],
            "annotations": [{"image_id": i, "keypoints": pose} for i in (2, 1)],
        },
        "MMPose": {"meta_info": {}, "instance_info": [{"frame_id": i, "instances": [person]} for i in (1, 2)]},
    }
    for name, content in forms.items():
        track = read(tmp_path, content, size=SIZE)
        np.testing.assert_allclose(track.keypoints, np.stack([expected(places)] * 2), atol=1e-3, err_msg=name)
        assert track.fps == (12 if "lookreel" in name else 25), name


def test_pictures_come_in_natural_order(tmp_path, places):
    rows = []
    for number in (10, 9, 100):
        moved = {name: (x + number, y, c) for name, (x, y, c) in places.items()}
        rows.append({"image_id": f"frame{number}.jpg", "keypoints": flat(moved, COCO), "score": 1})
    track = read(tmp_path, rows, size=SIZE)
    np.testing.assert_allclose(track.keypoints[:, 0, 0] - places["nose"][0], [9, 10, 100], atol=1e-3)


def test_shares_of_the_picture_become_pixels(tmp_path, places):
    shares = np.array(flat(places, list(JOINTS))).reshape(18, 3) / [640, 480, 1]
    track = read(tmp_path, openpose(shares.ravel().tolist(), **CANVAS))
    np.testing.assert_allclose(track.keypoints[0], expected(places), atol=1e-3)


def test_absent_joints_are_absent(tmp_path, places):
    numbers = flat(places, list(JOINTS))
    numbers[0:3] = [0, 0, 0]
    numbers[3:6] = [0, 0, 0.4]  # a place of exactly 0, 0 is no place, whatever the confidence
    track = read(tmp_path, openpose(numbers, **CANVAS))
    assert track.keypoints[0, :2, 2].tolist() == [0, 0] and (track.keypoints[0, 2:, 2] > 0).all()
    coco = flat(places, COCO)
    coco[15:18] = [0, 0, 0]  # no left shoulder, no neck
    assert read(tmp_path, openpose(coco, **CANVAS)).keypoints[0, 1, 2] == 0


def test_coco_s_visibility_is_certainty(tmp_path, places):
    pose = [2 if i % 3 == 2 else value for i, value in enumerate(flat(places, COCO))]
    assert (read(tmp_path, openpose(pose, **CANVAS)).keypoints[0, :, 2] == 1).all()


@pytest.mark.parametrize("folder", [False, True])
def test_what_is_written_is_read(tmp_path, places, folder):
    keypoints = np.stack([expected(places)] * 12) + np.arange(12, dtype=np.float32)[:, None, None] * [1, 2, 0]
    keypoints[3, 4] = 0
    keypoints[5] = 0  # a frame without a person
    track = Track(keypoints.astype(np.float32), SIZE, 29.97)
    path = tmp_path / "poses.json"
    if folder:
        path = tmp_path / "poses"
        path.mkdir()
        write_folder(track, path, "walk")
        assert json.loads((path / "walk_000000000005_keypoints.json").read_text())["people"] == []
    else:
        write_json(track, path)
    again, notices = read_json(path, 25.0)
    np.testing.assert_allclose(again.keypoints, track.keypoints, atol=1e-3)
    assert (again.size, again.fps) == (SIZE, 29.97)
    assert notices == [f"{path}: the person is not found in 1 of 12 frames, first in 5"]


def test_a_wholebody_track_is_written_as_18(tmp_path, places):
    keypoints = np.zeros((1, 133, 3), np.float32)
    keypoints[0, :17] = [places[name] for name in COCO]
    write_json(Track(keypoints, SIZE, layout="wholebody133"), tmp_path / "w.json")
    np.testing.assert_allclose(read_json(tmp_path / "w.json", 25.0)[0].keypoints[0], expected(places), atol=1e-3)


def test_the_size_must_be_known(tmp_path, places):
    frame = openpose(flat(places, list(JOINTS)))
    with pytest.raises(InputError, match="--size HxW"):
        read(tmp_path, frame)
    assert read(tmp_path, frame, size=(100, 200)).size == (100, 200)


def two(places: dict, ratio: float) -> list[list[float]]:
    """A person, and another of `ratio` times the height, to the right."""
    pose = np.array(flat(places, list(JOINTS))).reshape(18, 3)
    other = pose * [ratio, ratio, 1] + [200, 0, 0]
    return [other.ravel().tolist(), pose.ravel().tolist()]


def test_of_several_people_one_is_followed(tmp_path, places):
    """Whoever is listed first: the largest, or the one that is asked for, is the same in every frame."""
    people = two(places, 0.5)
    content = [openpose(*people, **CANVAS), openpose(*people[::-1], **CANVAS), openpose(people[0], **CANVAS)]
    path = tmp_path / "poses.json"
    path.write_text(json.dumps(content))
    track, notices = read_json(path, 25.0)
    np.testing.assert_allclose(track.keypoints[:2], np.stack([expected(places)] * 2), atol=1e-3)
    assert not track.keypoints[2].any()  # only the other one is there
    assert "2 people" in notices[0] and "not found in 1 of 3 frames" in notices[1]
    second = read(tmp_path, content, person=2)
    assert (second.keypoints[:, :, 2] > 0).all() and np.ptp(second.keypoints[:, 0], axis=0).max() == 0
    with pytest.raises(InputError, match="--person 3: .* shows 2 people"):
        read(tmp_path, content, person=3)


def test_two_of_one_size_need_a_word(tmp_path, places):
    with pytest.raises(InputError, match="2 people, 2 of nearly the same size; .*--person 2"):
        read(tmp_path, openpose(*two(places, 0.95), **CANVAS))


def test_folders(tmp_path, places):
    with pytest.raises(InputError, match=r"no \.json in this folder"):
        read_json(tmp_path, 25.0)
    frame = json.dumps(openpose(flat(places, list(JOINTS)), **CANVAS))
    (tmp_path / "a.json").write_text(f"[{frame}, {frame}]")
    with pytest.raises(InputError, match=r"a\.json: 2 frames"):
        read_json(tmp_path, 25.0)


def test_natural_order():
    names = ["img10.png", "IMG2.png", "img1.png", "img2b.png", "a.png", "10.png", "9.png"]
    ordered = sorted(map(Path, names), key=natural)
    assert [path.name for path in ordered] == [
        "9.png",
        "10.png",
        "a.png",
        "img1.png",
        "IMG2.png",
        "img2b.png",
        "img10.png",
    ]
