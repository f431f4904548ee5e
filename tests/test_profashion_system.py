"""ProFashion from photos to film: seeds, guidance, windows, what is computed once, and what is refused."""

import json
from collections import Counter

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from lookreel.errors import InputError
from lookreel.profashion.system import ProFashionSystem
from lookreel.reference.conditions import pose_pictures, see, settle
from lookreel.running.plan import Plan
from toys import SIZE, batch, model, moving, photos, system, track

ONCE = ("reference_encoder", "pose_guider", "pose_features", "aggregator.selector")


def spy(made: ProFashionSystem, monkeypatch) -> list[dict]:
    """What denoiser.step is given, call by call."""
    calls, step = [], made.model.denoiser.step

    def watched(z, t, x_R, z_R, pose, frames, *rest):
        calls.append({"frames": frames, "z": z, "t": t, "x_R": x_R, "z_R": dict(z_R), "pose": pose})
        return step(z, t, x_R, z_R, pose, frames, *rest)

    monkeypatch.setattr(made.model.denoiser, "step", watched)
    return calls


def test_a_film():
    film = system().animate(photos(), track(4))
    assert film.frames.shape == (4, 3, *SIZE) and film.frames.dtype == torch.uint8 and film.frames.is_cpu
    assert film.fps == track(4).fps and len(film.references) == 3
    assert film.poses.shape == film.frames.shape and film.poses.dtype == torch.uint8
    assert film.frames.float().std() > 5
    assert film.report["frames"] == 4 and film.report["steps"] == 2 and film.report["seed"] == 0


def test_a_film_may_be_changed_and_the_model_trained_afterwards():
    made = system()
    film = made.animate(photos(), track(2), steps=1)
    film.frames[:, 0] = 0
    assert not film.frames[:, 0].any() and not film.frames.requires_grad
    made.loss(batch(samples=1))["loss"].backward()


def test_equal_seeds_give_equal_films_and_other_seeds_others():
    made = system()
    one = made.animate(photos(), track(3), seed=7)
    torch.manual_seed(123)  # the global generator has no say
    assert torch.equal(made.animate(photos(), track(3), seed=7).frames, one.frames)
    assert not torch.equal(made.animate(photos(), track(3), seed=8).frames, one.frames)


@pytest.mark.parametrize("sampler", ["ddim", "multistep"])
def test_both_samplers(sampler):
    film = system(sampler=sampler).animate(photos(), track(2), steps=3)
    assert len(film) == 2 and film.report["sampler"] == sampler and film.report["steps"] == 3


def test_scale_1_asks_for_the_conditional_half_only(monkeypatch):
    made = system()
    calls = spy(made, monkeypatch)
    made.animate(photos(), track(3), guidance=1, steps=2)
    assert [bool(call["z_R"]) for call in calls] == [True, True]
    calls.clear()
    made.animate(photos(), track(3), guidance=2.5, steps=2)
    assert [bool(call["z_R"]) for call in calls] == [True, False] * 2


def test_the_unconditional_half_reads_no_prototype_and_a_zero_embedding(monkeypatch):
    made = system()
    calls = spy(made, monkeypatch)
    made.animate(photos(), track(3), guidance=2, steps=1)
    told, untold = calls
    assert set(told["z_R"]) == set(told["x_R"]) == set(made.model.grids()) and untold["z_R"] == {}
    zero = made.model.denoiser.unet.settle(torch.zeros(1, 1, 8))
    for name, answer in zero.items():
        assert torch.equal(untold["x_R"][name].tokens, answer.tokens)
        assert (told["x_R"][name].tokens - answer.tokens).abs().max() > 0
    # Pose and latents are the same in both; so is the motion, since both go through step().
    assert torch.equal(told["pose"], untold["pose"]) and told["pose"].any()
    assert torch.equal(told["z"], untold["z"]) and torch.equal(told["t"], untold["t"])


