"""`lookreel poses`: every kind of source, every form of result, and every wrong input in one line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from looking import Reader, numbered, save
from lookreel.cli import main
from lookreel.data import mannequin
from lookreel.poses import detect
from lookreel.poses.draw import draw, visible
from lookreel.poses.track import Track
from lookreel.video import read_video, write_video

SEED = mannequin.TEST.start + 4
SIZE = (256, 192)
FPS = 12.0


@pytest.fixture(scope="module")
def turn() -> mannequin.Clip:
    return mannequin.clip(SEED, "turn", 12, SIZE, FPS)


@pytest.fixture(scope="module")
def poses(turn) -> np.ndarray:
    """For `Reader`: pose i + 1 is that of frame i, number 0 is nobody."""
    shares = turn.track.keypoints / [SIZE[1], SIZE[0], 1]
    return np.concatenate([np.zeros((1, 18, 3)), shares])


@pytest.fixture
def frames(turn) -> np.ndarray:
    """The turn's frames (F, H, W, 3) with their numbers, from 1."""
    pictures = turn.frames.numpy().transpose(0, 2, 3, 1)
    return np.stack([numbered(picture, i + 1) for i, picture in enumerate(pictures)])


@pytest.fixture
def reader(poses, monkeypatch, tmp_path) -> Reader:
    """Stands in for every detector; the working folder is empty."""
    found = Reader(poses)
    monkeypatch.setattr(detect, "load", lambda name="mini", weights=None, providers=None: found)
    monkeypatch.chdir(tmp_path)
    return found


def film(frames: np.ndarray, path: str = "clip.mp4", fps: float = FPS) -> Path:
    write_video(path, frames.transpose(0, 3, 1, 2), fps, frames.shape[1:3])
    return Path(path)


def run(capsys, *arguments: str) -> dict:
    """Run with --json; what it printed on stdout."""
    code = main(["poses", *arguments, "--json"])
    out, err = capsys.readouterr()
    assert code == 0, err
    assert out.count("\n") == 1
    return json.loads(out) | {"stderr": err}


def refused(capsys, *arguments: str) -> str:
    """The one line on stderr; nothing may be left on the disk."""
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    code = main(["poses", *arguments])
    out, err = capsys.readouterr()
    lines = [line for line in err.splitlines() if not line.startswith("lookreel: poses ")]  # progress
    assert code == 2 and not out, err
    assert len(lines) == 1 and lines[0].startswith("lookreel: "), err
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before
    return lines[0]


def test_a_picture(reader, frames, turn, capsys):
    save(frames[3], Path("front.png"))
    facts = run(capsys, "front.png", "--out", "front.npz", "--overlay", "seen.png")
    track = Track.load("front.npz")
    np.testing.assert_allclose(track.keypoints[0], turn.track.keypoints[3], atol=1e-3)
    assert (len(track), track.size, facts["kind"], facts["frames"]) == (1, SIZE, "detected", 1)
    assert facts["detector"]["name"] == "reader" and "detector reader" in facts["stderr"]
    with Image.open("seen.png") as picture:
        assert picture.size == SIZE[::-1]
    assert sorted(path.name for path in Path().iterdir()) == ["front.npz", "front.png", "seen.png"]


def test_a_plain_video_with_an_overlay(reader, frames, turn, capsys):
    film(frames)
    facts = run(capsys, "clip.mp4", "--out", "t.npz", "--overlay", "o.mp4", "--no-smooth")
    track = Track.load("t.npz")
    np.testing.assert_allclose(track.keypoints, turn.track.keypoints, atol=1e-3)
    assert track.fps == FPS and facts["layout"] == "openpose18" and 0 < facts["visible"] < 1
    shown, fps = read_video("o.mp4")
    assert shown.shape == (12, 3, *SIZE) and fps == FPS
    x, y, _ = np.rint(track.keypoints[0, 1]).astype(int)
    assert shown[0, 0, y, x] > 150 > shown[0, 2, y, x]  # the neck's orange
    assert "poses 12/12" in facts["stderr"]


