"""FashionFlow from a photo to a film: seeds, lengths, interpolation, files, and what is refused."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch.testing import assert_close

import lookreel
from fashionflow_toys import (
    CONFIG,
    FRAMES,
    GRID,
    encoders,
    photo,
    published_checkpoint,
    system,
    without_interpolation,
)
from lookreel.cli import main
from lookreel.errors import InputError
from lookreel.fashionflow import sampling
from lookreel.fashionflow.convert import convert
from lookreel.fashionflow.pictures import Pictures
from lookreel.fashionflow.system import FashionFlowSystem
from lookreel.nets.weights import write_json
from lookreel.photos import Photo
from toys import track


def test_a_film():
    film = system().animate(photo(), seed=1)
    assert film.frames.shape == (FRAMES, 3, *CONFIG.size) and film.frames.dtype == torch.uint8
    assert film.fps == CONFIG.fps and len(film.references) == 1 and film.poses is None
    assert film.frames.float().std() > 5
    assert film.report["frames"] == FRAMES and film.report["seed"] == 1 and film.report["warnings"] == []
    json.dumps(film.report)


def test_seeds_decide():
    made = system()
    one = made.animate(photo(), seed=1).frames
    torch.manual_seed(5)  # the global generator has no say
    assert torch.equal(made.animate(photo(), seed=1).frames, one)
    assert not torch.equal(made.animate(photo(), seed=2).frames[1:], one[1:])


def test_frame_0_is_the_photo_after_every_step(monkeypatch):
    made, seen = system(), []
    latent = Pictures(made.encoders, False).encode(torch.from_numpy(photo()).permute(2, 0, 1)[None] / 127.5 - 1)
    monkeypatch.setattr(sampling, "ddim", watched(sampling.ddim, seen))
    film = made.animate(photo(), sampler="ddim", steps=3)
    assert len(seen) == 3
    for x in seen:
        assert torch.equal(x[0], latent[0])
    first = made.pictures.decode(latent)
    assert torch.equal(film.frames[:1], first)


def watched(sampler, seen):
    def run(predict, x, schedule, steps, on_step, **how):
        return sampler(predict, x, schedule, steps, lambda i, n, x, x0: seen.append(x.clone()), **how)

    return run


@pytest.mark.parametrize("sampler", ["ddpm", "ddim", "multistep"])
def test_samplers(sampler):
    film = without_interpolation(beta_schedule="cosine_ramp", prediction="eps", zero_snr=False).animate(
        photo(), sampler=sampler, steps=2
    )
    assert film.report["sampler"] == sampler and len(film) == FRAMES


def test_interpolation_doubles_frames_and_rate():
    made, steps = system(), []
    single = made.animate(photo(), seed=3)
    film = made.animate(
        photo(), seed=3, interpolate=2, on_step=lambda i, n, preview: steps.append((i, n, preview().shape))
    )
    assert len(film) == 2 * FRAMES and film.fps == 2 * CONFIG.fps and film.report["interpolate"] == 2
    assert torch.equal(film.frames[::2], single.frames)  # its own frames stay
    assert torch.equal(film.frames[-1], single.frames[-1])  # nothing follows the last one
    assert not torch.equal(film.frames[1], single.frames[0])
    assert [i for i, *_ in steps] == [1, 2, 3, 4] and {n for _, n, _ in steps} == {4}
    assert steps[-1][2] == (2 * FRAMES, 3, *GRID)


def test_interpolation_in_windows():
    made = system()
    film = made.animate(photo(), frames=8, interpolate=2, steps=1)  # 16 frames by a network of windows of 4
    assert len(film) == 16
    assert torch.equal(film.frames[::2], made.animate(photo(), frames=8, steps=1).frames)


def test_a_film_may_be_doubled_by_itself():
    made = system()
    film = made.animate(photo()).frames
    doubled = made.double(film, torch.from_numpy(photo()).permute(2, 0, 1), steps=1)
    assert doubled.shape == (2 * FRAMES, 3, *CONFIG.size)


def test_odd_lengths_are_made_even_and_cut_with_a_notice():
    made = system()
    film = made.animate(photo(), frames=3, interpolate=2)
    assert len(film) == 6 and "3 asked for" in film.report["warnings"][0]
    assert torch.equal(film.frames[::2], made.animate(photo(), frames=4).frames[:3])
    assert "drifts" in made.animate(photo(), frames=6, steps=1).report["warnings"][0]
    assert len(made.animate(photo(), frames=2, steps=1)) == 2


REFUSED = [
    (dict(motion="turn"), "motion: given"),
    (dict(guidance=2.0), "without guidance"),
    (dict(preset="fast"), "preset: found fast"),
    (dict(steps=0), "steps: found 0"),
    (dict(steps=1001), "steps: found 1001"),
    (dict(frames=1), "frames: found 1"),
    (dict(frames=17), "from 2 to 16"),
    (dict(frames=True), "frames: found True"),
    (dict(interpolate=3), "interpolate: found 3"),
    (dict(sampler="euler"), "sampler: found euler"),
    (dict(seed=-1), "seed: found -1"),
]


@pytest.fixture(scope="module")
def refusing():
    return system()


@pytest.mark.parametrize(("wrong", "words"), REFUSED)
def test_wrong_arguments(refusing, wrong, words):
    with pytest.raises(InputError, match=words):
        refusing.animate(photo(), **wrong)


def test_one_photo_and_no_motion(refusing):
    for photos, words in (
        ([], "none given"),
        ([photo(), photo()], "2 given; FashionFlow makes a film from exactly one"),
    ):
        with pytest.raises(InputError, match=words):
            refusing.animate(photos)
    with pytest.raises(InputError, match="makes up its own motion"):
        refusing.animate(photo(), track(4))
    with pytest.raises(InputError, match="no interpolation network"):
        without_interpolation().animate(photo(), interpolate=2)
    with pytest.raises(InputError, match="no interpolation network"):
        without_interpolation().double(torch.zeros(2, 3, *CONFIG.size, dtype=torch.uint8), torch.zeros(3, *CONFIG.size))


def test_no_pose_is_looked_for(refusing, tmp_path):
    Image.fromarray(photo()).save(tmp_path / "front.png")
    (tmp_path / "front.npz").write_text("no track")
    film = refusing.animate(tmp_path / "front.png", steps=1)
    assert torch.equal(film.frames, refusing.animate(Photo(photo()), steps=1).frames)


def test_saving_and_loading(tmp_path):
    made = system()
    made.save_pretrained(tmp_path / "model")
    loaded = lookreel.load(tmp_path / "model", device="cpu")
    assert isinstance(loaded, FashionFlowSystem) and loaded.config == made.config and not loaded.takes_motion
    assert torch.equal(loaded.animate(photo(), interpolate=2).frames, made.animate(photo(), interpolate=2).frames)
    index = json.loads((tmp_path / "model/model_index.json").read_text())
    assert index["unet"] == ["lookreel", "SpaceTimeUNet"] and index["adapter"] == ["lookreel", "Adapter"]


def test_a_damaged_folder_is_refused(tmp_path):
    system().save_pretrained(tmp_path)
    index = json.loads((tmp_path / "model_index.json").read_text())
    write_json(tmp_path / "model_index.json", index | {"config": index["config"] | {"sampler": "euler"}})
    with pytest.raises(InputError, match="sampler is 'euler'"):
        lookreel.load(tmp_path, device="cpu")
    write_json(tmp_path / "model_index.json", index | {"config": index["config"] | {"photo_tokens": 6}})
    with pytest.raises(InputError, match="of another shape"):
        lookreel.load(tmp_path, device="cpu")


def test_a_published_checkpoint_loads_strictly(tmp_path):
    file, parts = published_checkpoint(tmp_path / "published.pth")
    own = encoders()
    own.codec.save_pretrained(tmp_path / "encoders/vae")
    own.image_encoder.save_pretrained(tmp_path / "encoders/image_encoder")
    config = replace(
        CONFIG, interpolation=None, photo_in_every_frame=False, net=replace(CONFIG.net, in_channels=4),
        doubly_rescaled=True,
    )  # fmt: skip
    convert(file, tmp_path / "encoders", tmp_path / "model", config=config)
    loaded = lookreel.load(tmp_path / "model", device="cpu")
    for name, network in (("net", loaded.model.net), ("adapter", loaded.model.adapter)):
        for key, tensor in network.state_dict().items():
            assert_close(tensor, parts[name][key])
    assert len(loaded.animate(photo(), steps=1)) == FRAMES


def test_other_files_are_not_a_published_checkpoint(tmp_path):
    file, parts = published_checkpoint(tmp_path / "published.pth", prefix="")
    config = replace(CONFIG, interpolation=None, photo_in_every_frame=False, net=replace(CONFIG.net, in_channels=4))
    del parts["net"]["conv_in.spatial_conv.bias"]
    cases = {
        "1 of .* missing|missing": parts,
        "no tensors under 'net'": {"state": parts["net"]},
        "no tensors under 'adapter'": {"net": parts["net"], "adapter": 3},
    }
    for words, content in cases.items():
        torch.save(content, file)
        with pytest.raises(InputError, match=words):
            convert(file, tmp_path, tmp_path / "model", config=config)
    file.write_bytes(b"nothing")
    with pytest.raises(InputError, match="damaged"):
        convert(file, tmp_path, tmp_path / "model", config=config)
    with pytest.raises(InputError, match="no such file"):
        convert(tmp_path / "absent.pth", tmp_path, tmp_path / "model", config=config)
    assert not (tmp_path / "model").exists()


def test_pictures_as_the_published_weights_had_them():
    """The VAE works on [0, 1]: a grey of 0 is its 0, not its -1."""
    own, pixels = encoders(), torch.rand(1, 3, *CONFIG.size) * 2 - 1
    published = Pictures(own, doubly_rescaled=True)
    assert_close(published.encode(pixels), own.codec.encode((pixels + 1) / 2))
    latents = torch.randn(2, 4, *GRID)
    decoded = own.codec.vae.decode(latents / own.codec.vae.config.scaling_factor).sample.clamp(0, 1)
    assert torch.equal(published.decode(latents), (decoded * 255).round().to(torch.uint8))
    assert not torch.equal(published.decode(latents), Pictures(own, False).decode(latents))


@pytest.fixture
def command(tmp_path, monkeypatch):
    """`lookreel animate` with a toy model and a photo; returns run(*options) -> (exit code, folder)."""
    system().save_pretrained(tmp_path / "model")
    Image.fromarray(photo()).save(tmp_path / "p.png")
    monkeypatch.chdir(tmp_path)

    def run(*options: str, out: str = "film.webp") -> int:
        return main(["animate", "--model", "model", "--photo", "p.png", "--out", out, "--steps", "1", *options])

    return run


def test_variations_are_films_of_the_next_seeds(command, tmp_path, capsys):
    assert command("--variations", "2", "--seed", "4", "--interpolate", "2", "--json") == 0
    films = json.loads(capsys.readouterr().out)["films"]
    assert [film["seed"] for film in films] == [4, 5] and films[0]["frames"] == 2 * FRAMES
    for number in (1, 2):
        for suffix in ("webp", "png", "json"):
            assert (tmp_path / f"film-{number}.{suffix}").is_file()
    one, two = (np.asarray(Image.open(tmp_path / f"film-{number}.png")) for number in (1, 2))
    assert (one != two).any()
    assert command("--variations", "2") == 2  # they are there already
    assert command("--seed", "4", "--interpolate", "2", out="alone.webp") == 0
    assert (tmp_path / "alone.png").read_bytes() == (tmp_path / "film-1.png").read_bytes()


def test_the_command_line_refuses_what_the_model_cannot_do(command, tmp_path, capsys):
    for options, words in (
        (["--motion", "turn"], "makes up its own motion"),
        (["--photo", "p.png"], "2 given; FashionFlow makes a film from exactly one (--first takes the first)"),
        (["--variations", "0"], "--variations: found 0"),
        (["--interpolate", "4"], "--interpolate: found 4"),
        (["--guidance", "3"], "without guidance"),
        (["--align", "global"], "--align: nothing to fit"),
    ):
        assert command(*options) == 2
        error = capsys.readouterr().err
        assert words in error and "Traceback" not in error, error
    assert not list(tmp_path.glob("film*"))
    assert command("--photo", "p.png", "--first") == 0
