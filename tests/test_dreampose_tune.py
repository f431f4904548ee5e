"""DreamPose's phase 2: crops, low rank, tuning to photos, the subject's folder, `lookreel tune` and what it refuses."""

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import nn
from torch.testing import assert_close

import lookreel
from dreampose_toys import CONFIG, GRID, model, system
from lookreel import api, cli
from lookreel.assets import PHOTOS
from lookreel.data import mannequin
from lookreel.dreampose import low_rank, tuning
from lookreel.dreampose.crops import crop_picture, crop_pose, random_window
from lookreel.dreampose.presets import toy_tuning
from lookreel.dreampose.subject import Base
from lookreel.dreampose.tuning import learn, tune, work_folder
from lookreel.dreampose.tuning_photos import tuning_photos
from lookreel.dreampose.tuning_tasks import DecoderTask, SubjectTask
from lookreel.errors import InputError
from lookreel.framing import Window
from lookreel.photos import Photo
from lookreel.poses.densepose import FITTED, dense
from lookreel.poses.finder import Finder
from lookreel.poses.track import Track
from toys import seeded

SEED = mannequin.VALIDATION.start + 3
SHOT = (64, 48)  # of the photos


def shots(count: int = 1) -> mannequin.Clip:
    return mannequin.frames_at(SEED, [0.0, 2.0, -2.0][:count], SHOT)


@pytest.fixture
def photo(tmp_path) -> Path:
    """A photo with its pose beside it."""
    return write(tmp_path)[0]


def write(folder: Path, count: int = 1, poses: bool = True) -> list[Path]:
    made, paths = shots(count), []
    for i in range(count):
        paths.append(folder / f"photo{i}.png")
        Image.fromarray(made.frames[i].permute(1, 2, 0).numpy()).save(paths[-1])
        if poses:
            made.track[i].save(paths[-1].with_suffix(".npz"))
    return paths


def opened(count: int = 1):
    made = shots(count)
    given = [Photo(made.frames[i].permute(1, 2, 0).numpy(), made.track[i]) for i in range(count)]
    return tuning_photos(given, CONFIG.size)[0]


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("base") / "toy"
    system().save_pretrained(folder)
    return folder


@pytest.fixture
def quick(monkeypatch):
    """Tuning by a few steps, also from the command line."""
    monkeypatch.setattr(tuning, "tuning", lambda config: toy_tuning())


def loaded(base: Path):
    made = api.load(base, "cpu")
    return made, Base(str(base), made.sha256)


# crops


def test_crops_stay_in_the_picture_and_are_as_often_as_asked():
    choices = np.random.default_rng(0)
    windows = [random_window(choices, (40, 30), 0.7, 0.8) for _ in range(400)]
    assert abs(np.mean([w.scale > 1 for w in windows]) - 0.7) < 0.07
    for window in windows:
        assert 1 <= window.scale <= 1.25 + 1e-6 and window.left >= 0 and window.top >= 0
        assert window.left + 30 / window.scale <= 30 + 1e-6 and window.top + 40 / window.scale <= 40 + 1e-6


def test_picture_and_pose_are_cropped_alike():
    """A picture that is drawn from the map, cropped, is what is drawn from the cropped map, but for edges."""
    uv = dense(shots().track, SHOT).uv[0]
    drawn = torch.from_numpy(uv).float()
    choices, same = np.random.default_rng(1), []
    for _ in range(20):
        window = random_window(choices, SHOT, 1.0, 0.6)
        picture, pose = crop_picture(drawn, window), torch.from_numpy(crop_pose(uv, window)).float()
        same.append(((picture - pose).abs() < 40).float().mean())
        shifted = torch.from_numpy(crop_pose(uv, replace(window, left=window.left + 4))).float()
        assert (picture - pose).abs().mean() < 0.6 * (picture - shifted).abs().mean()
    assert np.mean(same) > 0.95


def test_the_whole_picture_is_untouched():
    pixels = opened()[0].pixels
    assert_close(crop_picture(pixels, Window(0.0, 0.0, 1.0)), pixels, atol=1e-5, rtol=0)


