"""Wrong input to `lookreel animate`: exit code 2, one clear line on stderr, and nothing left on the disk."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookreel.cli import main
from lookreel.poses.track import Track

PHOTO = ("--photo", "front.png")


@pytest.fixture
def folder(tmp_path, photo, picture, monkeypatch) -> Path:
    """The working folder, with good and bad inputs in it."""
    monkeypatch.chdir(tmp_path)
    noise = np.random.default_rng(0).integers(0, 255, picture.shape, np.uint8)
    Image.fromarray(noise).save("cut.png")
    Path("cut.png").write_bytes(Path("cut.png").read_bytes()[:5000])
    Path("letter.png").write_text("no picture at all\n")
    Path("empty.png").touch()
    Image.fromarray(picture[:1, :1]).save("dot.png")
    Image.fromarray(picture).save("back.png")
    Path("album").mkdir()
    Path("taken.mp4").write_text("old")
    Path("done.png").write_text("old")
    keypoints = np.ones((4, 18, 3), np.float32)
    Track(keypoints[:0], (128, 96)).save("empty.npz")
    Track(keypoints * np.nan, (128, 96)).save("nan.npz")
    Path("letter.npz").write_text("no track at all\n")
    np.save("array.npy", keypoints)
    Path("array.npy").rename("array.npz")
    return tmp_path


def refused(folder: Path, capsys, arguments: tuple[str, ...], *words: str) -> None:
    """Run `animate` and check the three promises; every one of `words` stands in the line."""
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    if "--out" not in arguments:
        arguments = (*arguments, "--out", "film.mp4")
    code = main(["animate", *arguments])
    out, err = capsys.readouterr()
    assert code == 2, err
    assert not out
    assert err.startswith("lookreel: ") and err.count("\n") == 1, err
    assert "Traceback" not in err
    for word in words:
        assert word in err
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), ("--photo", "none given")),
        (("--photo", "gone.png"), ("gone.png", "no such file")),
        (("--photo", "album"), ("album", "a folder")),
        (("--photo", "empty.png"), ("empty.png", "empty")),
        ((*PHOTO, "--steps", "0"), ("--steps", "0", "1 to 1000")),
        ((*PHOTO, "--steps", "1001"), ("--steps", "1001")),
        ((*PHOTO, "--steps", "-3"), ("--steps", "-3")),
        ((*PHOTO, "--steps", "many"), ("--steps",)),
        ((*PHOTO, "--steps", "2.5"), ("--steps",)),
        ((*PHOTO, "--steps", "nan"), ("--steps",)),
        ((*PHOTO, "--frames", "0"), ("--frames", "at least 1")),
        ((*PHOTO, "--frames", "all"), ("--frames",)),
        ((*PHOTO, "--guidance", "nan"), ("--guidance", "nan")),
        ((*PHOTO, "--guidance", "inf"), ("--guidance", "inf")),
        ((*PHOTO, "--guidance", "-1"), ("--guidance", "0 to 30")),
        ((*PHOTO, "--guidance", "31"), ("--guidance", "31")),
        ((*PHOTO, "--guidance", "strong"), ("--guidance",)),
        ((*PHOTO, "--seed", "-1"), ("--seed", "-1")),
        ((*PHOTO, "--seed", "dice"), ("--seed",)),
        ((*PHOTO, "--seed", str(2**63)), ("--seed",)),
        ((*PHOTO, "--device", "abacus"), ("--device", "abacus")),
        ((*PHOTO, "--device", "cuda:99"), ("--device", "cuda:99")),
        ((*PHOTO, "--photo-pose", "a.npz", "--photo-pose", "b.npz"), ("--photo-pose", "2", "1")),
        ((*PHOTO, "--out", "no/film.mp4"), ("no/film.mp4", "does not exist")),
        ((*PHOTO, "--out", "film.avi"), ("film.avi", ".mp4")),
        ((*PHOTO, "--out", "film"), ("film", ".mp4")),
        ((*PHOTO, "--out", "album"), ("album", ".mp4")),
        ((*PHOTO, "--out", "taken.mp4"), ("taken.mp4", "exists already", "--force")),
        ((*PHOTO, "--out", "done.mp4"), ("done.png", "exists already", "--force")),
        ((*PHOTO, "--out", "front.mp4", "--force"), ("front.png",)),
        ((*PHOTO, "--out", "o" * 240 + ".mp4"), ("244 bytes", "at most 200")),
        (("--photo", "p" * 300 + ".png"), ("File name too long",)),
        ((*PHOTO, "--detector", "oracle"), ("'oracle'", "mini", "dwpose")),
        ((*PHOTO, "--weights", "no/folder"), ("--weights", "no/folder")),
    ],
)
def test_options_are_checked_before_a_model_is_loaded(folder, capsys, arguments, words):
    refused(folder, capsys, (*arguments, "--model", "a model that does not exist"), *words)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--photo", "cut.png", "--motion", "turn"), ("cut.png", "truncated")),
        (("--photo", "letter.png", "--motion", "turn"), ("letter.png", "not a picture")),
        (("--photo", "dot.png", "--motion", "turn"), ("dot.png", "1x1")),
        ((*PHOTO, "--photo", "back.png", "--motion", "turn"), ("front.png", "back.png", "--photo-pose", ".npz")),
        ((*PHOTO, "--photo", "front.png", "--photo-pose", "gone.npz", "--photo-pose", "gone.npz"), ("gone.npz",)),
        ((*PHOTO,), ("motion",)),
        ((*PHOTO, "--motion", "moonwalk"), ("moonwalk",)),
        ((*PHOTO, "--motion", "gone.npz"), ("gone.npz",)),
        ((*PHOTO, "--motion", "album"), ("album",)),
        ((*PHOTO, "--motion", "letter.npz"), ("letter.npz",)),
        ((*PHOTO, "--motion", "letter.png"), ("letter.png",)),
        ((*PHOTO, "--motion", "array.npz"), ("array.npz", "not a readable .npz")),
        ((*PHOTO, "--motion", "empty.npz"), ("empty.npz", "no frames")),
        ((*PHOTO, "--motion", "nan.npz"), ("nan.npz", "finite")),
    ],
)
def test_inputs_are_refused_by_the_bundled_model(folder, capsys, mini, arguments, words):
    refused(folder, capsys, (*arguments, "--model", mini), *words)


@pytest.mark.parametrize("model", ["maxi", "album", "no/such/folder", "letter.png"])
def test_unknown_models(folder, capsys, mini, model):
    refused(folder, capsys, (*PHOTO, "--motion", "turn", "--model", model), model)