def test_detected_tracks_are_mended_unless_told_not_to(reader, frames, capsys):
    lost = frames.copy()
    lost[5] = numbered(lost[5], 0)
    film(lost)
    facts = run(capsys, "clip.mp4", "--out", "mended.npz")
    assert any("1 of 12 frames" in line for line in facts["notices"])
    mended = Track.load("mended.npz").keypoints
    assert visible(mended)[5, 1:3].all() and mended[5, 1, 2] == pytest.approx(0.35)
    run(capsys, "clip.mp4", "--out", "raw.npz", "--no-smooth")
    assert not visible(Track.load("raw.npz").keypoints)[5].any()


def test_a_video_of_drawn_skeletons(reader, turn, capsys):
    big = (512, 384)
    pictures = draw(turn.track.keypoints, SIZE, big)
    write_video("drawn.mp4", pictures, FPS, big)
    facts = run(capsys, "drawn.mp4", "--out", "t.npz")
    assert facts["kind"] == "drawn" and "drawn skeletons" in facts["stderr"] and not reader.looked_at
    truth = (turn.track.keypoints[..., :2] + 0.5) * 2 - 0.5
    track = Track.load("t.npz")
    both = visible(turn.track.keypoints) & visible(track.keypoints)
    assert both.sum() > 0.9 * visible(turn.track.keypoints).sum()
    away = np.linalg.norm(track.keypoints[..., :2] - truth, axis=-1)[both]
    assert np.percentile(away, 95) < 3 and track.size == big


def test_a_drawn_picture(reader, turn, capsys):
    save(draw(turn.track.keypoints[:1], SIZE, (512, 384))[0].transpose(1, 2, 0), Path("pose.png"))
    facts = run(capsys, "pose.png", "--out", "t.npz")
    assert facts["kind"] == "drawn" and facts["frames"] == 1 and not reader.looked_at


def test_a_folder_of_pictures_in_natural_order(reader, frames, turn, capsys):
    Path("frames").mkdir()
    for i in np.random.default_rng(0).permutation(12):
        save(frames[i], Path(f"frames/frame {i}.png"))
    facts = run(capsys, "frames", "--out", "t.npz", "--fps", "12", "--no-smooth")
    track = Track.load("t.npz")
    np.testing.assert_allclose(track.keypoints, turn.track.keypoints, atol=1e-3)
    assert track.fps == 12 and "frame 0.png to frame 11.png" in facts["stderr"]


def test_large_frames_are_looked_at_smaller_and_told_in_their_own_pixels(reader, frames, turn, capsys):
    large = np.kron(frames[:1], np.ones((1, 8, 8, 1), np.uint8))
    save(large[0], Path("large.png"))
    run(capsys, "large.png", "--out", "t.npz")
    track = Track.load("t.npz")
    assert track.size == (SIZE[0] * 8, SIZE[1] * 8)
    there = visible(turn.track.keypoints[0])
    np.testing.assert_allclose(track.keypoints[0, there, :2], (turn.track.keypoints[0, there, :2] + 0.5) * 8, atol=5)


@pytest.mark.parametrize("out", ["t.npz", "poses.json", "folder"])
def test_every_form_is_read_again(reader, turn, capsys, out):
    track = Track(turn.track.keypoints, SIZE, FPS)
    track.save("in.npz")
    run(capsys, "in.npz", "--out", out)
    facts = run(capsys, out, "--out", "again.npz")
    again = Track.load("again.npz")
    np.testing.assert_allclose(again.keypoints, track.keypoints, atol=1e-3)
    assert (again.size, again.fps) == (SIZE, FPS) and facts["frames"] == 12
    if out == "folder":
        names = sorted(path.name for path in Path("folder").iterdir())
        assert names[0] == "in_000000000000_keypoints.json" and len(names) == 12


def test_a_bundled_motion_by_name(reader, capsys):
    facts = run(capsys, "turn", "--overlay", "turn.png")
    assert facts["frames"] == 36 and facts["out"] is None and Path("turn.png").is_file()


def test_cut_rate_and_loop(reader, turn, capsys):
    Track(turn.track.keypoints, SIZE, FPS).save("in.npz")
    facts = run(capsys, "in.npz", "--out", "t.npz", "--start", "0.25", "--end", "0.75", "--fps", "24", "--loop", "2")
    track = Track.load("t.npz")
    assert track.fps == 24 and facts["frames"] == len(track) == 12 + 11
    np.testing.assert_allclose(track.keypoints[:12:2][:5], turn.track.keypoints[3:8], atol=1e-3)
    np.testing.assert_array_equal(track.keypoints[12:], track.keypoints[10::-1])