# photos and their poses


def test_the_pose_lies_beside_the_photo(photo):
    made, notices = tuning_photos([Photo(photo)], CONFIG.size)
    assert notices == [] and made[0].pixels.shape == (3, *CONFIG.size) and len(made[0].sha256) == 64
    np.testing.assert_array_equal(made[0].uv, dense(shots().track, CONFIG.size).uv[0])


def test_joints_alone_get_a_body_with_a_notice(photo):
    track = shots().track
    replace(track, dense=None).save(photo.with_suffix(".npz"))
    made, notices = tuning_photos([Photo(photo)], CONFIG.size)
    assert notices == [f"{photo}: {FITTED}"]
    assert ((made[0].uv.max(0) > 0) == (dense(track, CONFIG.size).uv[0].max(0) > 0)).mean() > 0.85


def test_a_map_is_a_pose_too(tmp_path):
    path = write(tmp_path, poses=False)[0]
    uv = shots().track.dense[0, 1:].astype(np.float32) / 255
    np.save(path.with_suffix(".npy"), uv)
    made, notices = tuning_photos(path, CONFIG.size)
    assert notices == []
    np.testing.assert_array_equal(made[0].uv, dense(shots().track, CONFIG.size).uv[0])
    np.save(tmp_path / "other.npy", uv[:, :, ::2])
    with pytest.raises(InputError, match="a pose for a picture of 24x64; expected one for this photo of 48x64"):
        tuning_photos([Photo(path, tmp_path / "other.npy")], CONFIG.size)


def test_photos_of_different_sizes_are_refused(tmp_path):
    paths = write(tmp_path, 2)
    Image.open(paths[1]).resize((96, 128)).save(paths[1])
    with pytest.raises(InputError, match=r"photo1.png: 96x128; expected 48x64, the size of .*photo0.png"):
        tuning_photos(paths, CONFIG.size)


def test_a_film_is_no_pose_of_a_photo(photo):
    mannequin.clip(SEED, "turn", 3, SHOT).track.save(photo.with_suffix(".npz"))
    with pytest.raises(InputError, match="its pose has 3 frames; the pose of a photo has exactly one"):
        tuning_photos(photo, CONFIG.size)


def test_no_pose_and_nobody_to_find_one(tmp_path):
    path = write(tmp_path, poses=False)[0]
    with pytest.raises(InputError, match="no pose known; tuning needs one"):
        tuning_photos(path, CONFIG.size)
    Image.new("RGB", (96, 128), "grey").save(path)
    finder = Finder()
    if finder.detector is None:
        pytest.skip("the bundled detector is not installed")
    with pytest.raises(InputError, match="no pose known, and"):
        tuning_photos(path, CONFIG.size, finder)


def test_the_bundled_detector_finds_a_mannequins_pose(tmp_path):
    if Finder().detector is None:
        pytest.skip("the bundled detector is not installed")
    shutil.copy(PHOTOS / "front.png", tmp_path)
    made, notices = tuning_photos(tmp_path / "front.png", (128, 96), Finder())
    assert notices[0].endswith("pose found by the detector mini") and notices[1].endswith(FITTED)
    true = tuning_photos(PHOTOS / "front.png", (128, 96))[0][0].uv.max(0) > 0
    assert ((made[0].uv.max(0) > 0) == true).mean() > 0.95


class Crowd(Finder):
    """A detector that sees two people of one size."""

    def track(self, frames, fps, name, progress=None):
        raise InputError(f"{name}: 2 people, two of one size; --person N says which")


def test_several_people_are_told(tmp_path):
    path = write(tmp_path, poses=False)[0]
    with pytest.raises(InputError, match="2 people, two of one size; --person N says which"):
        tuning_photos(path, CONFIG.size, Crowd())


def test_a_half_body_is_told(photo):
    track = shots().track
    keypoints = track.keypoints.copy()
    keypoints[:, [2, 5]] = 0
    Track(keypoints, SHOT).save(photo.with_suffix(".npz"))
    with pytest.raises(InputError, match=r"photo0.png: no frame shows both shoulders"):
        tuning_photos(photo, CONFIG.size)


