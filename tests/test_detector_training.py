"""The bundled detector's training: pictures, losses, and one step from rendering to files that run."""

import dataclasses

import numpy as np
import pytest
import torch

from lookreel.data import mannequin
from lookreel.errors import InputError
from lookreel.poses.detector_model import (
    PERSON_SIZE,
    POSE_SIZE,
    PersonNetwork,
    PersonOutputs,
    PoseAnswers,
    PoseNetwork,
    PoseOutputs,
)
from lookreel.poses.skeleton import JOINTS
from lookreel.poses.yolox import GREY, cells, decode
from lookreel.training import detector
from lookreel.training.detector_export import export
from lookreel.training.detector_scenes import MIRRORED, RENDERED, Figure, crop, figures, scene
from lookreel.training.person_loss import person_loss, targets
from lookreel.training.pose_loss import SIGMA, located, pose_loss


@pytest.fixture(scope="module")
def people():
    return figures(7, np.random.default_rng(0))


def test_mirrored_swaps_left_and_right():
    names = [JOINTS[i] for i in MIRRORED]
    assert names[0] == "nose" and names[2] == "left_shoulder" and names[17] == "right_ear"
    assert [MIRRORED[i] for i in MIRRORED] == list(range(18))


def _marked(joint_at: tuple[int, int]) -> Figure:
    """A figure whose right wrist is a red dot on its grey clothes."""
    picture, mask = np.full((*RENDERED, 3), 120, np.uint8), np.zeros(RENDERED, np.uint8)
    mask[14:120, 27:74] = 1
    x, y = joint_at
    picture[y - 2 : y + 3, x - 2 : x + 3] = (255, 0, 0)
    keypoints = np.zeros((18, 3), np.float32)
    keypoints[4] = x, y, 1
    return Figure(picture, mask, keypoints, np.array([27.0, 14, 74, 120]), 0.4)


def test_keypoints_stay_on_what_they_mark():
    figure, mirrored = _marked((40, 60)), 0
    for seed in range(40):
        picture, keypoints, yaw = crop(figure, figure, POSE_SIZE, np.random.default_rng(seed))
        assert picture.shape == (*POSE_SIZE, 3) and picture.dtype == np.uint8
        (joint,) = np.flatnonzero(keypoints[:, 2])  # wherever it is mirrored to
        mirrored += joint == 7
        assert yaw == (-0.4 if joint == 7 else 0.4)
        redness = picture[..., 0].astype(float) - picture[..., 1]
        x, y = keypoints[joint, :2].round().astype(int)
        assert redness[y, x] > 20, seed
    assert 10 < mirrored < 30


def test_scenes_hold_their_boxes(people):
    counts = []
    for seed in range(40):
        picture, boxes = scene(people, PERSON_SIZE, np.random.default_rng(seed))
        again, same = scene(people, PERSON_SIZE, np.random.default_rng(seed))
        np.testing.assert_array_equal(picture, again)
        np.testing.assert_array_equal(boxes, same)
        assert picture.shape == (*PERSON_SIZE, 3) and boxes.shape[1] == 4
        assert (boxes >= 0).all() and (boxes <= PERSON_SIZE[0]).all() and (boxes[:, 2:] > boxes[:, :2] + 10).all()
        padding = (picture == GREY).all(2)
        assert padding[-1].all() or padding[:, -1].all() or not padding[-1, -1]
        counts.append(len(boxes))
    assert set(counts) >= {0, 1, 2}


def test_figures_are_of_training_garments_and_cut_out_whole(people):
    assert len(people) == 4
    for figure in people:
        x0, y0, x1, y1 = figure.box.astype(int)
        assert figure.mask.sum() == figure.mask[y0:y1, x0:x1].sum() > 1000
        shown = figure.keypoints[figure.keypoints[:, 2] > 0]
        assert (shown[:, :2] > [x0 - 2, y0 - 2]).all() and (shown[:, :2] < [x1 + 2, y1 + 2]).all()
    assert mannequin.TRAIN.stop <= mannequin.TEST.start and detector.HELD_OUT <= len(mannequin.VALIDATION)


def test_the_person_loss_is_least_at_the_boxes_themselves():
    boxes = np.array([[20, 10, 80, 170], [150, 100, 170, 140]], np.float64)
    there, box_of = targets(boxes, PERSON_SIZE)
    corner, stride = cells(PERSON_SIZE)
    learned = {tuple(box) for box in box_of[there]}
    assert learned == {tuple(box) for box in boxes} and 4 < there.sum() < 30
    assert set(stride[there, 0][box_of[there][:, 0] == 150]) == {8}
    assert set(stride[there, 0][box_of[there][:, 0] == 20]) == {32}
    found = np.zeros((len(corner), 6), np.float32)
    found[:, 4] = np.where(there, 20, -20)
    middle, extent = (box_of[:, :2] + box_of[:, 2:]) / 2, np.maximum(box_of[:, 2:] - box_of[:, :2], 1)
    found[:, :2], found[:, 2:4] = middle / stride - corner, np.log(extent / stride)
    arguments = torch.from_numpy(there)[None], torch.from_numpy(box_of)[None], PERSON_SIZE
    parts = person_loss(torch.from_numpy(found)[None], *arguments)
    assert parts["there"] < 1e-4 and parts["box"] < 1e-4
    back, _ = decode(found, PERSON_SIZE)
    np.testing.assert_allclose(back[there], box_of[there], atol=1e-3)
    assert person_loss(torch.zeros(1, len(corner), 6), *arguments)["box"] > 0.5
    nobody = targets(np.zeros((0, 4)), PERSON_SIZE)
    empty = person_loss(torch.zeros(1, len(corner), 6), *(torch.from_numpy(t)[None] for t in nobody), PERSON_SIZE)
    assert empty["box"] == 0 and empty["there"] > 0


