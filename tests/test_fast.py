"""Presets that do less: what they ask of the network, that each part alone is what it says, and that all work."""

from collections import Counter

import pytest
import torch
from torch.testing import assert_close

from lookreel.diffusion.denoise import denoise
from lookreel.diffusion.pace import PRESETS, Pace, Work, pace, work
from lookreel.diffusion.schedule import Schedule
from lookreel.diffusion.windows import windows
from lookreel.errors import InputError
from lookreel.profashion.config import mini, sd15
from toys import awake, model, photos, system, track

SCHEDULE = Schedule()


def asked(steps: int, guidance: float, frames: int = 16, **changes) -> list[tuple]:
    """What `denoise` asks: (t, first frame of the window, told, whether in full)."""
    calls = []

    def half(z, t, window, told, deep):
        calls.append((t, window.start, told, deep is None))
        return z * 0.1, torch.zeros(1)

    noise = torch.randn(frames, 4, 2, 2)
    denoise(
        half, noise, SCHEDULE, sampler="multistep", steps=steps, guidance=guidance,
        spans=windows(frames, 16, 4), pace=Pace(**changes),
    )  # fmt: skip
    return calls


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("guidance", [1.0, 2.5])
def test_work_is_what_is_asked(name, guidance):
    given = pace(name)
    calls = asked(10, guidance, guided=given.guided, reuse=given.reuse)
    count = Counter(full for *_, full in calls)
    assert work(given, SCHEDULE, 10, guidance) == Work(count[True], count[False])


def test_the_exact_preset_does_everything():
    assert work(pace("exact"), SCHEDULE, 15, 2.5) == Work(30, 0)
    assert work(pace("exact"), SCHEDULE, 15, 1.0) == Work(15, 0)
    assert pace("exact").steps_of(35) == 35 and pace("exact").sampler is None


@pytest.mark.parametrize("config", [mini(), sd15()], ids=["mini", "sd15"])
def test_the_fast_preset_asks_a_third(config):
    """Counted as evaluations of any kind, the shallow ones among them."""
    fast = pace("fast")
    made = work(fast, SCHEDULE, fast.steps_of(config.steps), config.guidance)
    everything = work(pace("exact"), SCHEDULE, config.steps, config.guidance)
    assert 3 * (made.full + made.shallow) <= everything.full


def test_guidance_in_an_interval():
    both = Counter(t for t, *_ in asked(10, 2.0, guided=(0.3, 0.7)))
    assert {t: count for t, count in both.items() if count == 2} == {699: 2, 599: 2, 499: 2, 399: 2, 299: 2}


def test_reuse_is_by_window_and_half():
    calls = asked(4, 2.0, frames=20, reuse=2)
    assert len(calls) == 4 * 2 * 2
    assert {full for t, _, _, full in calls if t in (999, 499)} == {True}
    assert {full for t, _, _, full in calls if t in (749, 249)} == {False}


def test_a_half_that_was_not_asked_before_is_computed_in_full():
    calls = asked(4, 2.0, guided=(0.7, 0.8), reuse=2)
    found = [(t, told, full) for t, _, told, full in calls]
    assert found[:3] == [(999, True, True), (749, True, False), (749, False, True)]


@torch.no_grad()
@pytest.mark.parametrize("shallow", [1, 2])
def test_deep_features_of_the_same_step_give_the_same_prediction(shallow):
    net = awake(model()).denoiser.eval()
    z, t, pose = torch.randn(3, 4, 8, 6), torch.full((3,), 500), torch.randn(3, 16, 8, 6)
    context = net.unet.settle(torch.randn(1, 1, 8))
    whole, deep = net.step(z, t, context, {}, pose, 3, shallow=shallow)
    again, same = net.step(z, t, context, {}, pose, 3, deep, shallow)
    assert_close(again, whole) and same is deep
    other, _ = net.step(z + 1, t - 300, context, {}, pose, 3, deep, shallow)
    assert (other - net.step(z + 1, t - 300, context, {}, pose, 3)[0]).abs().max() > 1e-4


@torch.no_grad()
def test_a_shallow_evaluation_leaves_the_middle_out():
    net = awake(model()).denoiser.eval()
    seen = []
    for name, module in net.unet.named_modules():
        if name.count(".") == 2 and ".resnets." in name or name == "mid_block":
            module.register_forward_hook(lambda *_, name=name: seen.append(name))
    z, t, pose = torch.randn(2, 4, 8, 6), torch.full((2,), 500), torch.randn(2, 16, 8, 6)
    context = net.unet.settle(torch.randn(1, 1, 8))
    _, deep = net.step(z, t, context, {}, pose, 2, shallow=1)
    seen.clear()
    net.step(z, t, context, {}, pose, 2, deep, 1)
    assert seen == []  # the only site is up_blocks.2.resnets.1, four names deep


@pytest.mark.parametrize("name", [name for name in PRESETS if name != "exact"])
def test_a_film_at_every_preset(name):
    made = system()
    film = made.animate(photos(), track(3), preset=name, seed=1)
    assert film.report["preset"] == name and film.report["steps"] == pace(name).steps_of(made.config.steps)
    assert film.report["evaluations"] == vars(work(pace(name), made.model.schedule, film.report["steps"], 2.5))
    assert torch.equal(film.frames, made.animate(photos(), track(3), preset=name, seed=1).frames)


def test_steps_given_count_more_than_the_presets():
    assert system().animate(photos(), track(2), preset="fast", steps=5).report["steps"] == 5


def test_an_unknown_preset_is_refused():
    with pytest.raises(InputError, match="preset 'quick': unknown; expected one of exact, "):
        system().animate(photos(), track(2), preset="quick")