# what is learned


def test_a_step_pairs_the_whole_photo_with_a_crop():
    numbers = replace(toy_tuning(), cropped=1.0, least=0.7)
    task = SubjectTask(system(), opened(2), numbers, None)
    task.prepare(Path(), 0, 1)
    made = task.batch(1, range(6), torch.device("cpu"))
    assert made.latents.shape == (6, 4, *GRID) and made.poses.shape == (6, CONFIG.pose_channels, *GRID)
    assert not made.no_image.any() and not made.no_pose.any()
    assert all(any(torch.equal(one, seen) for seen in task.seen.latent) for one in made.photo.latent)
    assert not any(torch.allclose(one, seen) for one in made.latents for seen in task.seen.latent)
    five = made.poses.unflatten(1, (5, 2))
    assert torch.equal(five, five[:, :1].expand(-1, 5, -1, -1, -1))  # one picture: its pose five times
    again = task.batch(1, range(4, 6), torch.device("cpu"))
    assert torch.equal(again.latents, made.latents[4:]) and torch.equal(again.noise, made.noise[4:])


def test_only_the_decoder_of_the_vae_learns():
    task = DecoderTask(system(), opened(), toy_tuning(), None)
    learning = {name.split(".")[1] for name, p in task.network.named_parameters() if p.requires_grad}
    assert learning == {"decoder"}
    task.prepare(Path(), 0, 1)
    pixels, noise = task.batch(1, range(2), torch.device("cpu"))
    optimizer, losses = torch.optim.AdamW([p for p in task.network.parameters() if p.requires_grad], 3e-3), []
    for _ in range(30):
        losses.append(task.network((pixels, noise))["loss"])
        losses[-1].backward()
        optimizer.step()
        optimizer.zero_grad()
    assert losses[-1] < 0.7 * losses[0]


def test_low_rank_begins_as_nothing_and_ends_as_weights():
    network = model()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    inputs = (torch.randn(1, 4, *GRID), torch.tensor([5]), torch.randn(1, 5, 16), torch.randn(1, 10, *GRID))
    with torch.no_grad():
        same = network(*inputs)
    low_rank.add(network, 2, seed=0)
    with torch.no_grad():
        assert_close(network(*inputs), same)
    learning = [name for name, p in network.named_parameters() if p.requires_grad]
    assert learning and all(name.endswith((".up", ".down")) for name in learning)
    with torch.no_grad(), seeded(1):
        for p in network.parameters():
            if p.requires_grad:
                p.add_(0.1 * torch.randn_like(p))
    with torch.no_grad():
        changed = network(*inputs)
    factors = low_rank.changes(network)
    low_rank.settle(network)
    after = network.state_dict()
    assert set(after) == set(before)
    with torch.no_grad():
        assert_close(network(*inputs), changed)
    for name, tensor in before.items():
        change = factors[f"{name}.up"] @ factors[f"{name}.down"] if f"{name}.up" in factors else torch.zeros(1)
        assert_close(after[name], tensor + (change.view_as(tensor) if change.numel() > 1 else 0))
        if tensor.ndim > 1:
            assert torch.linalg.matrix_rank(change) <= 2


def test_layers_smaller_than_the_rank():
    layer = nn.Sequential(nn.Linear(3, 2))
    low_rank.add(layer, 8, seed=0)
    assert low_rank.changes(layer)["0.weight.up"].shape == (2, 2)


