"""The command line: its words, its exit codes, and what it leaves on the disk; the model is a stand-in."""

import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

import lookreel
from lookreel.cli import main
from lookreel.errors import InputError
from lookreel.film import Film
from lookreel.poses.track import Track
from lookreel.video import read_tags, read_video


class Stub:
    """A system that keeps what it was asked for and returns grey frames."""

    size = (64, 48)
    takes_motion, interpolates, presets = True, False, ("exact",)
    scales, samplers, most_photos = ("guidance",), (), None

    def __init__(self) -> None:
        self.calls = []

    def animate(self, photos, motion=None, *, seed=0, steps=None, guidance=None, frames=None, on_step=None):
        self.calls.append({"photos": photos, "motion": motion, "seed": seed, "steps": steps, "frames": frames})
        for done in range(1, 4):
            on_step(done, 3, lambda: None)
        levels = torch.linspace(0, 255, 6).to(torch.uint8).view(6, 1, 1, 1).expand(6, 3, *self.size)
        return Film(levels, 12.0, {"model": "stub", "seed": seed, "guidance": guidance, "warnings": ["no back view"]})


@pytest.fixture
def stub(monkeypatch) -> Stub:
    """`lookreel.api.load` returns this for the name "stub", and refuses all others."""
    system = Stub()

    def load(name, device=None):
        if name != "stub":
            raise InputError(f"--model: {name}; expected stub")
        return system

    api = ModuleType("lookreel.api")
    api.load = load
    monkeypatch.setitem(sys.modules, "lookreel.api", api)
    monkeypatch.setattr(lookreel, "api", api, raising=False)
    return system


def animate(photo: Path, *more: str, out: str = "film.mp4") -> int:
    """`lookreel animate` with the stand-in, one photo and an output beside it."""
    return main(["animate", "--model", "stub", "--photo", str(photo), "--out", str(photo.parent / out), *more])


def test_film_sheet_and_sidecar(photo, stub, capsys):
    assert animate(photo, "--motion", "turn", "--seed", "7", "--guidance", "2.5") == 0
    frames, fps = read_video(photo.parent / "film.mp4")
    assert frames.shape == (6, 3, 64, 48) and fps == 12
    assert (photo.parent / "film.png").stat().st_size > 100
    sidecar = json.loads((photo.parent / "film.json").read_text())
    assert sidecar["seed"] == 7 and sidecar["guidance"] == 2.5
    assert sidecar["film"] == str(photo.parent / "film.mp4")
    assert json.loads(read_tags(photo.parent / "film.mp4")["description"])["model"] == "stub"
    out, err = capsys.readouterr()
    assert "6 frames, 12 fps, 48x64" in out
    assert "warning: no back view" in err and "steps 3/3" in err
    assert sorted(path.name for path in photo.parent.iterdir()) == ["film.json", "film.mp4", "film.png", "front.png"]


def test_options_arrive(photo, stub):
    pose = photo.parent / "p.npz"
    Track(np.ones((1, 18, 3), np.float32), (128, 96)).save(pose)
    assert animate(photo, "--photo-pose", str(pose), "--steps", "4", "--frames", "3") == 0
    (call,) = stub.calls
    assert call["photos"] == [lookreel.Photo(photo, pose)]
    assert call["motion"] is None and call["steps"] == 4 and call["frames"] == 3


def test_json_is_one_object_on_stdout(photo, stub, capsys):
    assert animate(photo, "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown == json.loads((photo.parent / "film.json").read_text())


@pytest.mark.parametrize("suffix", ["webp", "gif"])
def test_other_formats(photo, stub, suffix):
    assert animate(photo, out=f"film.{suffix}") == 0
    assert {path.suffix for path in photo.parent.glob("film.*")} == {f".{suffix}", ".png", ".json"}


@pytest.mark.parametrize("existing", ["film.mp4", "film.png", "film.json"])
def test_force_covers_all_three(photo, stub, capsys, existing):
    old = photo.parent / existing
    old.write_text("old")
    assert animate(photo) == 2
    assert f"{existing}: exists already" in capsys.readouterr().err
    assert old.read_text() == "old" and not stub.calls
    assert animate(photo, "--force") == 0
    assert old.read_bytes() != b"old"


def test_force_never_writes_over_an_input(photo, stub, capsys):
    before = photo.read_bytes()
    assert animate(photo, "--force", out="front.mp4") == 2
    assert "over an input" in capsys.readouterr().err
    assert photo.read_bytes() == before and not stub.calls


def test_a_failing_sidecar_takes_the_film_with_it(photo, stub, monkeypatch, capsys):
    def fail(*_, **__):
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_text", fail)
    assert animate(photo) == 1
    assert "Traceback" in capsys.readouterr().err
    assert [path.name for path in photo.parent.iterdir()] == ["front.png"]


def test_interrupted_is_130_and_leaves_nothing(photo, stub, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(stub, "animate", interrupt)
    assert animate(photo) == 130
    assert [path.name for path in photo.parent.iterdir()] == ["front.png"]


@pytest.mark.parametrize(
    "arguments",
    [[], ["--help"], ["animate", "--help"], ["train", "-h"], ["motions", "--help"], ["models", "-h"], ["doctor", "-h"]],
)
def test_help(arguments, capsys):
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    assert "Usage: lookreel" in out and not err


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"lookreel {lookreel.__version__}\n"


def test_doctor(capsys):
    assert main(["doctor", "--json"]) == 0
    state = json.loads(capsys.readouterr().out)
    assert state["versions"]["torch"] == torch.__version__
    assert state["devices"][-1] == "cpu" and state["cores"] >= 1
    assert state["codecs"]["mp4 (libx264)"] is True
    assert set(state["extras"]) == {"pose", "train", "eval", "web", "ray"}
    assert main(["doctor"]) == 0
    assert torch.__version__ in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["paint"], "No such command 'paint'"),
        (["animate", "--photos", "a.png"], "--photos"),
        (["train", "some", "--data", "nowhere", "--out", "run"], "--data: nowhere is no folder"),
        (["train", "some", "--data", "mannequin", "--out", "run", "--steps", "0"], "--steps: found 0"),
        (["train", "mini", "--data", "mannequin", "--out", "run", "--stage", "3"], "stage: found 3"),
        (["train", "mini", "--data", "mannequin", "--out", "run", "--init", "gone"], "--init: gone"),
        (["train", "--data", "mannequin"], "Missing"),
    ],
)
def test_one_line_and_exit_code_2(arguments, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert words in err and not out
    assert err.startswith("lookreel: ") and err.count("\n") == 1 and err.endswith("\n")
    assert not list(tmp_path.iterdir())
