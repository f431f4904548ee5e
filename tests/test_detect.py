"""From raw frames to a track: people, their order, following one of them, and what is refused."""

import json
import shutil

import numpy as np
import pytest

from detectors import detector_folder, scene
from lookreel.errors import InputError
from lookreel.poses import detect, detector_files
from lookreel.poses.detect import Detector, Person, ambiguous
from lookreel.poses.follow import follow

SIZE = (128, 160)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return detector_folder(tmp_path_factory.mktemp("detector"))


@pytest.fixture(scope="module")
def detector(folder) -> Detector:
    return detect.load(folder)


def _walk(count=6):
    """A large red person who walks to the right and a small blue one who stands, frame 3 without anybody."""
    frames = [scene(SIZE, red=(10 + 6 * i, 10, 50 + 6 * i, 110), blue=(120, 60, 140, 110)) for i in range(count)]
    frames[3:4] = [scene(SIZE)] * len(frames[3:4])
    return np.stack(frames)


def test_people_come_largest_first_with_133_joints(detector):
    assert detector.layout == "wholebody133" and detector.providers[-1] == "cpu"
    done = []
    people = detector.detect(_walk(), done.append)
    assert [len(found) for found in people] == [2, 2, 2, 0, 2, 2] and done == [1, 2, 3, 4, 5, 6]
    large, small = people[0]
    np.testing.assert_allclose(large.box, [10, 10, 50, 110], atol=1)
    np.testing.assert_allclose(small.box, [120, 60, 140, 110], atol=1)
    assert large.score == pytest.approx(0.9) and small.score == pytest.approx(0.8)
    assert large.keypoints.shape == (133, 3) and large.keypoints.dtype == np.float32
    assert large.area > small.area


def test_the_score_does_not_decide_who_is_largest(detector):
    frame = scene(SIZE, red=(10, 60, 30, 110), blue=(60, 10, 110, 120))
    (found,) = detector.detect(frame[None])
    assert [round(person.score, 1) for person in found] == [0.8, 0.9]


def test_a_track_follows_the_largest_and_says_so(detector):
    track, notices = detect.track(_walk(), 12.5, detector, name="walk.mp4")
    assert (track.size, track.fps, track.layout, len(track)) == (SIZE, 12.5, "wholebody133", 6)
    x = track.keypoints[:, 0, 0]  # joint 0 lies where the crop is reddest
    assert (np.diff(x[[0, 1, 2, 4, 5]]) > 3).all()
    np.testing.assert_array_equal(track.keypoints[3], 0)
    assert len(notices) == 2 and notices[0].startswith("walk.mp4: 2 people; the largest, at x 30 y 60, is taken")
    assert notices[1] == "walk.mp4: the person is not found in 1 of 6 frames, first in 3"


def test_a_person_is_chosen_by_number(detector):
    track, notices = detect.track(_walk(3), 25, detector, person=2)
    assert notices == []
    blue = track.keypoints[:, 2]  # joint 2 lies where the crop is bluest
    np.testing.assert_allclose(blue[:, 0], 120, atol=2)
    for wrong, said in ((3, r"--person 3: frames, frame 0 shows 2 people; expected 1 to 2"), (0, "whole number")):
        with pytest.raises(InputError, match=said):
            detect.track(_walk(1), 25, detector, person=wrong)


def test_people_of_one_size_have_to_be_told_apart(detector):
    frames = np.stack([scene(SIZE, red=(10, 10, 50, 110), blue=(90, 20, 130, 115))] * 2)
    with pytest.raises(InputError, match="2 people, 2 of nearly the same size; .*--person 1 is at x 30 y 60"):
        detect.track(frames, 25, detector, name="two.mp4")
    assert ambiguous(detector.detect(frames)[0])
    assert len(detect.track(frames, 25, detector, person=1)[0]) == 2


def test_nobody_anywhere_is_an_error_but_detect_returns_nothing(detector):
    frames = np.stack([scene(SIZE)] * 2)
    assert detector.detect(frames) == [[], []]
    with pytest.raises(InputError, match=r"empty\.mp4: nobody is found in 2 frames; expected a person"):
        detect.track(frames, 25, detector, name="empty.mp4")


def test_ambiguous_looks_at_the_two_largest():
    def person(area):
        return Person(np.zeros((18, 3), np.float32), np.array([0, 0, 10, area / 10]), 0.9)

    assert ambiguous([person(100), person(80), person(10)])
    assert not ambiguous([person(100), person(60), person(60)])
    assert not ambiguous([person(100)]) and not ambiguous([])


def _boxes(*boxes):
    return np.array(boxes, np.float64).reshape(-1, 4)


def test_following_is_by_overlap_not_by_size_or_order():
    small, large = (0, 0, 10, 20), (30, 0, 60, 60)
    moved = (2, 0, 12, 20)
    assert follow([_boxes(small, large), _boxes(large, moved), _boxes(moved, large)], 0, 0) == [0, 1, 0]
    assert follow([_boxes(), _boxes(large, small), _boxes(), _boxes(large)], 1, 1) == [None, 1, None, None]


