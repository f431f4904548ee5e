"""Where training clips come from: the mannequin world, or a dataset folder and its manifest."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from lookreel.data import mannequin
from lookreel.data.source import DatasetFolder, Mannequins, source
from lookreel.errors import InputError
from lookreel.photos import fit_keypoints
from lookreel.poses.track import Track
from lookreel.video import write_video

SIZE, FILMED = (64, 48), (96, 96)


def test_mannequins_are_the_same_every_time():
    one, other = Mannequins(SIZE, count=5), Mannequins(SIZE, count=5)
    for number in (0, 4):
        (frames, track), (again, track_again) = one.clip(number), other.clip(number)
        assert torch.equal(frames, again)
        np.testing.assert_array_equal(track.keypoints, track_again.keypoints)
        assert frames.shape == (16, 3, *SIZE) and frames.dtype == torch.uint8 and len(track) == 16
        assert tuple(track.size) == SIZE
    assert len(one) == 5 and one.size == SIZE


def test_mannequins_differ_and_first_shifts_them():
    assert not torch.equal(Mannequins(SIZE).clip(0)[0], Mannequins(SIZE).clip(1)[0])
    assert torch.equal(Mannequins(SIZE, first=7).clip(0)[0], Mannequins(SIZE).clip(7)[0])


def test_mannequins_mostly_turn(monkeypatch):
    asked = []

    def recorded(seed, motion, frames, size):
        asked.append((motion, frames))
        raise StopIteration  # nothing is rendered

    monkeypatch.setattr(mannequin, "clip", recorded)
    for number in range(300):
        with pytest.raises(StopIteration):
            Mannequins(SIZE).clip(number)
    share = {motion: sum(m == motion for m, _ in asked) / 300 for motion in mannequin.MOTIONS}
    assert 0.6 < share["turn"] < 0.8 and min(share.values()) > 0.02
    assert {frames for _, frames in asked} == {16, 32}  # two speeds


def dataset(folder: Path, lines: list[dict | str], frames: int = 9) -> Path:
    """A folder with the clips a and b, of FILMED, and a manifest of these lines."""
    for seed, name in enumerate("ab"):
        clip = mannequin.clip(900_000 + seed, "turn", frames, FILMED, 24.0)
        write_video(folder / f"{name}.mp4", iter(clip.frames.numpy()), 24.0, FILMED)
        Track(clip.track.keypoints, FILMED, 24.0).save(folder / f"{name}.npz")
    write_manifest(folder, lines)
    return folder


def write_manifest(folder: Path, lines: list[dict | str]) -> None:
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    (folder / "manifest.jsonl").write_text(text)


def line(name: str, **more) -> dict:
    return {"path": f"{name}.mp4", "poses": f"{name}.npz"} | more


def test_a_dataset_folder(tmp_path):
    folder = dataset(tmp_path, [line("a"), line("b", split="test"), line("b", split="train", extra=1)])
    clips = DatasetFolder(folder, SIZE, stride=2)
    assert len(clips) == 2 and clips.size == SIZE
    frames, track = clips.clip(0)
    assert frames.shape == (5, 3, *SIZE) and frames.dtype == torch.uint8
    assert (len(track), tuple(track.size), track.fps) == (5, SIZE, 12.0)
    true = mannequin.clip(900_000, "turn", 9, FILMED, 24.0)
    np.testing.assert_allclose(track.keypoints, fit_keypoints(true.track.keypoints[::2], FILMED, SIZE), atol=1e-4)
    # Square film, upright picture: a strip of a quarter of the width is cut off, the rest is resized to 64x48.
    strip = true.frames[::2, :, :, 12:84].float()
    small = torch.nn.functional.interpolate(strip, SIZE, mode="bilinear", antialias=True, align_corners=False)
    assert (frames.float() - small).abs().mean() < 8  # H.264 and another filter
    assert len(DatasetFolder(folder, SIZE, split="test")) == 1


def test_poses_and_pictures_of_a_clip_belong_together(tmp_path):
    folder = dataset(tmp_path, [line("b"), line("a")])
    frames, _ = DatasetFolder(folder, SIZE, stride=1).clip(1)
    assert len(frames) == 9
    Track(np.ones((4, 18, 3), np.float32), FILMED, 24.0).save(folder / "a.npz")
    with pytest.raises(InputError, match=r"a\.npz: .* are \(4, 96, 96\); a\.mp4 has \(9, 96, 96\)"):
        DatasetFolder(folder, SIZE).clip(1)


def test_poses_of_another_size_than_the_film_are_refused(tmp_path):
    folder = dataset(tmp_path, [line("a")])
    Track(np.ones((9, 18, 3), np.float32), (48, 48), 24.0).save(folder / "a.npz")
    with pytest.raises(InputError, match=r"are \(9, 48, 48\); a\.mp4 has \(9, 96, 96\)"):
        DatasetFolder(folder, SIZE).clip(0)


def test_sources_of_other_clips_describe_themselves_otherwise(tmp_path):
    folder = dataset(tmp_path, [line("a"), line("b", split="test")])
    said = [
        made.describe()
        for made in (
            Mannequins(SIZE),
            Mannequins((32, 24)),
            Mannequins(SIZE, first=5),
            Mannequins(SIZE, frames=8),
            DatasetFolder(folder, SIZE),
            DatasetFolder(folder, (32, 24)),
            DatasetFolder(folder, SIZE, stride=2),
            DatasetFolder(folder, SIZE, split="test"),
        )
    ]
    assert len(set(said)) == len(said)
    assert DatasetFolder(folder, SIZE).describe() == said[4]
    assert Mannequins(SIZE, count=7).describe() == said[0]  # more garments of the same numbers


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([line("a"), "{not json"], "manifest.jsonl, line 2: not JSON"),
        ([line("a"), line("b"), "[1]"], "line 3: expected an object with path and poses"),
        (["5"], "line 1: expected an object"),
        ([{"path": "a.mp4"}], "line 1: expected an object with path and poses"),
        ([{"path": 5, "poses": "a.npz"}], "line 1: expected an object with path and poses"),
        ([line("a", split="test")], "no clip of split 'train' among 1 lines"),
        ([], "no clip of split 'train' among 0 lines"),
    ],
)
def test_wrong_manifests_are_refused_by_line(lines, words, tmp_path):
    write_manifest(tmp_path, lines)
    with pytest.raises(InputError, match=words):
        DatasetFolder(tmp_path, SIZE)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(InputError, match="manifest.jsonl: no such file"):
        DatasetFolder(tmp_path, SIZE)
    folder = dataset(tmp_path, [{"path": "c.mp4", "poses": "a.npz"}, {"path": "a.mp4", "poses": "c.npz"}])
    for number, name in ((0, "c.mp4"), (1, "c.npz")):
        with pytest.raises(InputError, match=f"{name}: no such"):
            DatasetFolder(folder, SIZE).clip(number)


def test_the_word_mannequin_or_a_folder(tmp_path):
    assert source("mannequin", SIZE, count=3) == Mannequins(SIZE, count=3)
    assert isinstance(source(str(dataset(tmp_path, [line("a")])), SIZE, count=3), DatasetFolder)
    with pytest.raises(InputError, match="or the word mannequin"):
        source(str(tmp_path / "nowhere"), SIZE)