def test_the_pose_loss_is_least_at_the_joints_themselves():
    height, width = POSE_SIZE
    keypoints, yaw = torch.zeros(2, 18, 3), torch.tensor([0.5, -2.0])
    keypoints[:, :9] = torch.tensor([40.5, 70.0, 1.0])
    bins = [torch.arange(side * 2.0) for side in (width, height)]
    x, y = (
        (-((line - 2 * at) ** 2) / (2 * SIGMA**2)).expand(2, 18, -1) for line, at in zip(bins, (40.5, 70), strict=True)
    )
    seen = torch.where(keypoints[..., 2] > 0, 20.0, -20.0)
    right = PoseAnswers(x, y, seen, torch.stack([yaw.sin(), yaw.cos()], 1), x, y)
    parts = pose_loss(right, keypoints, yaw)
    assert all(part.abs() < 1e-5 for part in parts.values()), parts
    np.testing.assert_allclose(located(x, y)[0, 0], [40.5, 70])
    moved = pose_loss(right._replace(x=x.roll(4, 2)), keypoints, yaw)
    assert moved["place"] > 0.1 and moved["first"] < 1e-5
    wrong = PoseAnswers(0 * x, 0 * y, -seen, -right.facing, 0 * x, 0 * y)
    assert all(
        part > least for part, least in zip(pose_loss(wrong, keypoints, yaw).values(), (2, 2, 10, 1), strict=True)
    )
    unseen = x.clone()
    unseen[:, 9:] = torch.randn(2, 9, 2 * width)  # what is said of joints that are not seen does not count
    torch.testing.assert_close(pose_loss(right._replace(x=unseen), keypoints, yaw), parts)


def test_the_files_answer_as_the_networks_do(tmp_path):
    from lookreel.poses.network import Network

    torch.manual_seed(0)
    person, pose = PersonNetwork(), PoseNetwork()
    export(person, pose, tmp_path)
    for network, name, size, scale in (
        (PersonOutputs(person), "person", PERSON_SIZE, 255),
        (PoseOutputs(pose), "pose", POSE_SIZE, 1),
    ):
        pictures = torch.rand(2, 3, *size) * scale
        with torch.no_grad():
            expected = network(pictures)
        answers = Network(tmp_path / f"{name}.onnx").run(pictures.numpy())
        for answer, wanted in zip(answers, expected if isinstance(expected, tuple) else [expected], strict=True):
            np.testing.assert_allclose(answer, wanted, atol=5e-2, rtol=5e-2)  # weights are kept in half precision
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 2 * 2**20
    assert sorted(path.name for path in tmp_path.iterdir()) == ["person.onnx", "pose.onnx"]


def test_a_run_ends_in_a_detector(tmp_path, monkeypatch):
    from lookreel.api import presets
    from lookreel.poses import detect

    monkeypatch.setattr(detector, "HELD_OUT", 1)
    monkeypatch.setattr(detector, "SETTINGS", dataclasses.replace(detector.SETTINGS, batch=1))
    folder = presets()["mini-detector"]("mannequin", tmp_path, 1, None, None)
    log = (tmp_path / "log.jsonl").read_text()
    assert '"pck"' in log and '"found"' in log and (tmp_path / "samples").is_dir()
    assert detect.load(folder).layout == "openpose18"


def test_a_sample_is_a_function_of_its_number(monkeypatch):
    monkeypatch.setattr(detector, "HELD_OUT", 1)
    task = detector.DetectorTask(detector.SETTINGS)
    one, again, other = (task.batch(step, range(1), torch.device("cpu")) for step in (3, 3, 4))
    torch.testing.assert_close(one.crops, again.crops, rtol=0, atol=0)
    torch.testing.assert_close(one.scenes, again.scenes, rtol=0, atol=0)
    assert not torch.equal(one.crops, other.crops)
    assert one.crops.shape == (8, 3, *POSE_SIZE) and one.scenes.shape == (4, 3, *PERSON_SIZE)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("clips", None, None), "--data clips"),
        (("mannequin", "model", None), "--init"),
        (("mannequin", None, 2), "--stage"),
    ],
)
def test_what_the_preset_cannot_do(tmp_path, arguments, said):
    data, init, stage = arguments
    with pytest.raises(InputError, match=said):
        detector.PRESETS["mini-detector"](data, tmp_path, 1, init, stage)
    assert not list(tmp_path.iterdir())


def test_without_onnx_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("lookreel.training.detector_export.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'lookreel\[train\]'"):
        detector.PRESETS["mini-detector"]("mannequin", tmp_path, 1, None, None)
