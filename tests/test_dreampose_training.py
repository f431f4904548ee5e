"""DreamPose's phase 1: pairs drawn from clips, their cache, drops, training and resuming, recipes."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.testing import assert_close

import lookreel
from dreampose_toys import CONFIG, GRID, model, system
from lookreel import api
from lookreel.assets import MODELS
from lookreel.data import mannequin
from lookreel.data.source import DatasetFolder, Mannequins
from lookreel.dreampose import batches
from lookreel.dreampose.batches import DROP, dropped, pairs, poses_at
from lookreel.dreampose.cache import PairCache, cells
from lookreel.dreampose.conditions import null_photo, pose_windows, see
from lookreel.dreampose.model import PictureStage
from lookreel.dreampose.presets import RECIPES, mini, sd15, sd15_tuning, small, toy, tuning
from lookreel.dreampose.start import start
from lookreel.dreampose.tasks import sheet
from lookreel.dreampose.training import PRESETS, clips, train
from lookreel.errors import InputError
from lookreel.poses.densepose import dense
from lookreel.poses.track import Track
from lookreel.video import write_video

CLIPS = Mannequins(CONFIG.size, count=3, frames=6)


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> PairCache:
    made = PairCache(tmp_path_factory.mktemp("latents"), CLIPS)
    made.fill(system().encoders, CONFIG)
    return made


@pytest.fixture(scope="module")
def null():
    return null_photo(system().encoders, CONFIG)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A toy model's folder, where a training may start."""
    folder = tmp_path_factory.mktemp("base")
    system().save_pretrained(folder)
    return folder


def test_cached_clips(cache):
    clip, (frames, track) = cache[1], CLIPS.clip(1)
    photo = see(system().encoders, CONFIG, frames.float() / 127.5 - 1)
    assert_close(clip.latents.float(), photo.latent, atol=2e-3, rtol=2e-3)
    assert_close(clip.tokens.float(), photo.tokens, atol=5e-3, rtol=5e-3)
    assert clip.uv.shape == (2, 6, 2, *GRID) and clip.uv.dtype == torch.uint8
    own, fitted = (dense(t, CONFIG.size).uv for t in (track, replace(track, dense=None)))
    for kind, uv in enumerate((own, fitted)):
        made = torch.stack([poses_at(clip, kind, frame, CONFIG.poses) for frame in range(6)])
        assert_close(made, pose_windows(uv, CONFIG))


def test_a_track_of_joints_has_one_kind_of_poses():
    track = CLIPS.clip(0)[1]
    assert cells(track, CONFIG).shape == (2, 6, 2, *GRID)
    assert cells(replace(track, dense=None), CONFIG).shape == (1, 6, 2, *GRID)


def test_latents_of_other_clips_are_refused(cache):
    for other, config in ((replace(CLIPS, first=9), CONFIG), (CLIPS, replace(CONFIG, clip_square="centred"))):
        with pytest.raises(InputError, match="latents of other data, encoders or flow"):
            PairCache(cache.files.folder, other).fill(system().encoders, config)


def test_a_pair_is_of_one_clip(cache, null):
    made = pairs(cache, CONFIG.poses, null, 0, 1, range(12))
    assert made.latents.shape == (12, 4, *GRID) and made.poses.shape == (12, 10, *GRID)
    held = [cache[i].latents.float() for i in range(3)]
    numbers = {name: [] for name in ("photo", "latents")}
    for name, latents in (("photo", made.photo.latent), ("latents", made.latents)):
        for one in latents:
            numbers[name] += [i for i, clip in enumerate(held) if (clip == one).flatten(1).all(1).any()]
    assert numbers["photo"] == numbers["latents"] and len(set(numbers["photo"])) > 1
    assert not all(torch.equal(a, b) for a, b in zip(made.photo.latent, made.latents, strict=True))


def test_a_sample_depends_on_its_number_alone(cache, null):
    whole, part = (pairs(cache, 5, null, 0, 3, samples) for samples in (range(4), range(2, 4)))
    for name in ("latents", "noise", "t", "poses", "no_image", "no_pose"):
        assert torch.equal(getattr(whole, name)[2:], getattr(part, name))
    assert torch.equal(whole.photo.tokens[2:], part.photo.tokens)
    assert not torch.equal(whole.noise, pairs(cache, 5, null, 0, 4, range(4)).noise)


def test_pose_photo_or_both_are_dropped_a_third_each():
    draws = [dropped(i / 3000, DROP) for i in range(3000)]
    counts = {kind: draws.count(kind) / 3000 for kind in ((True, False), (False, True), (True, True))}
    assert all(abs(share - 0.05) < 1e-3 for share in counts.values())
    assert dropped(0.0, 0.0) == (False, False)


def test_drops_are_drawn_for_each_sample(cache, null):
    made = pairs(cache, 5, null, 0, 0, range(400))
    for lost in (made.no_image, made.no_pose):
        assert 0.05 < lost.float().mean() < 0.16
    both = (made.no_image & made.no_pose).float().mean()
    assert 0.015 < both < 0.1
    none = pairs(cache, 5, null, 0, 0, range(50), drop=0.0)
    assert not none.no_image.any() and not none.no_pose.any()


def test_one_pose_is_the_frames_own(cache, null):
    five, one = (pairs(cache, poses, null, 0, 1, range(4)).poses for poses in (5, 1))
    assert torch.equal(five[:, 4:6], one)


