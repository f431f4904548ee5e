import math

import pytest
import torch
from torch.testing import assert_close

from lookreel.diffusion.sampler import ddim, initial_noise, multistep
from lookreel.diffusion.schedule import Schedule

SAMPLERS = [ddim, multistep]


def network(x, t):
    """Some smooth function of x and t in place of a network."""
    return torch.sin(2 * x) + 0.3 * x * (t / 1000) - 0.1


def start(seed=0, dtype=torch.float32):
    return torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def diffusers_run(scheduler, steps):
    scheduler.set_timesteps(steps)
    x = start()
    for t in scheduler.timesteps:
        x = scheduler.step(network(x, int(t)), t, x).prev_sample
    return x


def reference_ddim(kind="scaled_linear"):
    from diffusers import DDIMScheduler

    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule=kind,
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        set_alpha_to_one=True,
        clip_sample=False,
        steps_offset=1,
    )


# diffusers keeps alpha_bar in float32, where its smallest values are right to three digits only
CLOSE = {"rtol": 1e-4, "atol": 1e-4}


@pytest.mark.parametrize("steps", [1, 2, 4, 5, 8, 10, 20, 25, 40, 50, 100])
def test_ddim_is_diffusers_where_steps_divide_a_thousand(steps):
    assert_close(ddim(network, start(), Schedule(), steps), diffusers_run(reference_ddim(), steps), **CLOSE)


@pytest.mark.parametrize("steps", [15, 20, 30, 35])
@pytest.mark.parametrize("kind", ["linear", "scaled_linear"])
def test_integer_step_is_diffusers_for_every_step_count(kind, steps):
    got = ddim(network, start(), Schedule(kind=kind), steps, integer_step=True)
    assert_close(got, diffusers_run(reference_ddim(kind), steps), **CLOSE)


def test_integer_step_is_another_road_for_35_steps():
    exact, integer = (ddim(network, start(), Schedule(), 35, integer_step=flag) for flag in (False, True))
    assert (exact - integer).abs().max() > 1e-3


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("steps", [5, 14, 15, 20, 35])
@pytest.mark.parametrize("kind", ["linear", "scaled_linear"])
def test_multistep_is_diffusers_without_zero_snr(kind, steps):
    from diffusers import DPMSolverMultistepScheduler

    reference = DPMSolverMultistepScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule=kind,
        prediction_type="v_prediction",
        timestep_spacing="trailing",
        final_sigmas_type="zero",
    )
    got = multistep(network, start(), Schedule(kind=kind, zero_snr=False), steps)
    assert_close(got, diffusers_run(reference, steps), **CLOSE)


def constant_pair(schedule, x0, eps):
    """The network that knows x0 and eps: any exact deterministic step stays on the line between them."""

    def predict(x, t):
        assert_close(x, schedule.add_noise(x0, eps, t), rtol=1e-9, atol=1e-9)
        return schedule.velocity(x0, eps, t)

    return predict


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("steps", [1, 2, 3, 7, 15, 20, 35, 1000])
def test_steps_to_the_exact_next_timestep_and_ends_clean(sampler, steps):
    schedule, x0, eps = Schedule(), start(1, torch.float64), start(2, torch.float64)
    asked, seen = [], []

    def predict(x, t):
        asked.append(t)
        return constant_pair(schedule, x0, eps)(x, t)

    got = sampler(predict, eps, schedule, steps, lambda i, n, x, x0: seen.append((i, n)))
    assert asked == schedule.trailing_timesteps(steps)
    assert seen == [(i, steps) for i in range(1, steps + 1)]
    assert_close(got, x0, rtol=1e-9, atol=1e-9)


def test_the_second_step_after_zero_snr_is_of_second_order():
    # x / sigma grows by the integral of x0 over u = alpha / sigma: exact for an x0 that is linear in u
    schedule, states = Schedule(), []

    def ratio(t):
        alpha, sigma = schedule.roots(t)
        return alpha / sigma

    def predict(x, t):
        alpha, sigma = schedule.roots(t)
        return (alpha * x - (0.4 + 0.7 * ratio(t))) / sigma

    multistep(predict, start(4, torch.float64), schedule, 10, lambda i, n, x, x0: states.append(x))
    u_1, u_2 = ratio(899), ratio(799)
    growth = states[1] / schedule.roots(799)[1] - states[0] / schedule.roots(899)[1]
    assert_close(growth, torch.full_like(growth, 0.4 * (u_2 - u_1) + 0.35 * (u_2**2 - u_1**2)))


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_last_step_returns_its_x0(sampler):
    seen = []
    got = sampler(network, start(), Schedule(), 35, lambda i, n, x, x0: seen.append((x, x0)))
    assert torch.equal(got, seen[-1][0]) and torch.equal(got, seen[-1][1])


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_half_precision_network_leaves_the_state_in_float32(sampler):
    def half(x, t):
        assert x.dtype == torch.float32
        return network(x, t).to(torch.bfloat16)

    got = sampler(half, start(), Schedule(), 10)
    assert got.dtype == torch.float32 and got.isfinite().all()