def test_guidance_mixes_the_two_halves(monkeypatch):
    """One step from pure noise gives x0 = -v, so that films at three scales lie on one line of latents."""
    made, seen = system(), {}
    decode = made.codec.decode
    for scale in (0, 1, 3):
        monkeypatch.setattr(made.codec, "decode", lambda z, *_, scale=scale: (seen.update({scale: z}), decode(z))[1])
        made.animate(photos(), track(3), guidance=scale, steps=1)
    assert_close(seen[3], seen[0] + 3 * (seen[1] - seen[0]), rtol=1e-4, atol=1e-4)
    assert (seen[1] - seen[0]).abs().max() > 1e-3


@pytest.mark.parametrize("steps", [1, 3])
def test_references_and_poses_are_read_once_for_each_film(steps, monkeypatch):
    made, counts = system(), Counter()
    for name in ONCE:
        module = made.model.get_submodule(name)
        forward = module.forward

        def counting(*arguments, name=name, forward=forward):
            counts[name] += 1
            return forward(*arguments)

        monkeypatch.setattr(module, "forward", counting)
    made.animate(photos(), track(20), steps=steps)
    # 20 frames are two windows, guided: nothing of this is repeated for a step, a window or a half.
    # pose_features reads the frames and the photos.
    assert counts == {"reference_encoder": 1, "pose_guider": 1, "pose_features": 2, "aggregator.selector": 1}


def test_features_of_the_photos_have_no_frame_axis():
    """What a film remembers of its photos has one size, whatever its length."""
    made, held = system(), []
    from lookreel.photos import open_photos
    from lookreel.poses.motions import load_motion

    references = open_photos(photos(), SIZE)
    pixels = torch.stack([photo.pixels for photo in references])
    for frames in (2, 40):
        with torch.inference_mode():
            motion = load_motion(track(frames))
            seen = see(made, pixels, references, motion, pose_pictures(motion, SIZE))
            conditions = settle(made.model, seen)
        held.append({name: tuple(z.shape) for name, z in conditions.memory.items()})
        assert conditions.m.shape == (1, frames, 3, 4, 3) and conditions.pose.shape == (frames, 16, 8, 6)
    assert held[0] == held[1]
    assert all(shape[:2] == (1, 3) for shape in held[0].values())


def test_long_films_are_read_in_parts_with_the_same_result():
    made = system()
    whole = made.animate(photos(), track(7), steps=1)
    made.run_by(Plan(pictures_at_once=1), made.device)  # four poses at a time
    parts = made.animate(photos(), track(7), steps=1)
    assert (whole.frames.int() - parts.frames.int()).abs().max() <= 1


def test_windows_never_exceed_the_trained_length(monkeypatch):
    made = system()
    calls = spy(made, monkeypatch)
    film = made.animate(photos(), track(30), guidance=1, steps=1)
    assert len(film) == 30 and [call["frames"] for call in calls] == [16, 16, 16]
    assert torch.equal(calls[1]["pose"][4:8], calls[2]["pose"][2:6])  # windows at 0, 12 and 14
    calls.clear()
    made.animate(photos(), track(16), guidance=1, steps=1)
    assert [call["frames"] for call in calls] == [16]


def test_frames_takes_the_first_of_the_motion():
    made = system()
    cut, whole = made.animate(photos(), track(8), frames=5), made.animate(photos(), track(8)[:5])
    assert torch.equal(cut.frames, whole.frames) and torch.equal(cut.poses, whole.poses)
    assert len(made.animate(photos(), track(3), frames=99)) == 3


def test_the_order_of_photos_changes_nothing():
    made, given = system(), photos()
    one, other = (made.animate(order, track(3)).frames.int() for order in (given, [given[2], given[0], given[1]]))
    assert (one - other).abs().max() <= 1


def test_every_photo_counts():
    made, given = system(), photos()
    one, other = made.animate(given, track(3)), made.animate(given[:2] + photos(seed=900_007)[2:], track(3))
    assert not torch.equal(one.frames, other.frames)