@pytest.mark.parametrize("rank", [None, 2])
def test_a_subject_is_what_was_tuned(tmp_path, base, rank):
    made, of = loaded(base)
    before = {name: t.clone() for name, t in made.model.state_dict().items()}
    record = tune(made, opened(2), tmp_path / "subject", of, rank=rank, numbers=toy_tuning())
    assert not work_folder(tmp_path / "subject").exists()
    assert {path.name for path in (tmp_path / "subject").iterdir()} == {
        "subject.json", "model_index.json", "unet.safetensors", "adapter.safetensors", "vae.safetensors",
    }  # fmt: skip
    assert record["rank"] == (rank or "full") and len(record["photos"]) == 2
    again = lookreel.load(tmp_path / "subject", device="cpu")
    assert asdict(again.base) == asdict(of) and "vae" not in again.encoders.shared
    for one, other in ((made.model, again.model), (made.encoders.codec, again.encoders.codec)):
        states = one.state_dict(), other.state_dict()
        for name in states[0]:
            assert_close(states[0][name], states[1][name], atol=2e-5, rtol=2e-3)
    assert any((t - before[name]).abs().max() > 1e-4 for name, t in again.model.state_dict().items())
    vae = load_file(tmp_path / "subject/vae.safetensors")
    assert vae and all(name.startswith("decoder.") for name in vae)
    film = again.animate(shots().frames[0].permute(1, 2, 0).numpy(), "turn", frames=2)
    assert len(film) == 2 and film.report["base"]["sha256"] == of.sha256


def test_low_rank_takes_less_room(tmp_path, base):
    sizes = {}
    for rank in (None, 2):
        made, of = loaded(base)
        tune(made, opened(), tmp_path / f"{rank}", of, rank=rank, numbers=toy_tuning())
        sizes[rank] = sum(path.stat().st_size for path in (tmp_path / f"{rank}").glob("*.safetensors"))
    assert sizes[2] < 0.6 * sizes[None]


