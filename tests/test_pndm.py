"""PNDM against diffusers' own."""

import pytest
import torch
from torch.testing import assert_close

from lookreel.diffusion.guidance import dual, dual_weights
from lookreel.diffusion.pndm import pndm
from lookreel.diffusion.sampler import ddim
from lookreel.diffusion.schedule import Schedule
from lookreel.errors import InputError

SCHEDULE = Schedule(zero_snr=False)


def start(dtype=torch.float32):
    return torch.randn(2, 4, 3, 5, generator=torch.Generator().manual_seed(0), dtype=dtype)


def eps_of(x, t):
    """Some smooth function of x and t in place of a network."""
    return torch.sin(2 * x) + 0.3 * x * (t / 1000) - 0.1


def as_v(network, schedule=SCHEDULE):
    return lambda x, t: schedule.v_from_eps(x, network(x, t), t)


def reference(steps, kind="scaled_linear"):
    from diffusers import PNDMScheduler

    scheduler = PNDMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule=kind, skip_prk_steps=True, steps_offset=1,
        set_alpha_to_one=False,
    )  # fmt: skip
    scheduler.set_timesteps(steps)
    asked, x = [], start()
    for t in scheduler.timesteps:
        asked.append(int(t))
        x = scheduler.step(eps_of(x, int(t)), t, x).prev_sample
    return x, asked


@pytest.mark.parametrize("steps", [2, 3, 4, 5, 10, 20, 30, 35, 50, 100])
@pytest.mark.parametrize("kind", ["scaled_linear", "linear"])
def test_it_is_diffusers(steps, kind):
    asked, schedule = [], Schedule(kind=kind, zero_snr=False)

    def predict(x, t):
        asked.append(t)
        return as_v(eps_of, schedule)(x, t)

    got = pndm(predict, start(), schedule, steps)
    wanted, asked_there = reference(steps, kind)
    assert asked == asked_there and len(asked) == steps + 1
    assert_close(got, wanted, rtol=1e-4, atol=1e-4)


def test_the_steps_are_told():
    told = []
    got = pndm(as_v(eps_of), start(), SCHEDULE, 7, lambda i, n, x, x0: told.append((i, n, x, x0)))
    assert [(i, n) for i, n, *_ in told] == [(i, 7) for i in range(1, 8)]
    assert torch.equal(told[-1][2], got) and all(x0.shape == got.shape for *_, x0 in told)


def test_it_follows_the_line_between_data_and_noise():
    data, noise = start(torch.float64), torch.randn(2, 4, 3, 5, dtype=torch.float64)
    times = SCHEDULE.leading_timesteps(10)
    x = SCHEDULE.add_noise(data, noise, times[0])
    got = pndm(lambda x, t: SCHEDULE.velocity(data, noise, t), x, SCHEDULE, 10)
    assert_close(got, SCHEDULE.add_noise(data, noise, 0), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("zero_snr", [False, True])
def test_it_is_of_higher_order_than_ddim(zero_snr):
    """Data N(0.2, 0.5^2), of which the best prediction and the path are known in closed form."""
    schedule = Schedule(zero_snr=zero_snr)

    def predict(x, t):
        alpha, sigma = schedule.roots(t)
        score = (x - alpha * 0.2) / (alpha**2 * 0.25 + sigma**2)
        return alpha * sigma * score - sigma * (0.2 + alpha * 0.25 * score)

    def path(noise, t):
        alpha, sigma = schedule.roots(t)
        return alpha * 0.2 + (alpha**2 * 0.25 + sigma**2) ** 0.5 * noise

    noise = start(torch.float64)

    def error(sampler, first, last):
        return (sampler(predict, path(noise, first), schedule, 50) - path(noise, last)).abs().mean()

    assert error(pndm, schedule.leading_timesteps(50)[0], 0) < 0.1 * error(ddim, 999, -1)


def test_a_beginning_without_signal_is_refused():
    with pytest.raises(InputError, match="steps: found 500; PNDM would begin at timestep 999"):
        pndm(as_v(eps_of), start(), Schedule(zero_snr=True), 500)


@pytest.mark.parametrize("steps", [0, 1, 1001])
def test_numbers_of_steps_that_it_cannot_take(steps):
    with pytest.raises(InputError, match=f"steps: found {steps}"):
        pndm(as_v(eps_of), start(), SCHEDULE, steps)


def test_a_thousand_steps_stay_on_the_schedule():
    asked = []

    def predict(x, t):
        asked.append(t)
        return torch.zeros_like(x)

    pndm(predict, start(), SCHEDULE, 1000)
    assert len(asked) == 1001 and 0 <= min(asked) and max(asked) == 999


@pytest.mark.parametrize(
    ("scales", "asked"),
    [((1, 1), (False, False, True)), ((1, 0), (False, True, False)), ((0, 0), (True, False, False)),
     ((3, 3), (True, False, True)), ((1, 2), (False, True, True)), ((8, 3), (True, True, True))],
)  # fmt: skip
def test_weights_of_dual_guidance(scales, asked):
    weights = dual_weights(*scales)
    assert tuple(bool(weight) for weight in weights) == asked and sum(weights) == 1
    e = torch.randn(3, 2, 4, dtype=torch.float64)
    assert_close(sum(w * part for w, part in zip(weights, e, strict=True)), dual(*e, *scales))