def test_a_batch_overfits(cache, null):
    """The same pairs again and again: most of the loss goes."""
    stage, made = PictureStage(model()), pairs(cache, 5, null, 0, 0, range(2), drop=0.0)
    optimizer, losses = torch.optim.AdamW(stage.parameters(), 6e-3), []
    for _ in range(40):
        losses.append(stage(made)["loss"])
        losses[-1].backward()
        optimizer.step()
        optimizer.zero_grad()
    assert losses[-1] < 0.6 * losses[0]


def test_training_and_resuming(tmp_path, base):
    """Two steps at once are one step, stopped, and another."""
    whole = train(toy(), "mannequin", tmp_path / "whole", None, base, None)
    train(toy(), "mannequin", tmp_path / "parts", 1, base, None)
    parts = train(toy(), "mannequin", tmp_path / "parts", None, base, None)
    for folder in ("unet", "adapter"):
        one, other = (load_file(m / folder / "diffusion_pytorch_model.safetensors") for m in (whole, parts))
        start = load_file(base / folder / "diffusion_pytorch_model.safetensors")
        assert all(torch.equal(one[name], other[name]) for name in one)
        assert any((one[name] - start[name]).abs().max() > 1e-4 for name in one)
    made = lookreel.load(whole, device="cpu")
    assert len(made.animate(CLIPS.clip(0)[0][0].permute(1, 2, 0).numpy(), "sway", frames=2, steps=1)) == 2
    logged = [json.loads(line) for line in (whole.parent / "log.jsonl").read_text().splitlines()]
    assert any("psnr" in line for line in logged) and list((whole.parent / "samples").glob("*.png"))


def test_what_cannot_be_trained(tmp_path, base):
    with pytest.raises(InputError, match="phase 2 is lookreel tune"):
        train(toy(), "mannequin", tmp_path, 1, base, 2)
    with pytest.raises(InputError, match="expects"):
        train(mini(), "mannequin", tmp_path, 1, base, None)


def test_the_sheet_shows_photo_film_and_truth():
    made = sheet(system(), range(mannequin.VALIDATION.start, mannequin.VALIDATION.start + 1))
    assert made.shape == (3, 2 * CONFIG.size[0], 9 * CONFIG.size[1]) and made.dtype == torch.uint8


def test_mini_begins_as_the_bundled_denoiser():
    """Without poses it predicts what the bundled denoiser's layers say: nothing but their own weights is in it."""
    if not (MODELS / "mini").is_dir():
        pytest.skip("the bundled model mini is not in this tree")
    made = start(mini().config, MODELS / mini().begin)
    theirs = load_file(MODELS / "mini/denoising_unet/diffusion_pytorch_model.safetensors")
    ours = made.model.unet.state_dict()
    assert made.encoders.shared == {"vae": "mini", "image_encoder": "mini"}
    assert_close(ours["conv_in.weight"][:, :4], theirs["conv_in.weight"].float())
    assert not ours["conv_in.weight"][:, 4:].any()
    assert all(torch.equal(ours[name], theirs[name].float()) for name in ours if name != "conv_in.weight")
    weights = sum(tensor.numel() for tensor in made.model.state_dict().values())
    assert 2 * weights < 9.95 * 2**20  # bundled in half precision it stays under 10 MiB


def test_recipes_carry_the_papers_and_the_codes_numbers():
    settings = sd15().settings
    assert (settings.lr, settings.betas, settings.weight_decay, settings.clip) == (5e-6, (0.9, 0.999), 1e-2, 1.0)
    assert settings.batch == 16 and settings.average == 0 and sd15().drop == 0.15 and sd15().noise_power == 1
    phase2 = sd15_tuning()
    assert (phase2.unet.steps, phase2.unet.batch, phase2.unet.lr) == (500, 1, 1e-5)
    assert (phase2.decoder.steps, phase2.decoder.batch, phase2.decoder.lr) == (1500, 16, 5e-5)
    assert tuning(sd15().config) == phase2 and tuning(mini().config) == tuning(CONFIG) == small()
    page = (Path(lookreel.__file__).parents[2] / "docs/training.md").read_text()
    for name, make in RECIPES.items():
        s = make().settings
        assert f"| `{name}` | {s.steps:,} | {s.batch} | {s.lr:.0e} |" in page
    assert set(RECIPES) == set(PRESETS) == {"dreampose-sd15", "mini-dreampose"} and set(PRESETS) < set(api.presets())


def test_a_datasets_neighbours_stay_neighbours(tmp_path):
    """Every frame is taken, and maps that a track carries come along, cropped as the frames."""
    made = mannequin.clip(1, "turn", 8, (40, 48))
    write_video(tmp_path / "one.mp4", list(made.frames.numpy()), 12.0, (40, 48))
    made.track.save(tmp_path / "one.npz")
    (tmp_path / "manifest.jsonl").write_text('{"path": "one.mp4", "poses": "one.npz"}\n')
    source = clips(str(tmp_path), CONFIG.size, 0)
    frames, track = source.clip(0)
    assert isinstance(source, DatasetFolder) and len(frames) == len(track) == 8
    assert track.dense.shape == (8, 3, *CONFIG.size)
    np.testing.assert_array_equal(dense(track, CONFIG.size).uv, dense(made.track, CONFIG.size).uv)
    Track(made.track.keypoints, made.track.size, 12.0).save(tmp_path / "one.npz")
    assert source.clip(0)[1].dense is None


def test_batches_move_whole(cache, null):
    made = batches.to(pairs(cache, 5, null, 0, 0, range(2)), torch.device("meta"))
    assert made.latents.is_meta and made.photo.tokens.is_meta and made.null.latent.is_meta and made.no_pose.is_meta