@pytest.mark.parametrize("rank", [None, 2])
def test_an_interrupted_tuning_goes_on_bit_for_bit(tmp_path, base, rank, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    made, of = loaded(base)
    tune(made, opened(), tmp_path / "whole", of, rank=rank, numbers=toy_tuning())
    out = tmp_path / "parts"
    with monkeypatch.context() as patch:
        batch = SubjectTask.batch
        patch.setattr(
            SubjectTask, "batch", lambda task, step, *rest: stopped() if step == 2 else batch(task, step, *rest)
        )
        with pytest.raises(KeyboardInterrupt):
            tune(loaded(base)[0], opened(), out, of, rank=rank, numbers=toy_tuning())
    assert not out.exists() and work_folder(out).is_dir()
    with monkeypatch.context() as patch:
        decoder = DecoderTask.batch
        patch.setattr(
            DecoderTask, "batch", lambda task, step, *rest: stopped() if step == 2 else decoder(task, step, *rest)
        )
        with pytest.raises(KeyboardInterrupt):
            tune(loaded(base)[0], opened(), out, of, rank=rank, numbers=toy_tuning())
    tune(loaded(base)[0], opened(), out, of, rank=rank, numbers=toy_tuning())
    assert not work_folder(out).exists()
    for name in ("unet", "adapter", "vae"):
        one, other = (load_file(folder / f"{name}.safetensors") for folder in (tmp_path / "whole", out))
        assert set(one) == set(other) and all(torch.equal(one[key], other[key]) for key in one)


def test_unfinished_work_of_other_photos_is_refused(tmp_path, base):
    made, of = loaded(base)
    numbers = toy_tuning()
    learn(made, opened(), numbers, None, tmp_path / "work", {"photos": 1})
    with pytest.raises(InputError, match="a run with another tuning"):
        learn(loaded(base)[0], opened(2), numbers, None, tmp_path / "work", {"photos": 2})


def test_a_subject_is_not_tuned_again(tmp_path, base):
    made, of = loaded(base)
    tune(made, opened(), tmp_path / "subject", of, numbers=toy_tuning())
    for again in (made, lookreel.load(tmp_path / "subject", device="cpu")):
        with pytest.raises(InputError, match="a tuned subject already"):
            tune(again, opened(), tmp_path / "twice", of, numbers=toy_tuning())


def test_a_part_can_be_left_as_it_is(tmp_path, base):
    made, of = loaded(base)
    tune(made, opened(), tmp_path / "unet", of, decoder_steps=0, numbers=toy_tuning())
    assert not (tmp_path / "unet/vae.safetensors").exists()
    made, of = loaded(base)
    tune(made, opened(), tmp_path / "vae", of, steps=0, numbers=toy_tuning())
    assert not (tmp_path / "vae/unet.safetensors").exists()
    with pytest.raises(InputError, match="both are 0"):
        tune(loaded(base)[0], opened(), tmp_path / "none", of, steps=0, decoder_steps=0, numbers=toy_tuning())


# the command


def run(*arguments: str | Path) -> int:
    return cli.main(["tune", *map(str, arguments)])


def test_the_command_makes_a_model_for_animate(tmp_path, base, photo, quick, capsys):
    out = tmp_path / "subject"
    assert run("--model", base, "--photo", photo, "--out", out, "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["out"] == str(out) and facts["photos"][0]["file"] == str(photo) and facts["bytes"] > 1000
    film = tmp_path / "film.mp4"
    assert cli.main(["animate", "--model", str(out), "--photo", str(photo), "--motion", "turn", "--frames", "2",
                     "--out", str(film)]) == 0  # fmt: skip
    assert film.is_file() and json.loads(film.with_suffix(".json").read_text())["base"]["name"] == str(base)
    assert run("--model", base, "--photo", photo, "--out", out) == 2
    assert "--force replaces it" in capsys.readouterr().err
    assert run("--model", base, "--photo", photo, "--out", out, "--rank", "2", "--force") == 0
    assert "MiB on top of" in capsys.readouterr().out


def test_a_subject_refuses_another_base(tmp_path, base, photo, quick, capsys):
    own = tmp_path / "own"
    system().save_pretrained(own)
    assert run("--model", own, "--photo", photo, "--out", tmp_path / "subject") == 0
    other = system()
    other.model.unet.conv_in.bias.data += 1
    other.save_pretrained(own)
    with pytest.raises(InputError, match="another model"):
        lookreel.load(tmp_path / "subject", device="cpu")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--steps", "-1"], "--steps: found -1"),
        (["--decoder-steps", "-3"], "--decoder-steps: found -3"),
        (["--rank", "0"], "--rank: found 0; expected full or a whole number"),
        (["--rank", "half"], "--rank: found half"),
        (["--seed", "-1"], "--seed: found -1"),
        (["--photo-pose", "a.npz", "--photo-pose", "b.npz"], "--photo-pose: 2 given for 1 photos"),
        (["--person", "0"], "--person: found 0"),
        (["--densepose", "absent.pt"], "absent.pt: no such file; expected DensePose"),
        (["--photo-pose", "absent.npz"], "absent.npz: no such track file"),
        (["--device", "tpu"], "--device: tpu"),
    ],
)
def test_wrong_options_are_one_line(tmp_path, base, photo, quick, capsys, more, words):
    out = tmp_path / "subject"
    assert run("--model", base, "--photo", photo, "--out", out, *more) == 2
    told = capsys.readouterr().err.strip()
    assert words in told and told.count("\n") == 0
    assert not out.exists() and not work_folder(out).exists()


def test_wrong_places_are_one_line(tmp_path, base, photo, quick, capsys):
    (tmp_path / "file").write_text("")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/diary.txt").write_text("dear")
    for out, words in (("file", "is a file"), ("no/where", "does not exist"), ("full", "is no subject")):
        assert run("--model", base, "--photo", photo, "--out", tmp_path / out, "--force") == 2
        assert words in capsys.readouterr().err
    assert (tmp_path / "full/diary.txt").read_text() == "dear"
    assert run("--model", base, "--out", tmp_path / "subject") == 2
    assert "--photo: none given" in capsys.readouterr().err
    assert run("--model", base, "--photo", tmp_path / "absent.png", "--out", tmp_path / "subject") == 2
    assert "absent.png" in capsys.readouterr().err


def test_only_dreampose_is_tuned(tmp_path, photo, mini, capsys):
    assert run("--model", mini, "--photo", photo, "--out", tmp_path / "subject") == 2
    assert "only a model of DreamPose is tuned" in capsys.readouterr().err