def test_an_overlay_shows_the_frames_that_are_left(reader, frames, capsys):
    film(frames)
    run(capsys, "clip.mp4", "--out", "t.npz", "--overlay", "o.mp4", "--start", "0.5", "--fps", "6", "--no-smooth")
    shown, fps = read_video("o.mp4")
    assert len(shown) == 3 and fps == 6
    expected = frames[[6, 8, 10], -20:].transpose(0, 3, 1, 2) * 0.55
    np.testing.assert_allclose(shown[:, :, -20:].astype(float).mean((1, 2, 3)), expected.mean((1, 2, 3)), atol=3)


def test_aligned_to_a_photo(reader, turn, frames, capsys):
    still = mannequin.frames_at(SEED, [0.0], SIZE)
    save(still.frames[0].permute(1, 2, 0).numpy(), Path("front.png"))
    Track(still.track.keypoints, SIZE).save("front.npz")
    wide = turn.track.keypoints * np.array([1.2, 0.8, 1], np.float32)
    Track(wide, (205, 230), FPS).save("wide.npz")
    facts = run(capsys, "wide.npz", "--align-to", "front.png", "--out", "t.npz", "--overlay", "o.png")
    assert facts["alignment"]["how"] == "limbs"
    assert facts["alignment"]["mismatch"] < 0.05 < facts["alignment"]["mismatch_before"]
    track = Track.load("t.npz")
    assert track.size == SIZE
    away = np.linalg.norm(track.keypoints[..., :2] - turn.track.keypoints[..., :2], axis=-1)
    assert away[visible(turn.track.keypoints)].mean() < 0.03 * SIZE[0]
    kept = run(capsys, "wide.npz", "--align-to", "front.png", "--out", "n.npz", "--align", "none")
    assert kept["alignment"]["mismatch"] > 0.05 and "warning: the motion's body does not fit" in kept["stderr"]
    line = refused(capsys, "wide.npz", "--align-to", "front.png", "--out", "s.npz", "--align", "none", "--strict")
    assert "--strict" in line and "does not fit front.png" in line


def test_the_photo_to_align_to_may_need_a_detector(reader, turn, frames, capsys):
    Track(turn.track.keypoints, SIZE, FPS).save("in.npz")
    save(frames[0], Path("front.png"))
    facts = run(capsys, "in.npz", "--align-to", "front.png", "--out", "t.npz", "--shift", "10,-4")
    assert facts["alignment"]["how"] == "none" and reader.looked_at == 1
    moved = Track.load("t.npz").keypoints[..., :2] - turn.track.keypoints[..., :2]
    np.testing.assert_allclose(moved[visible(turn.track.keypoints)].mean(0), [10, -4], atol=1e-3)


def test_several_people(reader, poses, frames, turn, capsys):
    film(frames)
    reader.others = ((0.25, 0.6),)
    facts = run(capsys, "clip.mp4", "--out", "t.npz", "--no-smooth")
    assert any("2 people" in line for line in facts["notices"])
    np.testing.assert_allclose(Track.load("t.npz").keypoints, turn.track.keypoints, atol=1e-3)
    run(capsys, "clip.mp4", "--out", "second.npz", "--person", "2", "--no-smooth")
    second = Track.load("second.npz").keypoints
    there = visible(second[0])
    assert np.ptp(second[0, there, 1]) == pytest.approx(0.6 * np.ptp(turn.track.keypoints[0, there, 1]), rel=0.01)
    reader.others = ((0.4, 0.98),)
    assert "--person 1" in refused(capsys, "clip.mp4", "--out", "u.npz")


def test_nobody(reader, frames, capsys):
    film(np.stack([numbered(frame, 0) for frame in frames]))
    assert "nobody" in refused(capsys, "clip.mp4", "--out", "t.npz")