def test_a_jump_is_believed_only_of_somebody_always_alone():
    here, there, giant = (0, 0, 10, 20), (100, 0, 110, 22), (100, 0, 160, 90)
    assert follow([_boxes(here), _boxes(there)], 0, 0) == [0, 0]
    assert follow([_boxes(here), _boxes(giant), _boxes(here)], 0, 0) == [0, None, 0]
    assert follow([_boxes(here, there), _boxes(there)], 0, 0) == [0, None]
    assert follow([_boxes(here), _boxes(there, giant), _boxes(there)], 0, 0) == [0, None, None]


def test_a_folder_needs_one_network_of_each_kind(folder, tmp_path):
    with pytest.raises(InputError, match="onnx files found: none; expected two"):
        detect.load(tmp_path)
    for name in ("a.onnx", "b.onnx"):
        shutil.copy(folder / "pose.onnx", tmp_path / name)
    with pytest.raises(InputError, match="both .onnx files are pose networks"):
        detect.load(tmp_path)
    for name in ("a.onnx", "b.onnx"):
        shutil.copy(folder / "yolox.onnx", tmp_path / name)
    with pytest.raises(InputError, match="both .onnx files are other networks"):
        detect.load(tmp_path)
    shutil.copy(folder / "pose.onnx", tmp_path / "c.onnx")
    with pytest.raises(InputError, match=r"a\.onnx, b\.onnx, c\.onnx; expected two"):
        detect.load(tmp_path)


def test_unknown_names_and_weights_where_none_belong(folder):
    with pytest.raises(InputError, match="detector 'openpose': unknown; expected .*dwpose, or a folder"):
        detect.load("openpose")
    with pytest.raises(InputError, match="--weights x: the detector is a folder already"):
        detect.load(folder, weights="x")
    with pytest.raises(InputError, match="--weights x: detector mini is bundled"):
        detect.load("mini", weights="x")


def test_dwpose_says_where_its_files_come_from_and_checks_them(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("LOOKREEL_CACHE", str(tmp_path))
    with pytest.raises(InputError) as raised:
        detect.load("dwpose")
    message = str(raised.value)
    assert message.startswith(f"{tmp_path}/dwpose/yolox_l.onnx: no such file; get yolox_l.onnx (207 MiB, Apache-2.0)")
    assert "https://huggingface.co/yzd-v/DWPose" in message and "--weights" in message
    (tmp_path / "dwpose").mkdir()
    shutil.copy(folder / "yolox.onnx", tmp_path / "dwpose" / "yolox_l.onnx")
    for weights in (None, tmp_path / "dwpose"):
        with pytest.raises(InputError, match=r"yolox_l\.onnx: sha256 is [0-9a-f]{64}; expected 7860ae79"):
            detect.load("dwpose", weights)
    monkeypatch.delenv("LOOKREEL_CACHE")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert str(detector_files.cache()) == "/home/somebody/.cache/lookreel"


def test_dwpose_loads_files_of_its_names_and_records_them(folder, tmp_path, monkeypatch):
    """With the toys' hashes in the place of the real ones."""
    files = []
    for file, toy in zip(detector_files.DWPOSE.files, ("yolox.onnx", "pose.onnx"), strict=True):
        shutil.copy(folder / toy, tmp_path / file.name)
        digest = detector_files.sha256(folder / toy)
        files.append(detector_files.DetectorFile(file.name, file.part, 1, digest if file.part == "pose" else None))
    card = detector_files.DetectorCard("dwpose", False, "nowhere", "none", "toys", tuple(files))
    monkeypatch.setattr(detector_files, "DWPOSE", card)
    loaded = detect.load("dwpose", tmp_path)
    assert loaded.name == "dwpose" and loaded.layout == "wholebody133"
    assert set(loaded.sha256) == {"yolox_l.onnx", "dw-ll_ucoco_384.onnx"}
    assert loaded.sha256["yolox_l.onnx"] == detector_files.sha256(folder / "yolox.onnx")


def test_every_known_detector_has_its_papers():
    cards = {card.name: card for card in detector_files.cards()}
    assert list(cards) == ["mini", "dwpose"]
    assert cards["mini"].bundled and not cards["dwpose"].bundled
    for card in cards.values():
        assert card.licence and card.source and card.note and card.mebibytes > 0
        assert sorted(file.part for file in card.files) == ["person", "pose"]
        assert all(len(file.sha256) == 64 for file in card.files)


def test_models_lists_detectors(capsys):
    from lookreel.cli import main

    assert main(["models"]) == 0
    text = capsys.readouterr().out
    assert "dwpose/yolox_l.onnx" in text and "7860ae79de6c89a3" in text and "Apache-2.0" in text
    assert main(["models", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in listed["detectors"]] == ["mini", "dwpose"]
    assert listed["detectors"][1]["source"] == "https://huggingface.co/yzd-v/DWPose"
    assert [row["name"] for row in listed["models"]]
