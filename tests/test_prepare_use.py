"""What `lookreel prepare` writes is what `lookreel train` and `lookreel evaluate` read."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import videos
from lookreel.cli import main
from lookreel.data.manifest import read_manifest
from lookreel.data.source import DatasetFolder
from lookreel.profashion import tasks
from lookreel.profashion.presets import toy
from lookreel.profashion.training import train
from toys import encoders


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    """Two clips to train on, one to test on, read by the bundled detector."""
    place = tmp_path_factory.mktemp("use")
    for seed, split in enumerate(("train", "train", "test")):
        videos.film(place / "videos" / split / f"{seed}.mp4", videos.figure(seed, frames=20))
    assert main(["prepare", str(place / "videos"), "--out", str(place / "set"), "--shortest", "1", "--jobs", "1"]) == 0
    return place / "set"


def test_a_model_is_trained_on_it(dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(tasks, "PROBE_SEEDS", tasks.PROBE_SEEDS[:1])
    few = replace(toy().stage1, steps=2, probe_every=1000)
    recipe = replace(toy(), stage1=few, stage2=few)
    model = train(recipe, str(dataset), tmp_path / "run", None, encoders(tmp_path / "init"), None)
    assert (model / "model_index.json").is_file()
    for stage in ("stage1", "stage2"):
        lines = [json.loads(line) for line in (tmp_path / "run" / stage / "log.jsonl").read_text().splitlines()]
        assert [line["step"] for line in lines if "loss" in line] == [1, 2]
    assert len(list((tmp_path / "run" / "latents").glob("*.safetensors"))) == 2  # the test clip is not among them


def test_the_trainer_sees_clips_with_their_poses(dataset):
    clips = DatasetFolder(dataset, (64, 48))
    assert len(clips) == 2 and len(DatasetFolder(dataset, (64, 48), split="test")) == 1
    frames, track = clips.clip(0)
    assert frames.dtype == torch.uint8 and len(frames) == len(track) == 5
    assert (track.keypoints[:, 1, 2] >= 0.3).all()  # every fourth frame has its neck


def test_its_test_clips_are_the_truth_of_an_evaluation(dataset, tmp_path, capsys):
    pytest.importorskip("skimage")
    (line,) = [line for line in read_manifest(dataset) if line["split"] == "test"]
    films = tmp_path / "films"
    films.mkdir()
    shutil.copy(dataset / line["path"], films)
    command = ["evaluate", "--generated", str(films), "--truth", str(dataset), "--protocol", "ubc256", "--jobs", "1"]
    assert main([*command, "--out", str(tmp_path / "report"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["counts"]["clips"] == 1 and report["metrics"]["ssim"] == pytest.approx(1)
    assert not [words for words in report["warnings"] if "sha256" in words or "not generated" in words]
    assert report["metrics"]["vgc_front"] == pytest.approx(report["floors"]["truth"]["vgc_front"])
