"""The named schedules against independent formulas, ancestral sampling, and samplers that hold what is known."""

import math

import pytest
import torch
from torch.testing import assert_close

from lookreel.diffusion.sampler import ddim, ddpm, multistep
from lookreel.diffusion.schedule import Schedule
from lookreel.fashionflow.config import mini, paper
from lookreel.fashionflow.model import schedule_of

RAMP = Schedule(beta_start=1e-4, beta_end=0.02, kind="cosine_ramp", zero_snr=False)


def test_the_published_ramp():
    """The code counts down from 999: beta = 1e-4 + (0.02 - 1e-4) (1 + cos(pi i / 999)) / 2."""
    betas = [1e-4 + 0.5 * (0.02 - 1e-4) * (1 + math.cos(math.pi * i / 999)) for i in range(999, -1, -1)]
    assert_close(RAMP.betas(), torch.tensor(betas, dtype=torch.float64))
    published = {0: 0.9999, 99: 0.9743, 249: 0.7617, 499: 0.1554, 749: 0.004857, 999: 4.002e-5}
    for t, value in published.items():
        assert RAMP.alpha_bar(t) == pytest.approx(value, rel=1e-3)
    assert schedule_of(paper()) == RAMP


def test_the_cosine_of_nichol_and_dhariwal():
    schedule = Schedule(kind="cosine", zero_snr=False)

    def f(t: int) -> float:
        return math.cos((t / 1000 + 0.008) / 1.008 * math.pi / 2) ** 2

    for t in (0, 10, 400, 900, 990):  # clipping of beta at 0.999 reaches only the last timestep
        assert schedule.alpha_bar(t) == pytest.approx(f(t + 1) / f(0), rel=1e-9)
    assert schedule.betas().max() == 0.999 and schedule.alpha_bar(999) > 0


def test_the_ramp_is_not_the_cosine():
    assert abs(RAMP.alpha_bar(499) - Schedule(kind="cosine", zero_snr=False).alpha_bar(499)) > 0.3
    assert schedule_of(mini()).alpha_bar(999) == 0


def test_ddpm_is_the_published_step():
    """mean = (x - beta eps / sqrt(1 - abar)) / sqrt(1 - beta), noise of the posterior's variance but at t = 0."""
    x0 = torch.randn(2, 3, generator=torch.Generator().manual_seed(1))
    eps_net = lambda x, t: torch.tanh(x) * 0.5  # noqa: E731
    found = ddpm(lambda x, t: RAMP.v_from_eps(x, eps_net(x, t), t), x0.double(), RAMP, 1000, seed=5)
    generator, betas, x = torch.Generator().manual_seed(5), RAMP.betas(), x0.double()
    bars = torch.cumprod(1 - betas, 0)
    for t in range(999, -1, -1):
        mean = (x - betas[t] * eps_net(x, t) / (1 - bars[t]).sqrt()) / (1 - betas[t]).sqrt()
        if t:
            variance = betas[t] * (1 - bars[t - 1]) / (1 - bars[t])
            mean = mean + variance.sqrt() * torch.randn(x.shape, generator=generator)
        x = mean
    assert_close(found, x, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("steps", [50, 300])
def test_ddpm_with_fewer_steps_keeps_the_distribution(steps):
    """Data N(0, 0.25): the exact prediction is known, and so is what comes out."""
    schedule, deviation = Schedule(), 0.5

    def predict(x, t):
        alpha, sigma = schedule.roots(t)
        share = alpha * deviation**2 / (alpha**2 * deviation**2 + sigma**2)
        x0 = share * x
        return alpha * (x - alpha * x0) / sigma - sigma * x0

    noise = torch.randn(4000, generator=torch.Generator().manual_seed(2))
    assert ddpm(predict, noise, schedule, steps, seed=3).std() == pytest.approx(deviation, rel=0.15)
    assert torch.equal(ddpm(predict, noise, schedule, 2, seed=3), ddpm(predict, noise, schedule, 2, seed=3))
    assert not torch.equal(ddpm(predict, noise, schedule, 2, seed=3), ddpm(predict, noise, schedule, 2, seed=4))


@pytest.mark.parametrize("sampler", [ddpm, ddim, multistep])
def test_what_is_known_is_held_before_and_after_every_step(sampler):
    known = torch.tensor([3.0, -2.0])
    asked, after = [], []

    def hold(x):
        return torch.cat([known, x[2:]])

    def predict(x, t):
        asked.append(x[:2].clone())
        return torch.ones_like(x)

    made = sampler(predict, torch.zeros(4), Schedule(), 3, lambda i, n, x, x0: after.append(x[:2]), hold=hold)
    assert len(asked) == len(after) == 3
    for seen in (*asked, *after, made[:2]):
        assert torch.equal(seen, known)