def test_one_photo_needs_no_pose_and_several_do():
    made, given = system(), photos()
    alone = made.animate(given[0].image, track(2))
    # One photo weighs 1 everywhere, whatever its pose.
    assert torch.equal(alone.frames, made.animate(given[:1], track(2)).frames)
    assert alone.report["weights"] == [[1.0], [1.0]]
    with pytest.raises(InputError, match="no pose known"):
        made.animate([photo.image for photo in given], track(2))


def test_on_step_is_told_of_every_step_with_a_preview():
    told = []

    def on_step(done, total, preview):
        told.append((done, total, preview()))

    system().animate(photos(), track(3), steps=3, on_step=on_step)
    assert [(done, total) for done, total, _ in told] == [(1, 3), (2, 3), (3, 3)]
    for _, _, preview in told:
        assert preview.dtype == torch.uint8 and preview.shape == (3, 3, 8, 6) and preview.is_cpu
    assert not torch.equal(told[0][2], told[2][2])


@pytest.fixture(scope="module")
def refusing() -> ProFashionSystem:
    """One system for all refusals: nothing is computed."""
    return system()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"seed": -1}, "seed: found -1"),
        ({"seed": 1.5}, "seed: found 1.5"),
        ({"seed": True}, "seed"),
        ({"seed": None}, "seed: found None"),
        ({"steps": 0}, "steps: found 0"),
        ({"steps": 1001}, "1 to 1000"),
        ({"steps": 2.0}, "steps"),
        ({"guidance": -0.5}, "guidance: found -0.5"),
        ({"guidance": float("nan")}, "guidance"),
        ({"guidance": "strong"}, "guidance"),
        ({"frames": 0}, "frames: found 0"),
        ({"frames": "all"}, "frames"),
    ],
)
def test_wrong_numbers_are_refused(refusing, wrong, words):
    with pytest.raises(InputError, match=words):
        refusing.animate(photos(), track(2), **wrong)


def test_numpy_s_numbers_are_numbers():
    counts = {"seed": np.int64(3), "steps": np.int32(1), "frames": np.uint8(2)}
    film = system().animate(photos(), track(3), **counts, guidance=np.float32(2))
    plain = system().animate(photos(), track(3), seed=3, steps=1, frames=2, guidance=2.0)
    assert torch.equal(film.frames, plain.frames)
    assert {name: type(film.report[name]) for name in counts} == dict.fromkeys(counts, int)
    json.dumps(film.report)


def test_photos_and_a_motion_are_needed(refusing):
    with pytest.raises(InputError, match="motion: none given"):
        refusing.animate(photos())
    with pytest.raises(InputError, match="at least one photo"):
        refusing.animate([], track(2))


def test_aggregators_without_a_map_of_locations_make_films_too():
    for name in ("first", "concat", "full"):
        film = system(aggregator=name).animate(photos(), track(2), steps=1)
        assert len(film) == 2 and (film.report["weights"] is None) == (name == "full")


def test_loss_is_the_stages():
    made = system()
    assert set(made.loss(batch(samples=1))) == {"loss"}
    found = made.loss(moving(batch(samples=1)))
    assert_close(found["loss"], found["denoising"] + found["offset"])


def test_drawn_videos_are_used_as_they_are():
    """A motion that is a video of drawn skeletons: its own pictures reach the pose encoder."""
    from lookreel.poses.motions import Motion

    made = track(2)
    own = np.random.default_rng(0).integers(0, 256, (2, 3, *SIZE), dtype=np.uint8)
    pictures = pose_pictures(Motion(made, own, "drawn.mp4", ""), SIZE)
    assert torch.equal(pictures, torch.from_numpy(own))
    assert pose_pictures(Motion(made, None, "track", ""), (64, 48)).shape == (2, 3, 64, 48)


def test_an_untrained_film_has_no_motion_layers_to_speak_of():
    """At initialisation the film of a video is the film of its pictures, one by one."""
    made = system()
    made.model = model().eval()
    whole = made.animate(photos(), track(3), steps=1)
    # The noise of a frame depends on its number, so that frame 0 is the same in a film of one frame.
    first = made.animate(photos(), track(3), steps=1, frames=1)
    assert (whole.frames[:1].int() - first.frames.int()).abs().max() <= 1
