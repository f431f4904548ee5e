"""`lookreel prepare --check`: every fault of a dataset is found, and named with its clip."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import videos
from lookreel.cli import main
from lookreel.data.checks import check
from lookreel.data.manifest import read_manifest
from lookreel.data.near import alike, looks
from lookreel.errors import InputError
from lookreel.poses.track import Track


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("checks")
    folder = videos.figures(place / "videos", 3)
    command = ["prepare", str(folder), "--out", str(place / "set"), "--shortest", "1", "--jobs", "1"]
    assert main([*command, "--licence", "CC0", "--test-share", "0"]) == 0
    return place / "set"


@pytest.fixture
def folder(sound, tmp_path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "set"))


def changed(folder: Path, number: int, **fields) -> None:
    lines = read_manifest(folder)
    lines[number] |= fields
    rewrite(folder, lines)


def rewrite(folder: Path, lines: list[dict]) -> None:
    (folder / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def kinds(folder: Path) -> list[tuple[str, str, str]]:
    return [(finding.level, finding.kind, finding.clip) for finding in check(folder)[1]]


def test_what_prepare_made_is_sound(folder, capsys):
    assert kinds(folder) == []
    assert main(["prepare", "--check", str(folder), "--jobs", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == {"clips": 3, "splits": {"train": 3}, "licences": {"CC0": 3}, "errors": [], "warnings": []}


def test_two_processes_find_the_same(folder):
    changed(folder, 1, frames=14)
    assert check(folder, jobs=2) == check(folder, jobs=1)


CLIP = "clips/01.mp4"


def test_broken_files(folder):
    content = (folder / CLIP).read_bytes()
    (folder / CLIP).unlink()
    assert kinds(folder) == [("error", "missing", CLIP)]
    (folder / CLIP).write_bytes(content[: len(content) // 2])
    assert kinds(folder) == [("error", "changed", CLIP), ("error", "unreadable", CLIP)]
    (folder / CLIP).write_bytes(content)
    poses = folder / "poses" / "01.npz"
    track = Track.load(poses)
    track[:9].save(poses)
    assert kinds(folder) == [("error", "poses", CLIP)]
    Track(track.keypoints, (64, 48), track.fps).save(poses)
    assert kinds(folder) == [("error", "poses", CLIP)]
    poses.write_bytes(b"PK\x03\x04 no")
    assert kinds(folder) == [("error", "poses", CLIP)]
    Track(track.keypoints * 0, track.size, track.fps).save(poses)
    assert kinds(folder) == [("warning", "poses", CLIP), ("warning", "views", CLIP)]


@pytest.mark.parametrize(
    ("fields", "kind", "words"),
    [
        ({"frames": 14}, "frames", "frames is 14 in the manifest; the video has 15"),
        ({"size": [96, 128]}, "size", "size is [96, 128]"),
        ({"fps": 25.0}, "fps", "fps is 25 in the manifest; the video has 12"),
        ({"sha256": "0" * 64}, "changed", "sha256"),
        ({"views": ["front"]}, "views", "15 times"),
        ({"views": ["left"] * 15}, "views", "expected front, side, back or null"),
        ({"references": [0, 15]}, "references", "expected frames from 0 to 14"),
        ({"references": "0"}, "references", "references are 0"),
        ({"poses": None}, "poses", "no poses"),
    ],
)
def test_a_line_that_is_wrong_about_its_clip(fields, kind, words, folder):
    changed(folder, 1, **fields)
    (finding,) = [finding for finding in check(folder)[1] if finding.kind != "strays"]
    assert (finding.clip, finding.kind) == (CLIP, kind) and words in finding.words


def test_duplicates_and_leakage(folder, capsys):
    shutil.copy(folder / CLIP, folder / "clips" / "copy.mp4")
    lines = read_manifest(folder)
    twin = lines[1] | {"path": "clips/copy.mp4"}
    rewrite(folder, [*lines, twin])
    assert kinds(folder) == [("warning", "duplicate", "clips/copy.mp4")]
    rewrite(folder, [*lines, twin | {"split": "test", "source_sha256": "other"}])
    assert kinds(folder) == [("error", "leakage", "clips/copy.mp4")]
    assert main(["prepare", "--check", str(folder), "--jobs", "1"]) == 2
    captured = capsys.readouterr()
    assert "error: clips/copy.mp4: the same file as clips/01.mp4, which is in train; this one in test" in captured.out
    assert "1 error, 0 warnings; expected a dataset without errors" in captured.err


def test_two_clips_of_one_video_in_two_splits_leak(folder):
    first = read_manifest(folder)[0]
    changed(folder, 2, split="test", source_sha256=first["source_sha256"])
    assert kinds(folder) == [("error", "leakage", first["path"])]


def test_the_same_film_in_another_encoding_size_and_length_is_found(folder):
    film = videos.figure(1, "half-turn", 15, (256, 192))[2:13]
    videos.film(folder / "clips" / "small.mp4", film, 12)
    lines = [*read_manifest(folder), {"path": "clips/small.mp4", "split": "test", "licence": "CC0"}]
    rewrite(folder, lines)
    assert ("error", "leakage", "clips/small.mp4") in kinds(folder)


def test_licences_strays_and_names(folder):
    changed(folder, 0, licence=None)
    (folder / "clips" / "stray.mp4").write_bytes(b"x")
    found = check(folder)[1]
    assert [(f.level, f.kind) for f in found] == [("warning", "licence"), ("warning", "strays")]
    assert "1 clips have none" in found[0].words and "clips/stray.mp4" in found[1].words
    (folder / "other").mkdir()
    shutil.copy(folder / CLIP, folder / "other" / "01.mp4")
    rewrite(folder, [*read_manifest(folder), read_manifest(folder)[1] | {"path": "other/01.mp4"}])
    assert ("error", "names", CLIP) in kinds(folder)


def test_no_dataset(tmp_path, capsys):
    assert main(["prepare", "--check", str(tmp_path / "no")]) == 2
    assert "no such folder" in capsys.readouterr().err
    assert main(["prepare", "--check", str(tmp_path)]) == 2
    assert "manifest.jsonl: no such file; expected a dataset folder" in capsys.readouterr().err
    (tmp_path / "manifest.jsonl").write_text("")
    with pytest.raises(InputError, match="empty; expected one clip a line"):
        check(tmp_path)


def test_other_garments_and_other_motions_are_other_clips():
    films = [videos.figure(seed, motion, 12) for seed in range(40, 48) for motion in ("turn", "walk")]
    found = [looks(film, len(film)) for film in films]
    for one, other in alike(found):
        assert one // 2 == other // 2  # at most the same garment in another motion
    noisy = [
        np.clip(film.astype(int) + np.random.default_rng(0).normal(0, 8, film.shape), 0, 255) for film in films[:1]
    ]
    assert list(alike([found[0], found[2], looks(noisy[0].astype(np.uint8), 12)])) == [(0, 2)]
    assert list(alike([])) == [] and list(alike([found[0][:0], found[0]])) == []
