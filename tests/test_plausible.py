"""The bundled detector is believed where it sees the same body twice, and nowhere else."""

import numpy as np
import pytest
from PIL import Image

from lookreel.cli import main
from lookreel.data import mannequin
from lookreel.poses import detect
from lookreel.poses.finder import Finder
from lookreel.poses.layout import to_openpose18
from lookreel.poses.measure_detector import SIZES
from lookreel.poses.plausible import AGREE, difference, plausible


@pytest.fixture(scope="module")
def mini() -> detect.Detector:
    return detect.load("mini", threads=1)


def texture(seed: int, size: tuple[int, int] = (384, 384)) -> np.ndarray:
    """Blurred noise, uint8 (3, H, W): gravel, in which a network that knows only figures finds figures."""
    import cv2

    grey = cv2.GaussianBlur(np.random.default_rng(seed).normal(size=size), (0, 0), 3)
    grey = np.clip(128 + 60 * grey / grey.std(), 0, 255)
    return np.repeat(grey[None], 3, 0).astype(np.uint8)


def found(detector: detect.Detector, frame: np.ndarray) -> np.ndarray | None:
    people = detector.detect(frame[None])[0]
    return people[0].keypoints if people else None


def test_mannequins_are_seen_again_at_the_same_place(mini):
    away = []
    for number in range(12):
        made = mannequin.clip(
            mannequin.TEST.start + number, mannequin.MOTIONS[number % 4], 4, SIZES[number % len(SIZES)]
        )
        for frame in made.frames.numpy():
            pose = found(mini, frame)
            away += [difference(mini, frame, pose)] if pose is not None else []
    assert len(away) >= 46
    assert np.median(away) < AGREE / 4 and np.mean(np.array(away) <= AGREE) > 0.95


def test_figures_in_noise_and_parts_of_a_body_are_not(mini):
    poses = [(frame, found(mini, frame)) for frame in map(texture, range(12))]
    seen = [(frame, pose) for frame, pose in poses if pose is not None]
    assert len(seen) >= 6, "nothing to tell apart: the detector finds nobody in noise"
    assert not any(plausible(mini, frame[None], pose[None]) for frame, pose in seen)
    whole = mannequin.frames_at(mannequin.TEST.start + 3, [0.2], (512, 384)).frames.numpy()[0]
    face = np.ascontiguousarray(whole[:, 20:150, 110:270])
    pose = found(mini, face)
    assert pose is None or not plausible(mini, face[None], pose[None])


def test_a_clip_is_judged_by_most_of_a_few_frames(mini):
    made = mannequin.clip(mannequin.TEST.start + 1, "turn", 9, (256, 192))
    frames = made.frames.numpy()
    track, _ = detect.track(frames, 12.0, mini)
    poses = to_openpose18(track).keypoints
    assert plausible(mini, frames, poses)
    poses[:3] = 0  # nobody there: those frames do not count
    assert plausible(mini, frames, poses)
    assert not plausible(mini, frames, poses + np.array([60, 0, 0], np.float32) * (poses[..., 2:] > 0))
    assert not plausible(mini, frames, np.zeros_like(poses))


def test_nothing_is_said_against_another_detector_that_was_named(mini):
    finder = Finder("mini")
    nobody = np.zeros((1, 18, 3), np.float32)
    assert finder.believes(nobody, texture(0)[None]) and finder.doubts(nobody, texture(0)[None])
    finder = Finder("dwpose")
    finder._detector = detect.Detector("dwpose", mini.finder, mini.reader, {})
    assert finder.believes(nobody, texture(0)[None]) and not finder.doubts(nobody, texture(0)[None])


@pytest.mark.parametrize("named", [(), ("--detector", "mini")], ids=["unnamed", "named"])
def test_lookreel_poses_says_so(named, tmp_path, capsys):
    frame = next(f for f in map(texture, range(12)) if found(detect.load("mini", threads=1), f) is not None)
    Image.fromarray(frame.transpose(1, 2, 0)).save(tmp_path / "gravel.png")
    person = ("--person", "1")
    assert main(["poses", str(tmp_path / "gravel.png"), *named, *person, "--out", str(tmp_path / "a.npz")]) == 0
    assert "warning: these poses are not to be relied on" in capsys.readouterr().err
    still = mannequin.frames_at(mannequin.TEST.start + 3, [0.0], (256, 192)).frames.numpy()[0]
    Image.fromarray(still.transpose(1, 2, 0)).save(tmp_path / "b.png")
    assert main(["poses", str(tmp_path / "b.png"), *named, "--out", str(tmp_path / "b.npz")]) == 0
    assert "warning" not in capsys.readouterr().err