def uneven(frames: np.ndarray, milliseconds: list[int], path: str = "uneven.mp4") -> None:
    """A video whose frames are shown at these times."""
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"crf": "10", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], "yuv420p"
        stream.time_base = stream.codec_context.time_base = __import__("fractions").Fraction(1, 1000)
        for picture, at in zip(frames, milliseconds, strict=True):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = at, stream.codec_context.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def test_a_variable_frame_rate_is_resampled_by_its_times(reader, frames, turn, capsys):
    times = [0, 40, 80, 120, 160, 400, 440, 480, 520, 560, 600, 640]  # a pause of 0.24 s in 25 frames a second
    uneven(frames, times)
    facts = run(capsys, "uneven.mp4", "--out", "t.npz", "--no-smooth")
    assert any("variable frame rate" in line for line in facts["notices"])
    track = Track.load("t.npz")
    expected = [0, 1, 2, 3, *[4] * 6, 5, 6, 7, 8, 9, 10, 11]
    assert track.fps == 25 and len(track) == len(expected)
    np.testing.assert_allclose(track.keypoints, turn.track.keypoints[expected], atol=1e-3)


def test_slow_motion_is_thinned_and_single_frames_are_said(reader, frames, capsys):
    film(np.repeat(frames, 4, 0), "fast.mp4", 240)
    facts = run(capsys, "fast.mp4", "--out", "t.npz")
    assert Track.load("t.npz").fps == 30 and facts["frames"] == 6 and reader.looked_at == 6
    assert any("240 frames a second; every 8th" in line for line in facts["notices"])
    film(frames[:3], "slow.mp4", 1)
    facts = run(capsys, "slow.mp4", "--out", "u.npz", "--fps", "12")
    assert any("only 1 frames a second" in line for line in facts["notices"])
    assert Track.load("u.npz").fps == 12 and facts["frames"] == 36


def test_a_video_on_its_side_is_turned(reader, frames, turn, capsys):
    lying = np.rot90(frames, 1, (1, 2))  # as a phone stores it; to be turned clockwise
    film(lying, "phone.mp4")
    data = Path("phone.mp4").read_bytes()
    one, zero, minus, last = (n.to_bytes(4, "big") for n in (0x10000, 0, 0xFFFF0000, 0x40000000))
    upright = one + zero * 3 + one + zero * 3 + last
    start = data.index(b"tkhd")
    at = data.index(upright, start)
    Path("phone.mp4").write_bytes(data[:at] + zero + one + zero + minus + zero * 4 + last + data[at + 36 :])
    run(capsys, "phone.mp4", "--out", "t.npz", "--no-smooth")
    track = Track.load("t.npz")
    assert track.size == SIZE
    np.testing.assert_allclose(track.keypoints, turn.track.keypoints, atol=1e-3)


def audio(path: str) -> None:
    with av.open(path, "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format="fltp", layout="mono")
        frame.rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode())


