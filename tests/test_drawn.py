import cv2
import numpy as np
import pytest

from lookreel.poses.draw import draw
from lookreel.poses.drawn import is_drawn, read_drawn
from lookreel.poses.skeleton import L_ANKLE, L_HIP, L_KNEE, L_SHOULDER, R_ELBOW, R_SHOULDER, R_WRIST
from lookreel.video import read_video, write_video

SIZE = (512, 384)


def _moving(frames=3) -> np.ndarray:
    """(F, 18, 3) in pixels of SIZE: a body that drifts, lifts an arm and crosses its legs a little."""
    points = [
        (48, 20), (48, 30), (39, 31), (35, 45), (33, 58), (57, 31), (61, 45), (63, 58), (43, 60), (42, 82), (42, 104),
        (53, 60), (54, 82), (54, 104), (45, 17), (51, 17), (41, 19), (55, 19),
    ]  # fmt: skip
    keypoints = np.tile(np.array([(4 * x, 4 * y, 1) for x, y in points], np.float32), (frames, 1, 1))
    for i in range(frames):
        keypoints[i, :, :2] += [5 * i, 2 * i]
        keypoints[i, R_WRIST, :2] += [20 * i, -30 * i]
        keypoints[i, L_ANKLE, 0] -= 10 * i
    return keypoints


def _through_h264(frames: np.ndarray, tmp_path) -> np.ndarray:
    write_video(tmp_path / "drawn.mp4", frames, 12, frames.shape[2:])
    return read_video(tmp_path / "drawn.mp4")[0]


def _hands_and_face(frames: np.ndarray, keypoints: np.ndarray, hand=R_WRIST, at=(0, 40)) -> np.ndarray:
    """What DWPose draws besides: a hand of coloured lines and blue dots, a face of white dots."""
    result = frames.copy()
    for picture, points in zip(result, keypoints, strict=True):
        canvas = np.ascontiguousarray(picture.transpose(1, 2, 0))
        wrist = points[hand, :2]
        for i in range(5):
            tip = wrist + at + [8 * i - 16, 6 * abs(i - 2)]
            hue = np.array([[[i * 36, 255, 255]]], np.uint8)
            color = cv2.cvtColor(hue, cv2.COLOR_HSV2RGB)[0, 0].tolist()
            ends = [tuple(int(v) for v in p) for p in (wrist + np.array(at) / 3, tip)]
            cv2.line(canvas, *ends, color, 2)
            for end in ends:
                cv2.circle(canvas, end, 3, (0, 0, 255), cv2.FILLED)
        for angle in np.linspace(0, 2 * np.pi, 24, endpoint=False):
            dot = points[0, :2] + [28 * np.cos(angle), 34 * np.sin(angle)]
            cv2.circle(canvas, tuple(int(v) for v in dot), 2, (255, 255, 255), cv2.FILLED)
        picture[:] = canvas.transpose(2, 0, 1)
    return result


def test_drawn_pictures_read_back_within_half_a_pixel():
    keypoints = _moving()
    frames = draw(keypoints, SIZE)
    assert is_drawn(frames)
    track = read_drawn(frames, 12.5)
    assert (track.size, track.fps, track.layout) == (SIZE, 12.5, "openpose18")
    assert track.keypoints.dtype == np.float32
    np.testing.assert_array_equal(track.keypoints[..., 2], 1)
    np.testing.assert_allclose(track.keypoints, keypoints, atol=0.5)


def test_compression_costs_less_than_a_pixel(tmp_path):
    keypoints = _moving()
    frames = _through_h264(draw(keypoints, SIZE), tmp_path)
    assert is_drawn(frames)
    read = read_drawn(frames, 12).keypoints
    np.testing.assert_array_equal(read[..., 2], 1)
    np.testing.assert_allclose(read[..., :2], keypoints[..., :2], atol=1)


