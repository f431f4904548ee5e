"""Films: each format read back, nothing overwritten or half-written, the grids where they should be."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from lookreel.errors import InputError
from lookreel.film import STATEMENT, Film
from lookreel.sheet import MARGIN, contact_sheet, panels
from lookreel.video import read_tags, read_video


@pytest.fixture
def film() -> Film:
    """Twelve frames, each of its own brightness, with a red square that moves."""
    frames = torch.arange(40, 40 + 12 * 15, 15, dtype=torch.uint8).view(12, 1, 1, 1).repeat(1, 3, 64, 48)
    for index, frame in enumerate(frames):
        frame[:, 20:30, index : index + 10] = torch.tensor([250, 10, 10], dtype=torch.uint8).view(3, 1, 1)
    return Film(frames, 12.0, {"seed": 7, "warnings": []})


def brightness(frames: np.ndarray) -> np.ndarray:
    """Mean of the lower part of each frame of (F, 3, H, W), where the square never is."""
    return frames[:, :, 40:].mean(axis=(1, 2, 3))


def test_mp4_read_back(tmp_path, film):
    path = film.save(tmp_path / "film.mp4")
    frames, fps = read_video(path)
    assert frames.shape == film.frames.shape and fps == 12
    assert abs(frames.astype(float) - film.frames.numpy()).mean() < 3
    np.testing.assert_allclose(brightness(frames), brightness(film.frames.numpy()), atol=3)


def test_mp4_tags_say_what_it_is_and_how_it_was_made(tmp_path, film):
    tags = read_tags(film.save(tmp_path / "film.mp4"))
    assert STATEMENT in tags["comment"] and "AI-generated" in tags["comment"]
    assert json.loads(tags["description"]) == film.report


@pytest.mark.parametrize(("suffix", "tolerance"), [("webp", 3), ("gif", 6), ("WEBP", 3)])
def test_animations_read_back(tmp_path, film, suffix, tolerance):
    path = film.save(tmp_path / f"film.{suffix}")
    with Image.open(path) as picture:
        assert picture.n_frames == len(film) == 12
        frames, total = [], 0
        for index in range(picture.n_frames):
            picture.seek(index)
            frames.append(np.asarray(picture.convert("RGB")).transpose(2, 0, 1))
            total += picture.info["duration"]
    assert total == 1000
    np.testing.assert_allclose(brightness(np.stack(frames)), brightness(film.frames.numpy()), atol=tolerance)


def test_webp_and_gif_say_that_they_are_generated(tmp_path, film):
    for suffix in ("webp", "gif"):
        assert b"AI-generated" in film.save(tmp_path / f"film.{suffix}").read_bytes()


@pytest.mark.parametrize(
    ("frames", "size", "columns", "rows"), [(40, (64, 48), 8, 2), (5, (64, 48), 5, 1), (16, (48, 64), 4, 4)]
)
def test_contact_sheet(frames, size, columns, rows):
    levels = np.arange(frames, dtype=np.uint8) * 6
    sheet = contact_sheet(np.broadcast_to(levels[:, None, None, None], (frames, 3, *size)))
    height, width = 2 * size[0], 2 * size[1]
    assert sheet.shape == (rows * (height + MARGIN) + MARGIN, columns * (width + MARGIN) + MARGIN, 3)
    shown = sheet[MARGIN + height // 2 :: height + MARGIN, MARGIN + width // 2 :: width + MARGIN, 0].ravel()
    assert shown[0] == levels[0] and shown[-1] == levels[-1]
    assert (np.diff(shown.astype(int)) > 0).all()
    assert (sheet[0] == 255).all() and (sheet[:, 0] == 255).all()


def test_large_frames_are_not_enlarged():
    assert contact_sheet(np.zeros((1, 3, 256, 192), np.uint8)).shape == (256 + 2 * MARGIN, 192 + 2 * MARGIN, 3)


def test_panels_from_left_to_right():
    frames, poses = np.full((3, 3, 256, 192), 30, np.uint8), np.full((3, 3, 256, 192), 60, np.uint8)
    references = [np.full((3, 128, 96), level, np.uint8) for level in (90, 120)]
    joined = panels(references, poses, frames)
    assert joined.shape[:3] == (3, 3, 256)
    row = joined[0, 0, 50]
    assert [level for level in dict.fromkeys(row.tolist()) if level != 255] == [90, 60, 30]
    assert joined[0, 0, 200, 0] == 120
    assert panels([], None, frames).shape == frames.shape


def test_side_by_side_holds_every_frame(tmp_path, film):
    film.poses, film.references = torch.zeros_like(film.frames), [film.frames[0], film.frames[3]]
    frames, fps = read_video(film.side_by_side(tmp_path / "side.mp4"))
    assert len(frames) == len(film) and fps == film.fps
    assert frames.shape[2] == 128 and frames.shape[3] > 2 * 96


@pytest.mark.parametrize(
    ("name", "words"),
    [("film.avi", r"\.avi.*\.mp4"), ("film", "suffix"), ("no/film.mp4", "folder .* does not exist")],
)
def test_names_that_cannot_be_written(tmp_path, film, name, words):
    with pytest.raises(InputError, match=words):
        film.save(tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("method", "name"), [("save", "a.mp4"), ("save", "a.gif"), ("sheet", "a.png"), ("side_by_side", "a.webp")]
)
def test_an_existing_file_stays_without_force(tmp_path, film, method, name):
    path = tmp_path / name
    path.write_text("old")
    with pytest.raises(InputError, match="exists already"):
        getattr(film, method)(path)
    assert path.read_text() == "old"
    getattr(film, method)(path, force=True)
    assert path.stat().st_size > 100
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_half_way_leaves_nothing_and_the_old_film(tmp_path, film, monkeypatch):
    old = film.save(tmp_path / "film.webp").read_bytes()

    def fail(self, path, **_):
        path.write_bytes(b"half a film")
        raise OSError("disk full")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        film.save(tmp_path / "film.webp", force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["film.webp"]
    assert (tmp_path / "film.webp").read_bytes() == old


def test_the_time_it_took_does_not_change_the_file(tmp_path):
    frames = torch.randint(0, 256, (3, 3, 32, 24), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    for name, seconds in (("one", 1.0), ("other", 2.0)):
        Film(frames, 12.0, {"seed": 7, "seconds": {"denoise": seconds}}).save(tmp_path / f"{name}.mp4")
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "other.mp4").read_bytes()