def test_damaged_and_foreign_videos(reader, frames, capsys):
    data = film(frames).read_bytes()
    Path("cut.mp4").write_bytes(data[: len(data) * 2 // 3])
    Path("empty.mp4").touch()
    Path("text.mp4").write_text("hello\n" * 100)
    audio("song.mp4")
    with av.open("none.mp4", "w") as container:
        container.add_stream("libx264", rate=25).width = 64
    for name, word in {
        "cut": "truncated|damaged",
        "empty": "empty|damaged",
        "text": "damaged",
        "song": "no video",
    }.items():
        line = refused(capsys, f"{name}.mp4", "--out", "t.npz")
        assert f"{name}.mp4" in line and any(w in line for w in word.split("|")), line
    assert "none.mp4" in refused(capsys, "none.mp4", "--out", "t.npz")


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("{", "not readable JSON"),
        ('{"shapes": []}', "another layout"),
        ("[1, 2]", "another layout"),
        ("[]", "another layout"),
        ('{"people": [], "canvas_width": 10, "canvas_height": 10}', "nobody"),
        (
            '{"people": [{"pose_keypoints_2d": [1, 2, 1]}], "canvas_width": 10, "canvas_height": 10}',
            "17, 18, 25 or 133",
        ),
        ('{"people": [{"pose_keypoints_2d": "abc"}]}', "no numbers"),
        ('{"people": [{}]}', "no numbers|17, 18"),
        ('{"people": {}}', "no list"),
    ],
)
def test_json_that_is_none_of_ours(reader, capsys, content, word):
    Path("poses.json").write_text(content)
    line = refused(capsys, "poses.json", "--out", "t.npz")
    assert "poses.json" in line and any(w in line for w in word.split("|")), line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("gone.mp4", "--out", "t.npz"), ("gone.mp4", "no such file")),
        (("in.npz",), ("--out", "none given")),
        (("in.npz", "--out", "t.txt"), ("t.txt", ".npz")),
        (("in.npz", "--out", "no/t.npz"), ("no/t.npz", "does not exist")),
        (("in.npz", "--out", "in.npz", "--force"), ("in.npz", "over an input")),
        (("in.npz", "--out", "taken.npz"), ("taken.npz", "--force")),
        (("in.npz", "--out", "album"), ("album", "--force")),
        (("in.npz", "--out", "album", "--force"), ("album", "letter.txt")),
        (("in.npz", "--out", "t.npz", "--fps", "0"), ("--fps", "0")),
        (("in.npz", "--out", "t.npz", "--loop", "0"), ("--loop", "0")),
        (("in.npz", "--out", "t.npz", "--start", "9"), ("--start", "lasts 1.00 s")),
        (("in.npz", "--out", "t.npz", "--start", "-1"), ("--start", "-1")),
        (("in.npz", "--out", "t.npz", "--align", "limbs"), ("--align", "--align-to")),
        (("in.npz", "--out", "t.npz", "--align-to", "front.png", "--align", "arms"), ("--align", "arms", "global")),
        (("in.npz", "--out", "t.npz", "--align-to", "front.png", "--shift", "3"), ("--shift", "3", "X,Y")),
        (("in.npz", "--out", "t.npz", "--align-to", "front.png", "--scale", "0"), ("--scale", "0")),
        (("in.npz", "--out", "t.npz", "--align-to", "gone.png"), ("gone.png", "no such file")),
        (("in.npz", "--out", "t.npz", "--align-to", "front.png"), ("front.png", "no pose known")),
        (("in.npz", "--out", "t.npz", "--person", "0"), ("--person", "0")),
        (("in.npz", "--out", "t.npz", "--size", "big"), ("--size", "HxW")),
        (("album", "--out", "t.npz"), ("album", "neither pictures nor .json")),
        (("front.png", "--out", "t.npz"), ("front.png", "nobody")),
    ],
)
def test_wrong_requests(reader, turn, frames, capsys, arguments, words):
    Track(turn.track.keypoints, SIZE, FPS).save("in.npz")
    Path("taken.npz").write_text("old")
    save(numbered(frames[0], 0), Path("front.png"))
    Path("album").mkdir()
    Path("album/letter.txt").write_text("dear")
    line = refused(capsys, *arguments)
    for word in words:
        assert word in line


def test_pictures_of_several_sizes_in_one_folder(reader, frames, capsys):
    Path("frames").mkdir()
    save(frames[0], Path("frames/1.png"))
    save(frames[1][:100], Path("frames/2.png"))
    assert "2.png: 192x100" in refused(capsys, "frames", "--out", "t.npz")


def test_without_a_detector_the_reason_is_told(frames, capsys, monkeypatch, tmp_path):
    from lookreel.errors import InputError

    def absent(*_, **__):
        raise InputError("onnxruntime is not installed")

    monkeypatch.setattr(detect, "load", absent)
    monkeypatch.chdir(tmp_path)
    save(frames[0], Path("front.png"))
    assert "onnxruntime" in refused(capsys, "front.png", "--out", "t.npz")


@pytest.mark.parametrize("arguments", [("--out", "t.npz"), ("--out", "t.json"), ("--out", "f"), ("--overlay", "o.mp4")])
def test_a_full_disk_leaves_nothing(tmp_path, arguments):
    """The limit on the size of files stands for a full disk: writing fails in the same place, with one line."""
    code = (
        "import resource, sys; from lookreel.cli import main;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300, resource.RLIM_INFINITY)); sys.exit(main(sys.argv[1:]))"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(detect.__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", code, "poses", "turn", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1 and "cannot be written" in done.stderr and not done.stdout
    assert not list(tmp_path.iterdir())
