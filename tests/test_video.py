import io

import av
import numpy as np
import pytest
from PIL import Image

from lookreel.errors import InputError
from lookreel.video import read_tags, read_video, write_video


def _film(frames=6, size=(64, 96)) -> np.ndarray:
    """Smooth colours that move, uint8 (F, 3, H, W)."""
    y, x = np.indices(size)
    waves = [np.stack([np.sin(x / 15 + i), np.cos(y / 12), np.sin((x + y) / 20 - i)]) for i in range(frames)]
    return (np.stack(waves) * 100 + 128).astype(np.uint8)


@pytest.fixture
def movie(tmp_path):
    write_video(tmp_path / "film.mp4", _film(), 12.5, (64, 96))
    return tmp_path / "film.mp4"


def test_what_is_written_is_read_back(movie):
    frames, fps = read_video(movie)
    assert frames.dtype == np.uint8 and frames.shape == (6, 3, 64, 96) and fps == 12.5
    difference = frames.astype(int) - _film()
    assert np.abs(difference).mean() < 2.5
    np.testing.assert_allclose(difference.mean((0, 2, 3)), 0, atol=0.6)  # no colour drifts, nothing darkens


def test_colors_stay_at_their_place(tmp_path):
    x = np.arange(128)
    blue = np.broadcast_to((40 + 200 * np.exp(-(((x - 63.5) / 8) ** 2))).astype(np.uint8), (64, 128))
    frame = np.stack([np.full_like(blue, 40), np.full_like(blue, 40), blue])
    write_video(tmp_path / "bump.mp4", [frame] * 2, 10, (64, 128))
    row = read_video(tmp_path / "bump.mp4")[0][0, 2, 32].astype(float) - 40
    np.testing.assert_allclose((row * x).sum() / row.sum(), 63.5, atol=0.2)


@pytest.mark.parametrize("fps", [8, 23.976, 30000 / 1001, 60])
def test_frame_rates_survive(tmp_path, fps):
    write_video(tmp_path / "film.mp4", _film(3), fps, (64, 96))
    np.testing.assert_allclose(read_video(tmp_path / "film.mp4")[1], fps, rtol=1e-6)


def test_odd_sizes_are_padded_with_their_edge(tmp_path):
    film = _film(3, (65, 97))
    write_video(tmp_path / "odd.mp4", film, 10, (65, 97))
    frames, _ = read_video(tmp_path / "odd.mp4")
    assert frames.shape == (3, 3, 66, 98)
    assert np.abs(frames[:, :, :65, :97].astype(int) - film).mean() < 2.5
    assert np.abs(frames[:, :, 65, :97].astype(int) - film[:, :, 64]).mean() < 4
    assert np.abs(frames[:, :, :65, 97].astype(int) - film[:, :, :, 96]).mean() < 4


def test_equal_input_gives_equal_bytes_and_custom_tags_survive(tmp_path):
    tags = {"comment": "AI-generated film", "seed": "7", "lookreel_report": '{"ä": [1, 2]}'}
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / name, iter(_film()), 12, (64, 96), tags)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    found = read_tags(tmp_path / "a.mp4")
    assert {name: found.get(name) for name in tags} == tags
    with av.open(str(tmp_path / "a.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")


def _png() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(_film(1)[0].transpose(1, 2, 0)).save(buffer, "png")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("text.mp4", b"hello world\n" * 50, "damaged"),
        ("notes.txt", b"hello world\n" * 50, "no video"),
        ("empty.mp4", b"", "damaged"),
        ("photo.png", _png(), "a picture"),
        ("photo.mp4", _png(), "a picture"),
    ],
)
def test_other_files_are_no_videos(tmp_path, name, content, word):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=word) as error:
        read_video(tmp_path / name)
    assert name in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_truncated_videos_are_refused(tmp_path, suffix):
    whole = tmp_path / f"whole{suffix}"
    write_video(whole, _film(24), 12, (64, 96))
    assert len(read_video(whole)[0]) == 24
    for share in (0.02, 0.3, 0.6):
        path = tmp_path / f"cut{suffix}"
        path.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * share)])
        with pytest.raises(InputError, match="cut.*truncated"):
            read_video(path)


def test_missing_files_and_folders_are_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_video(tmp_path / "missing.mp4")
    with pytest.raises(InputError, match="a folder"):
        read_video(tmp_path)


def test_a_film_that_cannot_be_written_leaves_nothing_behind(tmp_path):
    for path, frames in (
        (tmp_path / "none.mp4", []),
        (tmp_path / "film.xyz", _film()),
        (tmp_path / "no/a.mp4", _film()),
    ):
        with pytest.raises(InputError):
            write_video(path, frames, 12, (64, 96))

    def broken():
        yield _film()[0]
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        write_video(tmp_path / "half.mp4", broken(), 12, (64, 96))
    assert not list(tmp_path.iterdir())


def test_equal_films_are_equal_files_whatever_memory_held_before(tmp_path):
    y, x = np.mgrid[:128, :96]
    shift = np.arange(24)[:, None, None]
    frames = np.stack([(x + 3 * shift) * 2 % 256, (y + shift) * 2 % 256, (x * y + 5 * shift) % 256], 1).astype(np.uint8)
    written = set()
    for i in range(4):
        write_video(tmp_path / f"{i}.mp4", iter(frames), 30.0, (128, 96), {})
        written.add((tmp_path / f"{i}.mp4").read_bytes())
        np.random.default_rng(i).normal(size=(50, 777, 30))  # leaves other bytes behind
    assert len(written) == 1
