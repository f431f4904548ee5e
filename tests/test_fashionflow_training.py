"""FashionFlow's clips, batches, trainings and ablations: drawn from seeds, resumed, refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.testing import assert_close

import lookreel
from fashionflow_toys import CONFIG, FRAMES, GRID, system
from lookreel import api
from lookreel.data import mannequin
from lookreel.errors import InputError
from lookreel.fashionflow import ablation_recipe, batches
from lookreel.fashionflow.ablation import ablate
from lookreel.fashionflow.cache import ClipCache
from lookreel.fashionflow.clips import MOTIONS, Mannequins, Videos, films
from lookreel.fashionflow.folder import networks
from lookreel.fashionflow.measure import measure
from lookreel.fashionflow.measure_tables import tables
from lookreel.fashionflow.model import ClipStage
from lookreel.fashionflow.presets import RECIPES, mini, paper, published, toy
from lookreel.fashionflow.quality import chroma, colour_off, faded, jitter, motion, skin_error
from lookreel.fashionflow.training import PRESETS, train
from lookreel.video import write_video
from toys import encoders, seeded

CLIPS = Mannequins(CONFIG.size, 2 * FRAMES, 16.0, count=2)


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> ClipCache:
    made = ClipCache(tmp_path_factory.mktemp("latents"), CLIPS)
    made.fill(system().encoders, CONFIG)
    return made


def test_clips_begin_as_a_photo_and_vary():
    assert sum(MOTIONS.values()) == pytest.approx(1) and set(MOTIONS) == set(mannequin.MOTIONS)
    clips = Mannequins((32, 24), 6, 8.0, count=40, first=mannequin.VALIDATION.start)
    assert torch.equal(clips.frames(3), clips.frames(3)) and clips.frames(3).shape == (6, 3, 32, 24)
    amounts = [(clips.frames(i)[-1].int() - clips.frames(i)[0].int()).abs().float().mean().item() for i in range(12)]
    assert max(amounts) > 3 * min(amounts)  # turns beside figures that only sway


def test_cached_clips(cache):
    clip, frames = cache[1], CLIPS.frames(1)
    made = system()
    assert clip.latents.shape == (2 * FRAMES, 4, *GRID) and clip.tokens.shape == (5, 16)
    pixels = frames.float() / 127.5 - 1
    assert_close(clip.latents.float(), made.pictures.encode(pixels), atol=2e-3, rtol=2e-3)
    assert_close(clip.tokens.float(), made.pictures.tokens(pixels[:1])[0], atol=5e-3, rtol=5e-3)
    cells = pixels.view(2 * FRAMES, 3, GRID[0], 4, GRID[1], 4).mean((3, 5))
    assert_close(clip.colors.float(), cells, atol=2e-3, rtol=2e-3)


def test_latents_of_other_clips_are_refused(cache):
    with pytest.raises(InputError, match="latents of other data, encoders or flow"):
        ClipCache(cache.files.folder, replace(CLIPS, first=5)).fill(system().encoders, CONFIG)
    with pytest.raises(InputError, match="latents of other data, encoders or flow"):
        ClipCache(cache.files.folder, CLIPS).fill(system().encoders, replace(CONFIG, doubly_rescaled=True))


def test_a_sample_depends_on_its_number_alone(cache):
    for draw in (batches.clips, batches.doublings):
        whole, part = draw(cache, CONFIG, 0, 3, range(4)), draw(cache, CONFIG, 0, 3, range(2, 4))
        assert torch.equal(whole.latents[2:], part.latents) and torch.equal(whole.noise[2:], part.noise)
        assert torch.equal(whole.t[2:], part.t)
        assert not torch.equal(whole.noise, draw(cache, CONFIG, 0, 4, range(4)).noise)


def test_batches_are_what_the_networks_are_asked_for(cache):
    made = batches.clips(cache, CONFIG, 0, 1, range(3))
    assert made.latents.shape == (3, FRAMES, 4, *GRID)
    assert torch.equal(made.latents[:, 0], made.conditions.photo)
    stored = [cache[i].latents[::2].float() for i in range(2)]
    assert all(any(torch.equal(latents, other) for other in stored) for latents in made.latents)
    doubled = batches.doublings(cache, CONFIG, 0, 1, range(3))
    assert doubled.conditions.known[:, ::2].all() and not doubled.conditions.known[:, 1::2].any()
    first = doubled.conditions.beside[0, 0, :3]
    assert any(torch.equal(first, cache[i].colors[f].float()) for i in range(2) for f in range(FRAMES + 1))


def test_training_both_networks_and_resuming(tmp_path):
    """Two steps at once are one step, stopped, and another."""
    start = encoders(tmp_path / "encoders")
    whole = train(toy(), "mannequin", tmp_path / "whole", None, start, None)
    train(toy(), "mannequin", tmp_path / "parts", 1, start, None)
    parts = train(toy(), "mannequin", tmp_path / "parts", None, start, None)
    for folder in ("unet", "adapter", "interpolation_unet", "interpolation_adapter"):
        one, other = (load_file(m / folder / "diffusion_pytorch_model.safetensors") for m in (whole, parts))
        for name, tensor in one.items():
            assert_close(other[name], tensor)
    model = lookreel.load(whole, device="cpu")
    assert model.interpolates and len(model.animate(CLIPS.frames(0)[0].permute(1, 2, 0).numpy(), steps=1)) == FRAMES
    logged = [json.loads(line) for line in (whole.parent / "log.jsonl").read_text().splitlines()]
    assert any("held_out" in line for line in logged) and list((whole.parent / "samples").glob("*.png"))


def test_the_interpolation_needs_a_film_network(tmp_path):
    with pytest.raises(InputError, match="no film network"):
        train(toy(), "mannequin", tmp_path, 1, encoders(tmp_path / "encoders"), 2)
    with pytest.raises(InputError, match="stage: found 2; expected 1"):
        train(replace(toy(), interpolation=None), "mannequin", tmp_path, 1, None, 2)
    with pytest.raises(InputError, match="expects"):
        train(mini(), "mannequin", tmp_path, 1, encoders(tmp_path / "encoders"), None)


def test_recipes_carry_the_papers_and_the_codes_numbers():
    assert (paper().film.lr, paper().film.betas) == (2e-4, (0.5, 0.999))
    assert (published().film.lr, published().film.betas, published().film.weight_decay) == (1e-4, (0.9, 0.999), 0.01)
    assert paper().interpolation is not None and published().interpolation is None
    assert paper().film.average == published().film.average == 0
    assert published().config.doubly_rescaled and not paper().config.doubly_rescaled
    assert paper().film.steps * paper().film.batch == 2500 * 500
    assert set(RECIPES) < set(PRESETS) and {"fashionflow-interpolation", "mini-fashionflow-interpolation"} < set(
        PRESETS
    )
    assert set(PRESETS) < set(api.presets())


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """A dataset folder with one video and no poses."""
    frames = mannequin.clip(1, "turn", 12, (40, 48)).frames.numpy()
    write_video(tmp_path / "one.mp4", list(frames), 25.0, (40, 48))
    (tmp_path / "manifest.jsonl").write_text('{"path": "one.mp4"}\n{"path": "two.mp4", "split": "test"}\n')
    return tmp_path


def test_videos_without_poses(dataset):
    clips = films(str(dataset), CONFIG.size, 8, 8.0, 0)
    assert len(clips) == 1 and clips.frames(0).shape == (8, 3, *CONFIG.size)
    assert torch.equal(clips.frames(0), clips.frames(0))
    assert clips.describe() == films(str(dataset), CONFIG.size, 8, 8.0, 0).describe()


def test_held_out_clips_are_not_trained_on(dataset):
    assert CLIPS.held_out().first == mannequin.VALIDATION.start >= CLIPS.first + len(CLIPS)
    clips = Videos(dataset, CONFIG.size, 8)
    assert clips.paths == ["one.mp4"] and clips.held_out().paths == ["two.mp4"]
    (dataset / "manifest.jsonl").write_text('{"path": "one.mp4"}')
    assert Videos(dataset, CONFIG.size, 8).held_out() is None


def test_one_clip_overfits(cache):
    """The same clip, noise and timestep again and again: most of the loss goes."""
    with seeded(1):
        network, _ = networks(CONFIG)
    stage, made = ClipStage(network), batches.clips(cache, CONFIG, 0, 0, range(1))
    optimizer, losses = torch.optim.AdamW(network.parameters(), 3e-3), []
    for _ in range(60):
        losses.append(stage(made)["loss"])
        losses[-1].backward()
        optimizer.step()
        optimizer.zero_grad()
    assert losses[-1] < 0.4 * losses[0]


def test_datasets_that_cannot_be_used(dataset):
    with pytest.raises(InputError, match="12 frames of every 1th; expected at least 13"):
        Videos(dataset, CONFIG.size, 13).frames(0)
    with pytest.raises(InputError, match="no clip of split 'validation'"):
        Videos(dataset, CONFIG.size, 8, split="validation")
    for text, words in (("{", "not JSON"), ("[]", "expected an object with path"), ('{"path": 3}', "with path")):
        (dataset / "manifest.jsonl").write_text(text)
        with pytest.raises(InputError, match=f"line 1: .*{words}"):
            Videos(dataset, CONFIG.size, 8)
    with pytest.raises(InputError, match="no such file"):
        films(str(dataset / "absent"), CONFIG.size, 8, 8.0, 0)


def test_colours_that_fade_and_skin_that_changes():
    seed = mannequin.VALIDATION.start
    photo = mannequin.frames_at(seed, [0.0], (128, 96))
    still = photo.frames.expand(8, -1, -1, -1)
    assert skin_error(still, photo, seed) < 3 and faded(still) == pytest.approx(1) and motion(still) == 0
    grey = still.float().mean(1, keepdim=True).expand_as(still)
    shares = torch.linspace(0, 1, 8)[:, None, None, None]
    fading = (still * (1 - shares) + grey * shares).round().to(torch.uint8)
    assert (np.diff(chroma(fading)) < 0).all() and faded(fading) < 0.5
    paler = (still.float() * 0.5 + 127).to(torch.uint8)
    assert skin_error(paler, photo, seed) > 3 * skin_error(still, photo, seed)


def test_the_limits_are_measured():
    found = measure(system(), garments=2, steps=1)
    assert sum(tone["garments"] for tone in found["skin_error"].values()) == 2
    assert len(found["chroma"]) == FRAMES and found["chroma"][0] == 1
    assert found["first"] > 5 and 0 <= found["colour"]["truth"] < 1 and set(found["jitter"]) == {"film", "doubled"}
    assert set(found["resolution"]) == {"1", "2", "4", "8"} and found["spread"] > 0
    json.dumps(found)
    made = tables(found)
    assert "| frame 0 to the photo |" in made and "| tone, lightest first |" in made and "| 1/8 |" in made


def test_an_ablation_from_start_to_end(tmp_path):
    start = encoders(tmp_path / "encoders")
    found = ablate(ablation_recipe.toy(), tmp_path / "run", init=start)
    assert list(found["rows"]) == ["both", "global only"]
    values = found["rows"]["both"]["values"]
    assert {"held_out", "frechet", "frechet_changes", "colour", "skin", "faded", "motion"} == set(values)
    assert values["held_out"]["mean"] > 0 and len(values["skin"]["interval"]) == 2
    true = found["true clips"]["values"]
    assert true["faded"]["mean"] == true["motion"]["mean"] == 1
    page = (tmp_path / "run/report/toy-fashionflow-ablation.md").read_text()
    assert "| both |" in page and "| 1659.546 |" in page and "| true clips |" in page
    assert (tmp_path / "run/report/toy-fashionflow-ablation.png").is_file()
    before = sorted((tmp_path / "run/models").rglob("*.safetensors"))
    assert ablate(ablation_recipe.toy(), tmp_path / "run", init=start) == found  # nothing is done twice
    assert sorted((tmp_path / "run/models").rglob("*.safetensors")) == before
    with pytest.raises(InputError, match="row 'none': unknown"):
        ablate(ablation_recipe.toy(), tmp_path / "run", ["none"])
    with pytest.raises(InputError, match="another recipe"):
        ablate(replace(ablation_recipe.toy(), rows=ablation_recipe.toy().rows[:1]), tmp_path / "run")


def test_each_row_of_the_ablation_changes_one_thing():
    whole = ablation_recipe.whole()
    rows = {row.name: row for row in whole.rows}
    assert "fashionflow" in api.ablations() and rows["global only"].published == {
        "IS": 2.891,
        "FVD": 1812.462,
        "VFID I3D": 0.881,
    }
    assert {name for lines in whole.tables.values() for name in lines} == set(rows)
    assert all("both" in lines for lines in whole.tables.values())
    both = rows["both"].config
    changes = {
        "global only": {"local": False},
        "local only": {"global_": False},
        "photo in every frame": {"photo_in_every_frame": True, "in_channels": 8},
        "2-D convolutions": {"convolution": "2d"},
        "3-D convolutions": {"convolution": "3d"},
        "spatial attention": {"attention": "spatial"},
        "temporal attention": {"attention": "temporal"},
        "no attention": {"attention": "none"},
    }
    for name, change in changes.items():
        of_net = {field: change.pop(field) for field in ("in_channels", "convolution", "attention") if field in change}
        assert rows[name].config == replace(both, net=replace(both.net, **of_net), **change)


def test_colour_jitter_and_motion_of_films():
    photo = mannequin.frames_at(mannequin.VALIDATION.start, [0.0], (128, 96))
    still = photo.frames.expand(8, -1, -1, -1)
    assert colour_off(still, photo) == 0 and jitter(still) == 0
    red = still.clone()
    red[4:, 0] = (red[4:, 0].int() + 51).clamp(max=255).to(torch.uint8)
    assert 0 < colour_off(red, photo) <= 0.1  # half of the frames, a fifth of the range at most
    shake = still.clone()
    shake[::2] = shake[::2] // 2
    assert jitter(shake) > 4 * jitter(red) > 0
