"""DreamPose from a photo and a motion to a film: guidance, the fixed noise, batches, plans, and what is refused."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.testing import assert_close

import fashionflow_toys
import lookreel
import toys
from dreampose_toys import CONFIG, GRID, photo, photo_file, system, track
from lookreel.cli import main
from lookreel.diffusion.guidance import dual
from lookreel.diffusion.pace import PRESETS
from lookreel.diffusion.sampler import initial_noise
from lookreel.dreampose.conditions import null_photo, pose_windows, see
from lookreel.dreampose.footprint import Estimate
from lookreel.dreampose.sampling import Guided, Sampling, _contexts, first_timestep, sample, start
from lookreel.dreampose.system import DreamPoseSystem
from lookreel.errors import InputError
from lookreel.nets.weights import write_json
from lookreel.poses.densepose import dense
from lookreel.running.plan import Plan

PIXELS = torch.from_numpy(photo()).permute(2, 0, 1)[None] / 127.5 - 1
PAPER = dict(prediction="eps", sampler="pndm", steps=3)


@pytest.fixture(scope="module")
def made():
    return system()


def given(made, frames=3):
    """What a film is sampled from: the photo, the black picture, the poses."""
    body = dense(track(frames), CONFIG.size)
    return see(made.encoders, CONFIG, PIXELS), null_photo(made.encoders, CONFIG), pose_windows(body.uv, CONFIG)


def network(made, scales, **how):
    seen, null, poses = given(made)
    sampling = Sampling(seed=0, steps=2, sampler="ddim", scales=scales, **how)
    return Guided(made.model, _contexts(made.model, seen, null, sampling), poses, sampling)


def test_a_film(made):
    film = made.animate(photo(), track(4), seed=1)
    assert film.frames.shape == (4, 3, *CONFIG.size) and film.frames.dtype == torch.uint8
    assert film.frames.float().std() > 5 and film.fps == track(4).fps
    assert film.poses.shape == (4, 3, *CONFIG.size) and len(film.references) == 1
    told = film.report
    assert (told["frames"], told["seed"], told["sampler"]) == (4, 1, "multistep")
    assert (told["image_scale"], told["pose_scale"]) == (2.0, 2.0)
    assert told["evaluations"] == {"full": 2 * CONFIG.steps, "shallow": 0}  # equal scales: two predictions a step
    json.dumps(told)


def test_seeds_decide(made):
    one = made.animate(photo(), track(3), seed=1).frames
    torch.manual_seed(5)  # the global generator has no say
    assert torch.equal(made.animate(photo(), track(3), seed=1).frames, one)
    assert not torch.equal(made.animate(photo(), track(3), seed=2).frames, one)


def test_the_papers_sampler():
    told = system(**PAPER).animate(photo(), track(2), image_scale=8, pose_scale=3).report
    assert told["sampler"] == "pndm" and told["evaluations"] == {"full": 3 * (3 + 1), "shallow": 0}


def test_every_frame_begins_with_the_same_noise(made):
    seen, _, poses = given(made)
    sampling = Sampling(seed=3, steps=2, sampler="ddim", scales=(1, 1))
    x = start(made.model, seen, 3, sampling)
    assert torch.equal(x[0], x[1]) and torch.equal(x[0], x[2])
    noise = initial_noise((1, 4, *GRID), 3)
    assert_close(x[:1], made.model.schedule.add_noise(seen.latent, noise, 999))
    still = track(1)
    repeated = replace(still, keypoints=still.keypoints.repeat(3, 0), dense=still.dense.repeat(3, 0))
    film = made.animate(photo(), repeated).frames
    assert torch.equal(film[0], film[1]) and torch.equal(film[0], film[2])


def test_samplers_begin_where_they_should(made):
    assert first_timestep(made.model, "pndm", 100) == 991
    assert first_timestep(made.model, "ddim", 100) == first_timestep(made.model, "multistep", 7) == 999


@pytest.mark.parametrize("scales", [(1.0, 1.0), (1.0, 0.0), (0.0, 0.0), (3.0, 3.0), (8.0, 3.0), (0.0, 2.0)])
@pytest.mark.parametrize("prediction", ["v", "eps"])
def test_guidance_is_equation_4(scales, prediction):
    made = system(prediction=prediction)
    seen, null, poses = given(made)
    x = torch.randn(3, 4, *GRID, generator=torch.Generator().manual_seed(2))
    model, t = made.model, torch.full((3,), 700)
    contexts = [model.context(part).expand(3, -1, -1) for part in (null, seen, seen)]
    shown = (torch.zeros_like(poses), torch.zeros_like(poses), poses)
    e0, e_image, e_both = (model(x, t, *pair) for pair in zip(contexts, shown, strict=True))
    wanted = dual(e0, e_image, e_both, *scales)
    wanted = wanted if prediction == "v" else model.schedule.v_from_eps(x, wanted, 700)
    assert_close(network(made, scales)(x, 700), wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("scales", "asked"), [((1, 1), 1), ((1, 0), 1), ((0, 0), 1), ((3, 3), 2), ((1, 2), 2), ((8, 3), 3)]
)
def test_what_weighs_nothing_is_not_asked_for(made, scales, asked):
    guided = network(made, scales)
    guided(torch.zeros(3, 4, *GRID), 500)
    assert guided.full == 3 * asked


def test_without_guidance_the_photo_and_the_pose_have_no_say():
    made = system(zero_snr=True)  # the photo is not in the start either
    other = np.ascontiguousarray(photo()[:, ::-1]) // 2
    none = dict(image_scale=0, pose_scale=0)
    film = made.animate(photo(), track(2), **none).frames
    assert torch.equal(film, made.animate(other, track(2), **none).frames)
    assert torch.equal(film[0], film[1])
    only_photo = dict(image_scale=1, pose_scale=0)
    seen = made.animate(photo(), track(2), **only_photo).frames
    assert torch.equal(seen[0], seen[1]) and not torch.equal(seen, made.animate(other, track(2), **only_photo).frames)


def test_batches_change_nothing(made):
    seen, null, poses = given(made, 5)
    how = dict(seed=0, steps=2, sampler="multistep", scales=(2.0, 3.0))
    whole, _ = sample(made.model, seen, null, poses, Sampling(**how))
    parts, _ = sample(made.model, seen, null, poses, Sampling(**how, at_once=2))
    assert_close(parts, whole, rtol=1e-4, atol=1e-4)


def test_one_frame_is_one_picture(made):
    film = made.animate(photo(), track(4), frames=1)
    assert len(film) == 1
    assert torch.equal(film.frames, made.animate(photo(), track(4)[0]).frames)


def test_a_motion_of_joints_only_says_so(made):
    film = made.animate(photo(), replace(track(2), dense=None))
    assert len(film) == 2 and any("joints" in line for line in film.report["notices"])


def test_steps_are_told_with_a_preview(made):
    steps = []
    made.animate(photo(), track(3), steps=4, on_step=lambda i, n, preview: steps.append((i, n, preview().shape)))
    assert steps == [(i, 4, (3, 3, *GRID)) for i in range(1, 5)]


@pytest.mark.parametrize("preset", list(PRESETS))
def test_presets(made, preset):
    film = made.animate(photo(), track(2), preset=preset, steps=4 if preset != "exact" else None)
    made_in = film.report["evaluations"]
    assert film.report["preset"] == preset and len(film) == 2
    if preset in ("reuse", "fast"):
        assert made_in["shallow"] > 0
    if preset in ("interval", "fast"):
        assert made_in["full"] + made_in["shallow"] == 4 + 3  # three of four steps are guided


REFUSED = [
    (dict(motion=None), "motion: none given"),
    (dict(motion="no-such"), "neither a bundled motion nor a file"),
    (dict(guidance=2.0), "image_scale and pose_scale"),
    (dict(preset="faster"), "preset 'faster': unknown"),
    (dict(steps=0), "steps: found 0"),
    (dict(steps=1, sampler="pndm"), "from 2 to 1000"),
    (dict(frames=0), "frames: found 0"),
    (dict(image_scale=-1), "image_scale: found -1"),
    (dict(pose_scale=31), "pose_scale: found 31"),
    (dict(pose_scale=float("nan")), "pose_scale: found nan"),
    (dict(sampler="ddpm"), "sampler: found ddpm"),
    (dict(seed=-1), "seed: found -1"),
]


@pytest.mark.parametrize(("wrong", "words"), REFUSED)
def test_wrong_arguments(made, wrong, words):
    with pytest.raises(InputError, match=words):
        made.animate(photo(), **({"motion": track(2)} | wrong))


def test_exactly_one_photo(made):
    with pytest.raises(InputError, match="2 given; DreamPose makes a film from exactly one"):
        made.animate([photo(), photo()], track(2))
    with pytest.raises(InputError, match="none given"):
        made.animate([], track(2))


def test_no_pose_of_the_photo_is_looked_for(made, tmp_path):
    file = photo_file(tmp_path)
    (tmp_path / "front.npz").write_text("no track")
    assert torch.equal(made.animate(file, track(2)).frames, made.animate(photo(), track(2)).frames)


def test_saving_and_loading(made, tmp_path):
    made.save_pretrained(tmp_path / "model")
    loaded = lookreel.load(tmp_path / "model", device="cpu")
    assert isinstance(loaded, DreamPoseSystem) and loaded.config == made.config and loaded.base is None
    assert torch.equal(loaded.animate(photo(), track(2)).frames, made.animate(photo(), track(2)).frames)
    index = json.loads((tmp_path / "model/model_index.json").read_text())
    assert index["unet"] == ["lookreel", "UNet"] and index["adapter"] == ["lookreel", "Adapter"]
    write_json(tmp_path / "model/model_index.json", index | {"config": index["config"] | {"sampler": "euler"}})
    with pytest.raises(InputError, match="sampler is 'euler'"):
        lookreel.load(tmp_path / "model", device="cpu")
    write_json(tmp_path / "model/model_index.json", index | {"config": index["config"] | {"photo_tokens": 6}})
    with pytest.raises(InputError, match="of another shape"):
        lookreel.load(tmp_path / "model", device="cpu")
    write_json(tmp_path / "model/model_index.json", {"_class_name": "DreamPoseSystem"})
    with pytest.raises(InputError, match="not a config of DreamPose"):
        lookreel.load(tmp_path / "model", device="cpu")


def test_half_precision_and_batches_by_plan():
    made = system()
    exact = made.animate(photo(), track(3)).frames.float()
    made.run_by(Plan(dtype=torch.bfloat16, frames_at_once=2, pictures_at_once=1), torch.device("cpu"))
    film = made.animate(photo(), track(3))
    assert film.report["plan"]["dtype"] == "bfloat16" and (film.frames.float() - exact).abs().mean() < 12
    assert {p.dtype for p in made.model.adapter.parameters()} == {torch.float32}


def test_a_plan_for_little_memory(made):
    cpu = torch.device("cpu")
    plan, need = made.plan_for(64 * 10**9, cpu, 2, 1)
    assert plan == Plan(frames_at_once=None) and 0 < need.peak < 64 * 10**9
    with pytest.raises(InputError, match="this film needs at least"):
        made.plan_for(10**6, cpu, 2, 1, precision=torch.float32)
    estimate = Estimate(CONFIG, made.encoders, 100)
    steps = [estimate(Plan(frames_at_once=n, pictures_at_once=1), cpu).denoise for n in (None, 8, 2)]
    assert steps == sorted(steps, reverse=True) and len(set(steps)) == 3
    assert Estimate(CONFIG, made.encoders, 100, reuse=True)(Plan(pictures_at_once=1), cpu).denoise > steps[0]
    halved = estimate(Plan(dtype=torch.bfloat16, pictures_at_once=1), cpu)
    assert halved.denoise < steps[0]


@pytest.fixture
def folder(made, tmp_path):
    made.save_pretrained(tmp_path / "model")
    photo_file(tmp_path)
    track(3).save(tmp_path / "motion.npz")
    return tmp_path


def animate(folder, *more, model="model", photos=("front.png",)):
    given = [part for name in photos for part in ("--photo", str(folder / name))]
    return main(["animate", "--model", str(folder / model), *given, "--out", str(folder / "film.mp4"), *more])


def test_the_command(folder, capsys):
    motion = ("--motion", str(folder / "motion.npz"))
    assert animate(folder, *motion, "--image-scale", "3", "--pose-scale", "1.5", "--sampler", "ddim", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["image_scale"], told["pose_scale"], told["sampler"]) == (3.0, 1.5, "ddim")
    assert told == json.loads((folder / "film.json").read_text())
    assert (folder / "film.png").is_file() and (folder / "film.mp4").stat().st_size > 500
    assert animate(folder, *motion, "--frames", "1", "--memory", "8GB", "--preset", "fast", "--force") == 0
    assert "plan: float32" in capsys.readouterr().err


def test_another_bodys_motion_is_fitted(folder, capsys):
    toys.track(1).save(folder / "front.npz")  # the photo's pose
    driving = track(3)
    grown = driving.keypoints * np.array([1.3, 1.3, 1], np.float32)
    replace(driving, keypoints=grown, dense=None).save(folder / "other.npz")
    assert animate(folder, "--motion", str(folder / "other.npz"), "--align", "limbs", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["alignment"]["how"] == "limbs" and len(told["notices"]) >= 2


COMMANDS = [
    (["--guidance", "3"], "--guidance: found 3; {model} has --image-scale and --pose-scale instead"),
    (["--image-scale", "31"], "--image-scale: found 31"),
    (["--pose-scale", "-1"], "--pose-scale: found -1"),
    (["--sampler", "ddpm"], "--sampler: found ddpm; expected one of pndm, ddim, multistep"),
    (["--sampler", "pndm", "--steps", "1"], "steps: found 1; expected a whole number from 2"),
    (["--interpolate", "2"], "no interpolation network"),
    (["--preset", "best"], "preset 'best': unknown"),
    (["--references", "mean"], "reads photos in its own way only"),
]


@pytest.mark.parametrize(("options", "words"), COMMANDS)
def test_what_the_command_refuses(folder, capsys, options, words):
    assert animate(folder, "--motion", str(folder / "motion.npz"), *options) == 2
    error = capsys.readouterr().err
    assert words.format(model=folder / "model") in error and "Traceback" not in error
    assert not list(folder.glob("film.*"))


def test_two_photos_only_with_first(folder, capsys):
    motion = ("--motion", str(folder / "motion.npz"))
    photo_file(folder, "back.png")
    assert animate(folder, *motion, photos=("front.png", "back.png")) == 2
    assert "--photo: 2 given" in capsys.readouterr().err
    assert animate(folder, *motion, "--first", photos=("front.png", "back.png")) == 0


def test_other_systems_refuse_its_options(tmp_path, capsys):
    toys.system().save_pretrained(tmp_path / "model")
    fashionflow_toys.without_interpolation().save_pretrained(tmp_path / "flow")
    photo_file(tmp_path)
    motion = ("--motion", "turn")
    for options, words in (
        (("--image-scale", "2"), "--image-scale: found 2; {} has --guidance instead"),
        (("--pose-scale", "2"), "--pose-scale: found 2; {} has --guidance instead"),
        (("--sampler", "pndm"), "--sampler: found pndm; expected none"),
    ):
        assert animate(tmp_path, *motion, *options) == 2
        assert words.format(tmp_path / "model") in capsys.readouterr().err
    assert animate(tmp_path, "--image-scale", "2", model="flow") == 2
    assert "is trained without guidance" in capsys.readouterr().err
    assert animate(tmp_path, "--sampler", "ddim", "--steps", "1", model="flow") == 0
