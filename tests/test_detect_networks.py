"""YOLOX's and SimCC's contracts, to the pixel, with networks whose answers are known."""

import numpy as np
import pytest
import torch
from torch import nn

from detectors import LESS_SURE, SURE, Brightest, BuiltIn, RawYolox, scene, write
from lookreel.errors import InputError
from lookreel.poses.network import Network
from lookreel.poses.simcc import PoseReader, crop_matrix
from lookreel.poses.simcc import decode as decode_simcc
from lookreel.poses.yolox import PersonFinder, cells, decode, letterbox, one_each, overlap


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("networks")


@pytest.fixture(scope="module")
def raw(folder):
    return PersonFinder(Network(write(RawYolox(), (640, 640), folder / "raw.onnx", ("output",))))


@pytest.fixture(scope="module")
def built_in(folder):
    return PersonFinder(Network(write(BuiltIn(), (640, 640), folder / "nms.onnx", ("dets", "labels"))))


@pytest.fixture(scope="module")
def reader(folder):
    return PoseReader(Network(write(Brightest(133), (384, 288), folder / "pose.onnx", ("simcc_x", "simcc_y"), True)))


@pytest.mark.parametrize("size", [(640, 640), (320, 480), (1280, 800), (333, 777)])
def test_boxes_come_back_to_the_pixel(raw, built_in, size):
    height, width = size
    red = (width // 8, height // 4, width // 3, height - 40)
    blue = (width // 2, height // 5, width - 30, height // 2)
    picture = scene(size, red=red, blue=blue).transpose(1, 2, 0)
    pixel = max(1.0, max(size) / 640)  # one of the letterbox
    for finder in (raw, built_in):
        boxes, scores = finder.find(picture)
        np.testing.assert_allclose(boxes, [red, blue], atol=pixel)
        np.testing.assert_allclose(scores, [SURE, LESS_SURE], atol=1e-6)


def test_doubles_other_classes_and_nobody_are_dropped(raw, built_in):
    picture = scene((480, 640), red=(100, 100, 300, 400)).transpose(1, 2, 0)
    assert raw.raw and not built_in.raw
    assert len(raw.find(picture)[0]) == len(built_in.find(picture)[0]) == 1
    for finder in (raw, built_in):
        boxes, scores = finder.find(np.zeros((50, 60, 3), np.uint8))
        assert boxes.shape == (0, 4) and scores.shape == (0,)


def test_boxes_end_at_the_picture(raw):
    boxes, _ = raw.find(scene((300, 300), red=(0, 0, 300, 300)).transpose(1, 2, 0))
    np.testing.assert_allclose(boxes, [[0, 0, 300, 300]], atol=1e-4)


def test_the_letterbox_is_grey_below_and_beside():
    square, scale = letterbox(np.full((100, 50, 3), 7, np.uint8), (640, 640))
    assert square.shape == (3, 640, 640)
    assert (square[:, :, :320] == 7).all() and (square[:, :, 320:] == 114).all()
    np.testing.assert_allclose(scale, 6.4)
    tall, scale = letterbox(np.zeros((1, 5000, 3), np.uint8), (640, 640))  # a sliver keeps a row
    assert (tall[:, 1:] == 114).all() and scale[1] == 1


def test_decoding_follows_yolox():
    """Against the formula of YOLOX's own demo, cell by cell."""
    raw_answers = np.random.default_rng(0).normal(size=(8400, 85)).astype(np.float32)
    boxes, scores = decode(raw_answers, (640, 640))
    number = 0
    for stride in (8, 16, 32):
        for row in range(640 // stride):
            for column in range(640 // stride):
                if number % 997 == 0:
                    x, y, w, h = raw_answers[number, :4].astype(np.float64)
                    x, y, w, h = (x + column) * stride, (y + row) * stride, np.exp(w) * stride, np.exp(h) * stride
                    expected = [x - w / 2, y - h / 2, x + w / 2, y + h / 2]
                    np.testing.assert_allclose(boxes[number], expected, rtol=1e-4, atol=1e-3)
                number += 1
    np.testing.assert_allclose(scores, raw_answers[:, 4] * raw_answers[:, 5])
    assert len(cells((640, 640))[0]) == number == 8400


def test_one_each_keeps_the_best_of_doubles():
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [8, 0, 18, 10], [0, 0, 10, 10]], np.float32)
    kept, scores = one_each(boxes, np.array([0.5, 0.9, 0.4, 0.8], np.float32))
    np.testing.assert_array_equal(kept, boxes[[1, 2]])
    np.testing.assert_allclose(scores, [0.9, 0.4])
    np.testing.assert_allclose(overlap(boxes[:1], boxes[:3]), [[1, 9 / 11, 2 / 18]])


def _dots(size, places):
    """A black picture with a soft dot of full red, green and blue at three places x, y."""
    y, x = np.mgrid[: size[0], : size[1]]
    dots = [np.exp(-((x - a) ** 2 + (y - b) ** 2) / (2 * 6**2)) * 255 for a, b in places]
    return np.stack(dots, 2).astype(np.uint8)


@pytest.mark.parametrize("size", [(700, 500), (400, 900)])
def test_joints_come_back_to_the_pixel_in_rgb(reader, size):
    places = [(210, 180), (250, 240), (190, 300)]
    box = np.array([150, 120, 300, 360])
    keypoints = reader.read(_dots(size, places), box[None])
    assert keypoints.shape == (1, 133, 3) and keypoints.dtype == np.float32
    bin_size = 240 * 1.25 / 384 / 2  # of the crop, in the picture's pixels
    for joint in (0, 1, 2, 3, 131, 132):
        np.testing.assert_allclose(keypoints[0, joint, :2], places[joint % 3], atol=2.1 * bin_size)
        assert keypoints[0, joint, 2] == pytest.approx(1, abs=0.05)


def test_confidence_is_the_lower_maximum_and_nothing_is_absent(reader):
    keypoints = reader.read(_dots((200, 200), [(100, 100)] * 3), np.array([[50.0, 50, 150, 150]]))
    assert keypoints[0, 4, 2] == pytest.approx(0.5, abs=0.03)
    np.testing.assert_array_equal(keypoints[0, 5], 0)
    columns, rows = np.full((1, 2, 8), 3.0), np.full((1, 2, 8), 5.0)
    assert (decode_simcc(columns, rows, 2, [np.eye(2, 3)])[..., 2] == 1).all()  # RTMW's maxima exceed 1


def test_people_outside_the_picture_and_many_at_once(folder):
    path = write(Brightest(133), (64, 48), folder / "small.onnx", ("simcc_x", "simcc_y"), True)
    reader = PoseReader(Network(path))
    assert reader.network.takes_several()
    picture = _dots((300, 300), [(20, 20), (24, 24), (28, 28)])
    boxes = np.array([[-40.0, -40, 60, 60]] * 18 + [[150, 150, 150, 150]])
    keypoints = reader.read(picture, boxes)
    assert keypoints.shape == (19, 133, 3) and np.isfinite(keypoints).all()
    np.testing.assert_allclose(keypoints[:18, 1, :2], 24, atol=2)
    np.testing.assert_array_equal(keypoints[0], keypoints[17])
    assert reader.read(picture, np.zeros((0, 4))).shape == (0, 133, 3)


@pytest.mark.parametrize("box", [(100, 50, 200, 400), (100, 50, 400, 100)])
def test_the_crop_is_the_box_with_a_quarter_more_in_the_networks_shape(box):
    matrix = crop_matrix(np.array(box, np.float64), (384, 288))
    corners = np.array([[box[0], box[1], 1], [box[2], box[3], 1]]) @ matrix.T
    centre, extent = corners.mean(0), corners[1] - corners[0]
    np.testing.assert_allclose(centre, [144, 192])
    assert max(extent / [288, 384]) == pytest.approx(1 / 1.25)
    assert matrix[0, 0] == matrix[1, 1] > 0 and matrix[0, 1] == matrix[1, 0] == 0  # nothing is stretched or turned


def test_seventeen_joints_and_another_split_are_read(folder):
    path = write(Brightest(17, split=3), (64, 48), folder / "coco.onnx", ("simcc_x", "simcc_y"))
    reader = PoseReader(Network(path))
    assert (reader.joints, reader.split, reader.network.takes_several()) == (17, 3, False)
    keypoints = reader.read(_dots((64, 48), [(20, 30)] * 3), np.array([[5.0, 5, 40, 60]] * 2))
    np.testing.assert_allclose(keypoints[:, 0, :2], [[20, 30]] * 2, atol=1)


class _Answers(nn.Module):
    """Answers zeros of the given shapes."""

    def __init__(self, *shapes):
        super().__init__()
        self.shapes = shapes

    def forward(self, pictures):
        return tuple(torch.zeros(shape) + 0 * pictures.sum() for shape in self.shapes)


@pytest.mark.parametrize(
    ("kind", "shapes", "found"),
    [
        (PersonFinder, [(1, 84, 4)], "(1, 84, 4)"),
        (PersonFinder, [(1, 77, 85)], "expected a YOLOX person detector: (1, 84"),
        (PersonFinder, [(1, 10)], "(1, 10)"),
        (PersonFinder, [(1, 84, 1, 85)], "(1, 84, 1, 85)"),
        (PoseReader, [(1, 133, 128)], "expected a SimCC pose network"),
        (PoseReader, [(1, 133, 128), (1, 17, 128)], "(1, 133, 128), (1, 17, 128)"),
        (PoseReader, [(1, 133, 128), (1, 133, 100)], "(1, 133, 100)"),
        (PoseReader, [(1, 133, 16, 12), (1, 133, 128)], "(1, 133, 16, 12)"),
        (PoseReader, [(1, 21, 128), (1, 21, 128)], "21 joints; expected 133"),
    ],
)
def test_networks_of_another_kind_are_refused(tmp_path, kind, shapes, found):
    names = tuple(f"answer{i}" for i in range(len(shapes)))
    path = write(_Answers(*shapes), (64, 64), tmp_path / "other.onnx", names)
    with pytest.raises(InputError) as raised:
        kind(Network(path))
    assert str(path) in str(raised.value) and found in str(raised.value)


class _Mean(nn.Module):
    def forward(self, pictures):
        return pictures.mean(2)


def test_files_that_are_no_such_network_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"none\.onnx: no such file"):
        Network(tmp_path / "none.onnx")
    for name, content in (("text.onnx", b"not a network"), ("empty.onnx", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=rf"{name}: not a readable ONNX network"):
            Network(tmp_path / name)
    whole = write(_Mean(), (64, 64), tmp_path / "whole.onnx", ("mean",)).read_bytes()
    (tmp_path / "half.onnx").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"half\.onnx: not a readable ONNX network"):
        Network(tmp_path / "half.onnx")


def test_inputs_of_another_kind_are_refused(tmp_path):
    onnx = pytest.importorskip("onnx")
    for shape, said in ((["n", 1, 64, 64], "expected one input of pictures"), (["n", 3, "h", "w"], "a fixed height")):
        value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, shape)
        answer = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, shape)
        graph = onnx.helper.make_graph([onnx.helper.make_node("Identity", ["x"], ["y"])], "g", [value], [answer])
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
        onnx.save(model, tmp_path / "model.onnx")
        with pytest.raises(InputError, match=said):
            PersonFinder(Network(tmp_path / "model.onnx"))


def test_providers(folder, raw):
    path = raw.network.path
    assert Network(path).providers[-1] == "cpu"
    assert Network(path, ["cpu"], threads=1).providers == ["cpu"]
    with pytest.raises(InputError, match="provider 'tpu': not available here; this onnxruntime has .*cpu"):
        Network(path, ["tpu"])
    import onnxruntime

    if "OpenVINOExecutionProvider" not in onnxruntime.get_available_providers():
        with pytest.raises(InputError, match="'openvino': not available"):
            Network(path, ["openvino", "cpu"])


def test_without_onnxruntime_the_extra_is_named(raw, monkeypatch):
    monkeypatch.setattr("lookreel.poses.network.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'lookreel\[pose\]'"):
        Network(raw.network.path)