class Gaussian:
    """Data N(mean, std^2): the best denoiser and the sampling path are known in closed form."""

    def __init__(self, mean, std, schedule=None):
        self.mean, self.std, self.schedule = mean, std, schedule or Schedule()

    def __call__(self, x, t):
        alpha, sigma = self.schedule.roots(t)
        score = (x - alpha * self.mean) / (alpha**2 * self.std**2 + sigma**2)
        return alpha * sigma * score - sigma * (self.mean + alpha * self.std**2 * score)

    def path(self, noise, t):
        alpha, sigma = self.schedule.roots(t)
        return alpha * self.mean + math.sqrt(alpha**2 * self.std**2 + sigma**2) * noise

    def error(self, sampler, steps):
        noise = start(3, torch.float64)
        return (sampler(self, noise, self.schedule, steps) - self.path(noise, -1)).abs().mean().item()

    def error_at_99(self, sampler, steps):
        """Error at t = 99, a node of every step count that 10 divides and that divides 1000."""
        states, noise = [], start(3, torch.float64)
        sampler(self, noise, self.schedule, steps, lambda i, n, x, x0: states.append(x))
        return (states[steps * 9 // 10 - 1] - self.path(noise, 99)).abs().mean().item()


def orders(errors):
    return [math.log2(coarse / fine) for coarse, fine in zip(errors, errors[1:], strict=False)]


@pytest.mark.parametrize(("sampler", "order"), [(ddim, 1), (multistep, 2)])
def test_order_of_convergence(sampler, order):
    errors = [Gaussian(0.2, 0.3).error_at_99(sampler, steps) for steps in (50, 100, 200)]
    assert orders(errors) == pytest.approx([order] * 2, abs=0.15)


@pytest.mark.parametrize("std", [0.3, 1.0, 2.0])
def test_multistep_is_far_closer_on_the_way(std):
    data = Gaussian(0.2, std)
    assert data.error_at_99(multistep, 20) < 0.15 * data.error_at_99(ddim, 20)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_whole_road_converges(sampler):
    # of first order for both, since the last step is
    errors = [Gaussian(0.0, 1.0).error(sampler, steps) for steps in (10, 20, 40, 80)]
    assert all(order > 0.8 for order in orders(errors))


@pytest.mark.parametrize(("std", "ratio"), [(0.3, 0.95), (0.5, 0.75), (1.0, 0.4), (2.0, 0.2)])
def test_multistep_beats_ddim_at_fifteen_steps(std, ratio):
    data = Gaussian(0.2, std)
    assert data.error(multistep, 15) < ratio * data.error(ddim, 15)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_an_eps_network_is_driven_through_v(sampler):
    schedule = Schedule(zero_snr=False)
    data = Gaussian(0.2, 1.0, schedule)

    def predict(x, t):
        eps = schedule.eps_from_v(x, data(x, t), t)
        return schedule.v_from_eps(x, eps, t)

    noise = start(3, torch.float64)
    assert_close(sampler(predict, noise, schedule, 10), sampler(data, noise, schedule, 10))


def test_initial_noise_agrees_between_lengths_and_differs_between_frames_and_seeds():
    short, long = initial_noise((3, 4, 8, 6), seed=7), initial_noise((50, 4, 8, 6), seed=7)
    assert short.shape == (3, 4, 8, 6) and short.dtype == torch.float32
    assert torch.equal(long[:3], short)
    assert torch.equal(initial_noise((3, 4, 8, 6), seed=7), short)
    firsts = torch.stack([long[:, 0, 0, 0], initial_noise((50, 4, 8, 6), seed=8)[:, 0, 0, 0]]).flatten()
    assert firsts.unique().numel() == 100
    assert abs(long.mean()) < 0.05 and abs(long.std() - 1) < 0.05


def test_less_noise_is_the_same_noise_but_smaller():
    assert_close(initial_noise((3, 4, 8, 6), seed=7, scale=0.5), 0.5 * initial_noise((3, 4, 8, 6), seed=7))


def test_initial_noise_leaves_global_randomness_alone():
    state = torch.get_rng_state()
    initial_noise((2, 4, 8, 6), seed=7)
    assert torch.equal(torch.get_rng_state(), state)
