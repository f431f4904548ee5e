"""What `lookreel evaluate` refuses: one clear line, exit code 2, and no report that looks complete."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookreel.cli import main
from lookreel.metrics.frames import png_files
from lookreel.poses.track import Track
from lookreel.video import write_video
from test_evaluate import FRAMES, SIZE, evaluate, film, measured, write_clips, write_png


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """A folder with gen/a and truth/a."""
    write_clips(tmp_path, 1)
    return tmp_path


def refused(root: Path, capsys, *more: str, protocol: str = "native") -> str:
    """The one line with which an evaluation is refused, after the check that it left no report."""
    assert evaluate(root, *more, protocol=protocol) == 2
    out, err = capsys.readouterr()
    assert out == ""
    progress = ("lookreel: reading ", "lookreel: measuring ")
    lines = [line for line in err.splitlines() if not line.startswith(progress)]
    assert len(lines) == 1 and lines[0].startswith("lookreel: ") and "Traceback" not in err
    left = [path.name for path in (root / "R").rglob("*")] if (root / "R").exists() else []
    assert not set(left) & {"index.html", "report.json", "report.csv"}
    return lines[0]


def rewrite(folder: Path, frames: np.ndarray) -> None:
    for path in folder.glob("*"):
        path.unlink()
    folder.rmdir()
    write_png(folder, frames)


def test_no_clips_in_common(clips, capsys):
    (clips / "gen" / "a").rename(clips / "gen" / "z")
    assert "no clip in common; found z and a" in refused(clips, capsys)


def test_different_frame_counts(clips, capsys):
    (clips / "gen" / "a" / f"{FRAMES - 1:05d}.png").unlink()
    assert f"a: {FRAMES - 1} frames; expected {FRAMES}" in refused(clips, capsys)


def test_shapes_too_far_apart(clips, capsys):
    rewrite(clips / "gen" / "a", film(0, size=(20, 60)))
    assert "60x20" in (line := refused(clips, capsys, protocol="ubc256")) and "36x48" in line and "25%" in line


def test_sizes_that_differ_within_a_clip(clips, capsys):
    Image.fromarray(film(0, size=(30, 30))[0]).save(clips / "gen" / "a" / "00002.png")
    assert "00002.png: 30x30; the frames before it are 36x48" in refused(clips, capsys)


def test_a_missing_frame(clips, capsys):
    (clips / "gen" / "a" / "00001.png").unlink()
    assert "frame 1 is missing between 0 and 4" in refused(clips, capsys)


@pytest.mark.parametrize("content", [b"", b"no video at all", b"\x00\x00\x00\x20ftypisom" + b"\0" * 64])
def test_an_unreadable_video(clips, capsys, content):
    (clips / "gen" / "b.mp4").write_bytes(content)
    write_video(clips / "truth" / "b.mp4", iter(film(1).transpose(0, 3, 1, 2)), 12, SIZE)
    assert "b.mp4" in refused(clips, capsys)


def test_a_truncated_video(clips, capsys):
    for folder in ("gen", "truth"):
        write_video(clips / folder / "b.mp4", iter(film(1, 30).transpose(0, 3, 1, 2)), 12, SIZE)
    whole = (clips / "gen" / "b.mp4").read_bytes()
    (clips / "gen" / "b.mp4").write_bytes(whole[: len(whole) * 2 // 3])
    assert "b.mp4" in refused(clips, capsys)


def test_an_unreadable_png(clips, capsys):
    (clips / "truth" / "a" / "00003.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    assert "00003.png" in refused(clips, capsys)


@pytest.mark.parametrize("side", ["gen", "truth"])
def test_missing_and_empty_folders(clips, capsys, side):
    (clips / side).rename(clips / "away")
    option = {"gen": "--generated", "truth": "--truth"}[side]
    assert f"{option}: " in (line := refused(clips, capsys)) and "no such folder" in line
    (clips / side).mkdir()
    assert "no clip in it" in refused(clips, capsys)
    (clips / side / "a.gif").write_bytes(b"GIF89a")
    assert "only gif or webp" in refused(clips, capsys)


def test_a_clip_that_fails_in_a_process_of_its_own(tmp_path, capsys):
    write_clips(tmp_path, 2)
    (tmp_path / "truth" / "b" / "00003.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    assert "00003.png" in refused(tmp_path, capsys, "--jobs", "2")


def test_two_clips_of_one_name(clips, capsys):
    (clips / "gen" / "a.mp4").write_bytes(b"x")
    assert "two clips of one name" in refused(clips, capsys)


def test_unknown_protocol(clips, capsys):
    assert "--protocol: ubc512; expected one of ubc256, native, bdmm, disco" in refused(
        clips, capsys, protocol="ubc512"
    )


@pytest.mark.parametrize(("option", "value"), [("--jobs", "0"), ("--weights", "nowhere"), ("--out", "no/such/R")])
def test_options_out_of_range(clips, capsys, option, value):
    assert option in refused(clips, capsys, option, value)


def test_needed_options(capsys, tmp_path):
    assert main(["evaluate", "--truth", str(tmp_path)]) == 2
    assert "--generated: not given" in capsys.readouterr().err
    assert main(["evaluate", "here"]) == 2
    assert "here: what is this?" in capsys.readouterr().err


def test_a_weight_file_of_a_wrong_hash(clips, capsys):
    (clips / "w").mkdir()
    (clips / "w" / "alexnet-owt-7be5be79.pth").write_bytes(b"not these weights")
    line = refused(clips, capsys, "--weights", str(clips / "w"), protocol="bdmm")
    assert "alexnet-owt-7be5be79.pth" in line and "expected sha256 7be5be79" in line


def test_a_corrupt_weight_file(clips, capsys):
    (clips / "w").mkdir()
    (clips / "w" / "inception-2015-12-05.pt").write_bytes(b"no network")
    assert "inception-2015-12-05.pt" in refused(clips, capsys, "--weights", str(clips / "w"))


def test_the_report_of_another_run_stays_without_force(clips, capsys):
    found = measured(clips, capsys)
    write_png(clips / "other" / "a", film(0))
    (clips / "gen").rename(clips / "gen1")
    (clips / "other").rename(clips / "gen")
    (clips / "gen1").rename(clips / "elsewhere")
    other = ["evaluate", "--truth", str(clips / "truth"), "--out", str(clips / "R"), "--protocol", "native"]
    assert main([*other, "--generated", str(clips / "elsewhere")]) == 2
    assert "the report of another run; --force" in capsys.readouterr().err
    assert json.loads((clips / "R" / "report.json").read_text()) == found
    assert main([*other, "--generated", str(clips / "elsewhere"), "--force", "--jobs", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["metrics"]["ssim"] == found["metrics"]["ssim"]


def test_a_folder_of_other_files_is_no_report(clips, capsys):
    (clips / "R").mkdir()
    (clips / "R" / "thesis.tex").write_text("mine")
    assert "a folder with other files" in refused(clips, capsys)
    assert [path.name for path in (clips / "R").iterdir()] == ["thesis.tex"]
    assert main(["evaluate", "--generated", "g", "--truth", str(clips / "gen"), "--out", str(clips / "gen")]) == 2


def test_a_failing_run_takes_the_old_report_down(clips, capsys):
    measured(clips, capsys)
    (clips / "truth" / "a" / "00003.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    refused(clips, capsys)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("no json", "line 1: not JSON"),
        ('{"frames": 5}', "line 1: no path"),
        ('{"path": "b"}', "no such file"),
        ('{"path": "a", "references": [5]}', "frame numbers from 0 to 4"),
        ('{"path": "a", "references": [0, 1, 2, 3, 4]}', "no frame is left"),
        ('{"path": "a", "fps": "fast"}', "fps is 'fast'"),
        ('{"path": "a", "masks": {"garment": "m.npz"}}', "m.npz"),
        ('{"path": "a", "masks": "shape.npz"}', "mask garment has the shape (5, 9, 9); expected (5, 48, 36)"),
        ('{"path": "a", "flow": "shape.npz"}', "flow has the shape"),
        ('{"path": "a", "text_boxes": [[9, 0, 0, 9, 9]]}', "a frame outside 0 to 4"),
        ('{"path": "a", "views": ["front", "front", "top", null, null]}', "found 'top'"),
        ('{"path": "a", "poses": "short.npz"}', "a track of 2 frames"),
    ],
)
def test_a_wrong_manifest(clips, capsys, line, expected):
    np.savez(clips / "truth" / "shape.npz", garment=np.zeros((5, 9, 9)))
    Track(np.ones((2, 18, 3), np.float32), SIZE).save(clips / "truth" / "short.npz")
    (clips / "truth" / "manifest.jsonl").write_text(line + "\n")
    assert expected in refused(clips, capsys)


def test_frame_files_are_read_by_number(tmp_path):
    for name in ("frame_10.png", "frame_9.png", "frame_11.png"):
        (tmp_path / name).touch()
    assert [path.name for path in png_files(tmp_path)] == ["frame_9.png", "frame_10.png", "frame_11.png"]
