"""The open Animate Anyone's list of videos: read, written, and read back."""

import json
from pathlib import Path

import numpy as np
import pytest

import videos
from lookreel.cli import main
from lookreel.data import mannequin
from lookreel.data.manifest import read_manifest
from lookreel.data.moore import find_pairs, read_pairs
from lookreel.errors import InputError
from lookreel.poses.draw import draw
from lookreel.poses.drawn import is_drawn
from lookreel.poses.track import Track
from lookreel.video import read_video

SIZE = (288, 256)


@pytest.fixture(scope="module")
def listed(tmp_path_factory) -> Path:
    """A list as their tools write it, with absolute paths: two videos, and their skeletons in a folder beside."""
    place = tmp_path_factory.mktemp("moore")
    pairs = []
    for seed, name in ((1, "a"), (2, "b")):
        clip = mannequin.clip(mannequin.TEST.start + seed, "turn", 15, SIZE, 12.0)
        video = videos.film(place / "fashion" / "train" / f"{name}.mp4", clip.frames.numpy())
        # Their tool makes the short side 512, whatever the video has.
        drawn = draw(clip.track.keypoints, SIZE, (576, 512))
        skeletons = videos.film(place / "fashion_dwpose" / "train" / f"{name}.mp4", drawn)
        pairs.append({"video_path": str(video), "kps_path": str(skeletons)})
    (place / "meta.json").write_text(json.dumps(pairs))
    return place / "meta.json"


@pytest.fixture(scope="module")
def dataset(listed) -> Path:
    out = listed.parent / "set"
    assert main(["prepare", str(listed), "--out", str(out), "--shortest", "1", "--jobs", "1", "--test-share", "0"]) == 0
    return out


def test_poses_come_from_the_skeletons_not_from_a_detector(dataset):
    lines = read_manifest(dataset)
    assert [line["path"] for line in lines] == ["clips/a.mp4", "clips/b.mp4"]
    assert json.loads((dataset / "dataset.json").read_text())["settings"]["detector"] == "drawn"
    for line, seed in zip(lines, (1, 2), strict=True):
        true = mannequin.clip(mannequin.TEST.start + seed, "turn", 15, SIZE, 12.0).track.keypoints
        found = Track.load(dataset / line["poses"])
        seen = (true[..., 2] > 0) & (found.keypoints[..., 2] >= 0.3)
        away = np.linalg.norm(found.keypoints[..., :2] - true[..., :2], axis=-1)[seen]
        assert tuple(found.size) == SIZE and seen.mean() > 0.6 and np.median(away) < 2


def test_ours_is_written_as_theirs(dataset, tmp_path, capsys):
    out = tmp_path / "meta.json"
    assert main(["prepare", "--moore", str(dataset), "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"lists": [str(out)]}
    for pair, line in zip(read_pairs(out), read_manifest(dataset), strict=True):
        frames, fps = read_video(tmp_path / pair["video_path"])
        skeletons, other = read_video(tmp_path / pair["kps_path"])
        assert frames.shape == skeletons.shape and fps == other == pair["fps"] and is_drawn(skeletons)
        assert pair["num_frames"] == len(frames) == line["frames"] and pair["size"] == list(frames.shape[2:])
        assert (
            pair["split"] == "train" and pair["sha256"] == line["sha256"] and not Path(pair["video_path"]).is_absolute()
        )
    assert main(["prepare", "--moore", str(dataset), "--out", str(out)]) == 2
    assert "exists already; --force" in capsys.readouterr().err


def test_and_read_back_with_its_tracks(dataset, tmp_path):
    assert main(["prepare", "--moore", str(dataset), "--out", str(tmp_path / "meta.json")]) == 0
    again = tmp_path / "again"
    assert main(["prepare", str(tmp_path / "meta.json"), "--out", str(again), "--shortest", "1", "--jobs", "1"]) == 0
    for one, other in zip(read_manifest(dataset), read_manifest(again), strict=True):
        assert one["sha256"] == other["sha256"] and other["split"] == "train"
        first, second = Track.load(dataset / one["poses"]), Track.load(again / other["poses"])
        np.testing.assert_allclose(first.keypoints[..., :2], second.keypoints[..., :2], atol=2)  # smoothed twice


def test_their_loaders_know_no_split_so_the_test_clips_are_in_a_list_of_their_own(dataset, tmp_path):
    lines = read_manifest(dataset)
    lines[1]["split"] = "test"
    (tmp_path / "set").mkdir()
    for name in ("clips", "poses"):
        (tmp_path / "set" / name).symlink_to(dataset / name)
    (tmp_path / "set" / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert main(["prepare", "--moore", str(tmp_path / "set"), "--out", str(tmp_path / "meta.json")]) == 0
    assert [pair["split"] for pair in read_pairs(tmp_path / "meta.json")] == ["train"]
    assert [pair["split"] for pair in read_pairs(tmp_path / "meta-test.json")] == ["test"]


def test_skeletons_of_another_length_are_a_rejection(listed, tmp_path, capsys):
    pairs = read_pairs(listed)
    pairs[0]["kps_path"] = str(videos.film(tmp_path / "short.mp4", draw(np.ones((7, 18, 3)) * 100, SIZE)))
    blank = videos.film(tmp_path / "blank.mp4", np.zeros((15, 3, *SIZE), np.uint8))
    pairs[1]["kps_path"] = str(blank)
    (tmp_path / "meta.json").write_text(json.dumps(pairs))
    assert main(["prepare", str(tmp_path / "meta.json"), "--out", str(tmp_path / "set"), "--jobs", "1"]) == 2
    words = [json.loads(line)["words"] for line in (tmp_path / "set" / "rejected.jsonl").read_text().splitlines()]
    assert "no clip in 2 videos" in capsys.readouterr().err
    assert "no joint can be read in 256x288" in words[1]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not readable JSON"),
        ("{}", "JSON of another layout"),
        ("[]", "JSON of another layout"),
        ('[{"video_path": "a.mp4"}]', "entry 0: no video_path and kps_path"),
        ('[{"video_path": "a.mp4", "kps_path": 3}]', "entry 0: no video_path and kps_path"),
        ('[{"video_path": "nowhere.mp4", "kps_path": "b.mp4"}]', r"nowhere\.mp4: no such file"),
    ],
)
def test_wrong_lists(content, words, tmp_path):
    (tmp_path / "meta.json").write_text(content)
    with pytest.raises(InputError, match=words):
        find_pairs(tmp_path / "meta.json")
