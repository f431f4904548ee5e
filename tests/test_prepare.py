"""`lookreel prepare`: which stretches become clips, what is written of them, and why the rest is left out."""

import base64
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import videos
from lookreel.cli import main
from lookreel.data import mannequin
from lookreel.data.manifest import read_manifest
from lookreel.data.prepare.cuts import colors, cuts
from lookreel.data.prepare.judge import REASONS, judge, state
from lookreel.data.prepare.look import Look, look, pictures
from lookreel.data.prepare.settings import Settings
from lookreel.data.prepare.sources import Source, find_sources, split_of
from lookreel.data.prepare.write import pose_flow
from lookreel.errors import InputError
from lookreel.poses import detect
from lookreel.poses.detect import Person
from lookreel.poses.draw import draw
from lookreel.poses.flow import farneback_flow
from lookreel.poses.layout import to_openpose18
from lookreel.poses.track import Track
from lookreel.poses.view import view
from lookreel.video import read_video
from videos import FPS, SIZE, figure, film

SHORT = ("--shortest", "1", "--jobs", "1")


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A dataset of everything there is, good and bad; its videos lie in `videos` beside it."""
    place = tmp_path_factory.mktemp("prepare")
    folder = place / "videos"
    good = film(folder / "train" / "91+bC.mp4", figure(1))
    figures = np.concatenate([figure(2), videos.nobody(12), figure(3, "sway")])
    film(folder / "test" / "three scenes.mp4", figures)
    videos.rotated(folder / "rotated.mp4", figure(5))
    videos.uneven(folder / "uneven.mp4", figure(6, frames=20))
    film(folder / "slow-motion.mp4", np.repeat(figure(7), 20, axis=0), 240)
    film(folder / "odd.mkv", figure(8, size=(127, 95)))
    film(folder / "bad" / "nobody.mp4", videos.nobody())
    film(folder / "bad" / "face.mp4", videos.face())
    film(folder / "bad" / "two.mp4", videos.two_people())
    film(folder / "bad" / "short.mp4", figure(9, frames=6))
    film(folder / "bad" / "one-fps.mp4", figure(10, frames=4), 1)
    film(
        folder / "bad" / "drawn.mp4",
        draw(mannequin.clip(1_000_033, "turn", 15, (288, 288)).track.keypoints, (288, 288)),
    )
    videos.audio_only(folder / "bad" / "audio.mp4")
    videos.without_frames(folder / "bad" / "no-frames.mp4")
    videos.cut_off(folder / "bad" / "cut-off.mp4", good)
    (folder / "bad" / "empty.mp4").write_bytes(b"")
    (folder / "again.mp4").write_bytes(good.read_bytes())
    (folder / "notes.txt").write_text("no video")
    (folder / ".hidden.mp4").write_bytes(b"x")
    (folder / "licences.csv").write_text("path,licence\ntrain,CC0\nodd.mkv,CC-BY-4.0\n")
    assert main(["prepare", str(folder), "--out", str(place / "set"), *SHORT, "--licence", "ours"]) == 0
    return place / "set"


@pytest.fixture(scope="module")
def lines(made) -> dict[str, dict]:
    return {Path(line["path"]).stem: line for line in read_manifest(made, ("path", "poses"))}


@pytest.fixture(scope="module")
def rejected(made) -> dict[str, dict]:
    return {row["source"]: row for row in map(json.loads, (made / "rejected.jsonl").read_text().splitlines())}


def test_good_stretches_become_clips(lines):
    names = ["91+bC", "odd", "rotated", "slow-motion", "three scenes-1", "three scenes-2", "uneven"]
    assert sorted(lines) == names
    assert {name: line["split"] for name, line in lines.items() if name[0] in "9t"} == {
        "91+bC": "train",
        "three scenes-1": "test",
        "three scenes-2": "test",
    }
    assert [lines[f"three scenes-{i}"]["start"] for i in (1, 2)] == [0, pytest.approx(27 / FPS)]
    assert [lines[name]["licence"] for name in ("91+bC", "odd", "uneven")] == ["CC0", "CC-BY-4.0", "ours"]


def test_a_line_says_what_its_files_hold(made, lines):
    for name, line in lines.items():
        frames, fps = read_video(made / line["path"])
        track = Track.load(made / line["poses"])
        assert (len(frames), *frames.shape[2:]) == (line["frames"], *line["size"]) == (len(track), *track.size), name
        assert fps == pytest.approx(line["fps"]) == pytest.approx(track.fps)
        assert line["views"] == [view(pose) for pose in to_openpose18(track).keypoints]
        assert ("references" in line) == (line["split"] == "test")
        with np.load(made / line["pose_flow"]) as flow:
            assert flow["delta"].shape == (len(frames), 2, *flow["mask"].shape[1:]) and int(flow["stride"]) == 4
    assert lines["slow-motion"]["fps"] == 30 and lines["uneven"]["fps"] == 24 and lines["odd"]["size"] == [128, 96]


def test_poses_are_those_of_the_mannequin(made, lines):
    for name, seed in (("91+bC", 1), ("rotated", 5), ("odd", 8)):
        size = (127, 95) if name == "odd" else SIZE
        true = mannequin.clip(1_000_000 + seed, "turn", 15, size, FPS).track.keypoints
        found = Track.load(made / lines[name]["poses"]).keypoints
        seen = (true[..., 2] > 0) & (found[..., 2] >= 0.3)
        away = np.linalg.norm(found[..., :2] - true[..., :2], axis=-1)[seen]
        assert seen.mean() > 0.6 and np.median(away) < 2.5, name


def test_a_clip_that_is_its_whole_file_stays_that_file(made, lines):
    source = made.parent / "videos" / "train" / "91+bC.mp4"
    assert (made / lines["91+bC"]["path"]).read_bytes() == source.read_bytes()
    assert lines["91+bC"]["sha256"] == lines["91+bC"]["source_sha256"]


def test_references_show_the_sides(lines):
    line = lines["three scenes-1"]
    assert [line["views"][i] for i in line["references"]] == ["front", "back", "side"]
    assert len(set(lines["three scenes-2"]["references"])) == 3  # it only sways: others take the place of back and side


def test_the_rest_is_left_out_for_its_reason(rejected):
    assert {source: row["reason"] for source, row in rejected.items()} == {
        "again.mp4": "duplicate",
        "bad/audio.mp4": "unreadable",
        "bad/cut-off.mp4": "unreadable",
        "bad/drawn.mp4": "drawn",
        "bad/empty.mp4": "unreadable",
        "bad/face.mp4": "doubted",
        "bad/no-frames.mp4": "unreadable",
        "bad/nobody.mp4": "nobody",
        "bad/one-fps.mp4": "slow",
        "bad/short.mp4": "short",
        "bad/two.mp4": "several",
        "test/three scenes.mp4": "nobody",
    }
    part = rejected["test/three scenes.mp4"]
    assert part["start"] == pytest.approx(15 / FPS, abs=0.1) and part["end"] == pytest.approx(27 / FPS, abs=0.1)
    assert "no video in it" in rejected["bad/audio.mp4"]["words"] and rejected["bad/audio.mp4"]["start"] is None
    assert "train/91+bC.mp4" in rejected["again.mp4"]["words"]


def test_the_page_shows_all_of_it_and_needs_nothing(made, lines, rejected):
    page = (made / "index.html").read_text()
    assert all(f"{name}.mp4" in page for name in lines) and all(source in page for source in rejected)
    assert all(REASONS[row["reason"]] in page for row in rejected.values())
    pictured = [row for row in rejected.values() if row["start"] is not None]
    assert page.count("data:image/jpeg;base64,") == len(lines) + len(pictured)
    assert "http" not in page and "<script" not in page


def test_dataset_json_counts(made, lines, rejected):
    facts = json.loads((made / "dataset.json").read_text())
    assert facts["clips"] == len(lines) == sum(facts["splits"].values())
    assert facts["videos"] == 17 and sum(facts["rejected"].values()) == len(rejected)
    assert facts["frames"] == sum(line["frames"] for line in lines.values()) == sum(facts["views"].values())
    assert set(facts["settings"]["hashes"]) == {"person.onnx", "pose.onnx"}
    assert str(made.parent) not in json.dumps(facts) + (made / "manifest.jsonl").read_text()


def test_again_is_the_same_and_does_nothing_twice(made, capsys, monkeypatch):
    before = videos.tree(made)
    monkeypatch.setattr("lookreel.data.prepare.run.work", None)  # there is nothing to do
    folder = str(made.parent / "videos")
    assert main(["prepare", folder, "--out", str(made), *SHORT, "--licence", "ours", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["clips"] == 7 and facts["page"].endswith("index.html")
    assert videos.tree(made) == before


def test_other_settings_or_a_foreign_folder_need_force(made, tmp_path, capsys):
    folder = str(made.parent / "videos")
    assert main(["prepare", folder, "--out", str(made), "--shortest", "1.5", "--jobs", "1"]) == 2
    assert "of other videos or settings; --force" in capsys.readouterr().err
    (tmp_path / "mine.txt").write_text("x")
    assert main(["prepare", folder, "--out", str(tmp_path), *SHORT]) == 2
    assert "a folder with other files" in capsys.readouterr().err and len(list(tmp_path.iterdir())) == 1


def test_a_video_that_goes_takes_its_clips_along_and_a_changed_one_is_done_again(tmp_path):
    folder = videos.figures(tmp_path / "videos", 2)
    command = ["prepare", str(folder), "--out", str(tmp_path / "set"), *SHORT]
    assert main(command) == 0
    first = videos.tree(tmp_path / "set")
    (folder / "01.mp4").unlink()
    film(folder / "00.mp4", np.concatenate([figure(4), videos.nobody(10), figure(5)]))
    assert main(command) == 0
    names = sorted(path.name for path in (tmp_path / "set" / "clips").iterdir())
    assert names == ["00-1.mp4", "00-2.mp4"]
    videos.figures(folder, 2)
    assert main(command) == 0
    assert videos.tree(tmp_path / "set") == first


def test_nothing_good_is_an_error_with_its_page(tmp_path, capsys):
    film(tmp_path / "videos" / "a.mp4", videos.nobody())
    assert main(["prepare", str(tmp_path / "videos"), "--out", str(tmp_path / "set"), *SHORT]) == 2
    assert "no clip in 1 videos: nobody is found (1); " in capsys.readouterr().err
    assert "nobody is found" in (tmp_path / "set" / "index.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "VIDEOS: not given"),
        (["nowhere"], "nowhere: no such folder"),
        (["empty"], "no video in it"),
        (["videos", "--detector", "openpose"], "detector 'openpose': unknown"),
        (["videos", "--shortest", "0"], "--shortest"),
        (["videos", "--shortest", "5", "--longest", "4"], "--longest: found 4; expected at least --shortest, 5"),
        (["videos", "--test-share", "1.5"], "--test-share"),
        (["videos", "--jobs", "0"], "--jobs"),
        (["videos", "--fetch-only"], "--fetch-only: expected with --ubc"),
        (["videos", "--check", "videos"], "--check: found more than it takes"),
        (["bad.json"], "bad.json: not readable JSON"),
    ],
)
def test_wrong_requests_are_one_line(arguments, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("videos").mkdir()
    Path("videos/a.mp4").write_bytes(b"x")
    Path("bad.json").write_text("{")
    assert main(["prepare", *arguments, "--out", "set"]) == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1 and not Path("set").exists()


@pytest.mark.parametrize("out", ["videos", "videos/set", "file", "no/where"])
def test_wrong_places_for_the_dataset(out, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("videos").mkdir()
    Path("videos/a.mp4").write_bytes(b"x")
    Path("file").write_text("x")
    assert main(["prepare", "videos", "--out", out]) == 2
    assert capsys.readouterr().err.startswith(f"lookreel: --out: {out}: ")
    assert sorted(str(p) for p in Path().rglob("*")) == ["file", "videos", "videos/a.mp4"]


def test_a_full_disk_stops_the_run_and_leaves_nothing_half_written(tmp_path):
    """The system lets no file grow over 12,000 bytes, as a full disk would not."""
    film(tmp_path / "videos" / "a.mp4", figure(1))
    film(tmp_path / "videos" / "b.mkv", figure(2, frames=24, size=(256, 192)))
    code = (
        "import resource, sys; from lookreel.cli import main; import torch, cv2, av, onnxruntime;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (12000, 12000)); sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "prepare", str(tmp_path / "videos"), "--out", str(tmp_path / "set"), *SHORT]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "cannot be written" in done.stderr and "Traceback" not in done.stderr
    left = videos.tree(tmp_path / "set")
    assert not [name for name in left if ".tmp" in name] and "manifest.jsonl" not in left
    assert main(command[3:]) == 0
    assert len(read_manifest(tmp_path / "set")) == 2  # with room again, the same command completes it


def test_cuts_are_found_and_turns_are_not_cuts():
    scenes = [figure(seed, motion) for seed, motion in ((11, "turn"), (12, "walk"), (13, "sway"))]
    shares = np.stack([colors(frame) for scene in scenes for frame in scene])
    assert cuts(shares, FPS) == [15, 30]
    for seed in range(14, 22):
        shares = np.stack([colors(frame) for frame in figure(seed, mannequin.MOTIONS[seed % 4])])
        assert cuts(shares, FPS) == []


def test_a_cut_to_another_person_before_the_same_backdrop():
    one, other = (mannequin.clip(1_000_000 + seed, "turn", 12, SIZE, FPS) for seed in (3, 203))
    white = [np.where(c.masks["person"].numpy()[:, None], c.frames.numpy(), 245).astype(np.uint8) for c in (one, other)]
    assert cuts(np.stack([colors(frame) for scene in white for frame in scene]), FPS) == [12]


def person(x: float = 20, y: float = 10, height: float = 100, missing: tuple[int, ...] = ()) -> Person:
    """A whole body of that height in front of the camera, standing at x, y."""
    shares = mannequin.frames_at(1_000_003, [0.0], SIZE).track.keypoints[0].copy()
    low, high = shares[:, :2].min(0), shares[:, :2].max(0)
    shares[:, :2] = (shares[:, :2] - low) / (high - low)[1] * height + [x, y]
    shares[list(missing), 2] = 0
    points = shares[shares[:, 2] > 0, :2]
    return Person(shares.astype(np.float32), np.array([*points.min(0), *points.max(0)]), 0.9)


def test_the_state_of_a_frame():
    size = (128, 160)
    assert state([], size) == "nobody" and state([person()], size) is None
    assert state([person(), person(90)], size) == "several"
    assert state([person(), person(120, 40, 25)], size) is None  # in the background
    inside = person(25, 30, 60)
    assert state([person(), inside], size) is None  # the same one, found twice
    assert state([person(missing=(10, 13))], size) == "part"  # no ankles
    assert state([person(missing=(9, 10, 12, 13))], size) == "part"
    assert state([person(y=-8)], size) == "part" and state([person(y=35)], size) == "part"  # head or feet outside


def seen(people: list[list[Person]], fps: float = 10.0, scenes: tuple[int, ...] = ()) -> Look:
    return Look(list(range(len(people))), True, (128, 160), fps, people, "openpose18", list(scenes))


def test_stretches_end_at_cuts_jumps_and_gaps():
    stands, settings = [person()], Settings(shortest=1.0, longest=2.0)
    spans = lambda look: [(p.start, p.stop) for p in judge(look, settings)[0]]  # noqa: E731
    assert spans(seen([stands] * 12)) == [(0, 12)]
    assert spans(seen([stands] * 24, scenes=(11,))) == [(0, 11), (11, 24)]
    assert spans(seen([stands] * 12 + [[person(90)]] * 12)) == [(0, 12), (12, 24)]
    assert spans(seen([stands] * 12 + [[]] * 2 + [stands] * 6)) == [(0, 20)]  # 0.2 seconds are bridged
    assert spans(seen([stands] * 12 + [[]] * 3 + [stands] * 6)) == [(0, 12)]
    assert spans(seen([stands] * 50)) == [(0, 17), (17, 33), (33, 50)]  # of at most two seconds
    pieces, left = judge(seen([stands] * 12 + [[]] * 7 + [stands] * 4), settings)
    assert [(part.start, part.stop, part.reason) for part in left] == [(12, 23, "nobody")]


def test_bridged_frames_keep_to_the_same_person():
    both = [person(90, height=101), person()]  # for two frames somebody else is a little larger
    (piece,), _ = judge(seen([[person()]] * 8 + [both] * 2 + [[person()]] * 8), Settings(shortest=1.0))
    assert piece.chosen == (0,) * 8 + (1,) * 2 + (0,) * 8


def test_a_look_holds_positions_in_pixels_of_the_video(tmp_path):
    path = film(tmp_path / "wide.mp4", np.repeat(np.repeat(figure(1, frames=2), 12, axis=2), 12, axis=3))
    detector = detect.load("mini", threads=1)
    found = look(path, detector)
    assert found.size == (1536, 1152) and found.whole and found.fps == FPS
    small = detector.detect(figure(1, frames=1))[0][0]
    np.testing.assert_allclose(found.people[0][0].box, small.box * 12, atol=24)


def test_pictures_come_by_number_and_as_often_as_asked(tmp_path):
    frames = np.stack([np.full((3, 16, 16), 20 * i, np.uint8) for i in range(10)])
    path = film(tmp_path / "a.mp4", frames)
    means = [round(float(picture.mean()) / 20) for picture in pictures(path, [1, 4, 4, 9])]
    assert means == [1, 4, 4, 9]


def test_pose_flow_is_that_of_the_drawn_poses_at_its_stride():
    track = mannequin.clip(1_000_001, "turn", 10, (128, 96), FPS).track
    delta, mask = pose_flow(track, 4)
    assert delta.dtype == np.float16 and delta.shape == (10, 2, 16, 12) and not mask[:4].any()
    expected, there = farneback_flow(draw(track.keypoints[[1, 5, 9]], track.size), (16, 12))
    np.testing.assert_array_equal(mask[[5, 9]], there[1:])
    np.testing.assert_allclose(delta[[5, 9]], expected[1:], atol=0.02)
    assert mask.any()


def test_names_stay_and_never_meet(tmp_path):
    for label in (
        "a/b.mp4",
        "a-b.mp4",
        "x.mp4",
        "X.mov",
        "y.mp4",
        "y-2.mp4",
        "train/91+b.mp4",
        "test/91+b.mp4",
        "z?.mp4",
    ):
        (tmp_path / label).parent.mkdir(exist_ok=True)
        (tmp_path / label).write_bytes(b"x")
    sources = find_sources(tmp_path)
    names = {source.label: source.name for source in sources}
    assert len({name.lower() for name in names.values()}) == 9
    assert names["x.mp4"] == "x" or names["X.mov"] == "X"
    assert names["y.mp4"] == "y" and names["y-2.mp4"] != "y-2" and names["z?.mp4"] == "z_"
    assert {names["train/91+b.mp4"], names["test/91+b.mp4"]} > {"91+b"}
    assert {source.label: source.split for source in sources if source.split} == {
        "train/91+b.mp4": "train",
        "test/91+b.mp4": "test",
    }


def test_the_split_is_by_content(tmp_path):
    shas = [f"{i * 97 % 256:02x}" + "0" * 62 for i in range(256)]
    tested = sum(split_of(Source(tmp_path, "a", "a", sha256=sha), 0.25) == "test" for sha in shas)
    assert tested == 64
    assert split_of(Source(tmp_path, "a", "a", "val", sha256=shas[0]), 1.0) == "val"
    assert split_of(Source(tmp_path, "a", "a", sha256=shas[0]), 0.0) == "train"


def test_licences_csv_must_be_one(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"x")
    (tmp_path / "licences.csv").write_text("file,terms\na.mp4,CC0\n")
    with pytest.raises(InputError, match=r"licences\.csv: expected the columns path and licence"):
        find_sources(tmp_path)


def test_strips_have_their_skeletons(made):
    record = json.loads((made / ".prepare" / "records" / "rotated.json").read_text())
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(record["pictures"][0]))))
    assert shown.shape[0] == 96 and shown.shape[1] == 5 * 72
    assert (shown.max(-1).astype(int) - shown.min(-1)).max() > 150