def test_blue_hands_and_white_faces_do_not_mislead(tmp_path):
    keypoints = _moving()
    frames = _through_h264(_hands_and_face(draw(keypoints, SIZE), keypoints), tmp_path)
    assert is_drawn(frames)
    read = read_drawn(frames, 12).keypoints
    body = np.r_[1:14]
    np.testing.assert_array_equal(read[:, body, 2], 1)
    np.testing.assert_allclose(read[:, body, :2], keypoints[:, body, :2], atol=1.5)


def test_a_blue_hand_on_the_thigh_is_not_the_knee():
    keypoints = _moving(1)
    keypoints[0, R_WRIST, :2] = (keypoints[0, L_HIP, :2] + keypoints[0, L_KNEE, :2]) / 2 - [0, 13]
    read = read_drawn(_hands_and_face(draw(keypoints, SIZE), keypoints), 12).keypoints
    np.testing.assert_allclose(read[0, L_KNEE], keypoints[0, L_KNEE], atol=1)
    keypoints[0, L_KNEE, 2] = 0  # and without a leg there is no knee at all
    read = read_drawn(_hands_and_face(draw(keypoints, SIZE), keypoints), 12).keypoints
    assert read[0, L_KNEE, 2] == 0


def test_a_covered_joint_is_guessed_at_the_end_of_its_limb():
    keypoints = _moving(1)
    frames = draw(keypoints, SIZE)
    x, y = np.rint(keypoints[0, R_WRIST, :2]).astype(int)
    frames[:, :, y - 5 : y + 6, x - 5 : x + 6] = 0
    read = read_drawn(frames, 12).keypoints
    assert read[0, R_WRIST, 2] == 0.5
    np.testing.assert_allclose(read[0, R_WRIST, :2], keypoints[0, R_WRIST, :2], atol=9)


def test_absent_joints_stay_absent():
    keypoints = _moving(2)
    keypoints[:, [L_SHOULDER, R_ELBOW], 2] = 0
    read = read_drawn(draw(keypoints, SIZE), 12).keypoints
    assert not read[:, [L_SHOULDER, R_ELBOW], 2].any()
    np.testing.assert_allclose(read[:, [R_SHOULDER, L_KNEE]], keypoints[:, [R_SHOULDER, L_KNEE]], atol=0.5)
    assert not read_drawn(np.zeros((2, 3, *SIZE), np.uint8), 12).keypoints.any()


@pytest.mark.parametrize("size", [(128, 96), (256, 192), (1024, 576)])
def test_sizes_without_compression(size):
    keypoints = _moving(1)
    scale = size[0] / SIZE[0]
    keypoints[..., :2] = (keypoints[..., :2] + 0.5) * scale - 0.5
    frames = draw(keypoints, size)
    assert is_drawn(frames)
    np.testing.assert_allclose(read_drawn(frames, 12).keypoints, keypoints, atol=0.6)


def _others() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    y, x = np.indices(SIZE)
    dress = np.zeros((2, 3, *SIZE), np.uint8)
    dress[:, 0, 100:400, 150:230] = 255  # a red dress on black
    dots = np.zeros((2, *SIZE, 3), np.uint8)
    for i in range(18):
        color = tuple(int(v) for v in rng.integers(0, 256, 3))
        for picture in dots:
            cv2.circle(picture, (20 * i + 15, 200), 5, color, cv2.FILLED)
    bars = np.zeros((1, 3, *SIZE), np.uint8)
    bars[0] = np.stack([x // 48 % 2, x // 96 % 2, x // 192 % 2]) * 255
    return {
        "black": np.zeros((3, 3, *SIZE), np.uint8),
        "white": np.full((1, 3, *SIZE), 255, np.uint8),
        "noise": rng.integers(0, 256, (2, 3, *SIZE), dtype=np.uint8),
        "gradient": np.broadcast_to((x * 255 // SIZE[1]).astype(np.uint8), (2, 3, *SIZE)),
        "red dress": dress,
        "dots": dots.transpose(0, 3, 1, 2),
        "bars": bars,
        "none": np.zeros((0, 3, *SIZE), np.uint8),
    }


@pytest.mark.parametrize("name", _others())
def test_other_pictures_are_not_drawn_skeletons(name):
    assert not is_drawn(_others()[name])
