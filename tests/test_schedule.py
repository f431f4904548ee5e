import numpy as np
import pytest
import torch
from torch.testing import assert_close

from lookreel.diffusion.schedule import Schedule, zero_terminal_snr
from lookreel.errors import InputError

T_CHECKED = [0, 249, 499, 749, 899, 998, 999]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("scaled_linear", [0.999150, 0.654189, 0.242359, 0.0331715, 3.033070e-3, 1.968e-7, 0.0]),
        ("linear", [0.999150, 0.555703, 0.142530, 0.0133682, 1.037396e-3, 6.277e-8, 0.0]),
    ],
)
def test_zero_snr_values(kind, values):
    got = Schedule(kind=kind).alphas_cumprod
    assert got.dtype == torch.float64 and got.shape == (1000,)
    # the published values were computed in float32 and rounded; at 998 they keep four digits
    np.testing.assert_allclose(got[T_CHECKED[:-2]], values[:-2], rtol=1e-5)
    np.testing.assert_allclose(got[998], values[-2], rtol=5e-4)
    assert got[999] == 0


@pytest.mark.parametrize(("kind", "last"), [("scaled_linear", 4.660095e-3), ("linear", 1.578963e-3)])
def test_without_zero_snr_some_signal_is_left(kind, last):
    np.testing.assert_allclose(Schedule(kind=kind, zero_snr=False).alphas_cumprod[-1], last, rtol=1e-4)


def test_zero_terminal_snr_is_diffusers_algorithm():
    from diffusers.schedulers.scheduling_ddim import rescale_zero_terminal_snr

    betas = torch.linspace(0.01, 0.2, 20, dtype=torch.float64)
    want = torch.cumprod(1 - rescale_zero_terminal_snr(betas), 0)
    assert_close(zero_terminal_snr(torch.cumprod(1 - betas, 0)), want, rtol=1e-12, atol=1e-15)


def test_clean_data_lies_at_minus_one():
    schedule, x0 = Schedule(), torch.randn(2, 3)
    assert schedule.alpha_bar(-1) == 1.0 and schedule.roots(-1) == (1.0, 0.0)
    assert torch.equal(schedule.add_noise(x0, torch.randn(2, 3), torch.tensor([-1, -1])), x0)


def test_noising_mixes_by_sample():
    schedule, t = Schedule(), torch.tensor([0, 500, 999])
    x0, noise = torch.randn(3, 2, 4, 5), torch.randn(3, 2, 4, 5)
    x, v = schedule.add_noise(x0, noise, t), schedule.velocity(x0, noise, t)
    alpha = schedule.alphas_cumprod[t].sqrt().float().view(3, 1, 1, 1)
    sigma = (1 - schedule.alphas_cumprod[t]).sqrt().float().view(3, 1, 1, 1)
    assert_close(x, alpha * x0 + sigma * noise)
    assert_close(v, alpha * noise - sigma * x0)
    assert torch.equal(x[2], noise[2]) and torch.equal(v[2], -x0[2])


@pytest.mark.parametrize("t", [0, 321, 999, torch.tensor([0, 999]), torch.tensor([17, 640])])
def test_v_gives_back_data_and_noise(t):
    schedule = Schedule()
    x0, noise = torch.randn(2, 2, 3, 4, 5, dtype=torch.float64)
    x, v = schedule.add_noise(x0, noise, t), schedule.velocity(x0, noise, t)
    assert_close(schedule.x0_from_v(x, v, t), x0)
    assert_close(schedule.eps_from_v(x, v, t), noise)


def test_v_from_eps():
    schedule, t = Schedule(zero_snr=False), torch.tensor([3, 999])
    x0, noise = torch.randn(2, 2, 3, dtype=torch.float64)
    x = schedule.add_noise(x0, noise, t)
    assert_close(schedule.v_from_eps(x, noise, t), schedule.velocity(x0, noise, t))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_the_type_of_x_is_kept(dtype):
    schedule, x = Schedule(), torch.ones(2, 3, dtype=dtype)
    for t in (5, torch.tensor([5, 999])):
        assert schedule.add_noise(x, x, t).dtype == schedule.velocity(x, x, t).dtype == dtype
    # in half precision 1 - alpha_bar would round to 0 here
    sigma = schedule.add_noise(torch.zeros_like(x), x, torch.tensor([0, 0]))
    assert_close(sigma.double(), torch.full((2, 3), 0.00085**0.5, dtype=torch.float64), rtol=5e-3, atol=0)


@pytest.mark.parametrize("t", [5, torch.tensor([5, 999])])
def test_the_device_of_x_is_kept(t):
    x = torch.ones(2, 3, device="meta")
    schedule = Schedule()
    assert schedule.add_noise(x, x, t).is_meta and schedule.x0_from_v(x, x, t).is_meta


def test_snr():
    snr = Schedule().snr(torch.tensor([0, 999]))
    assert_close(snr, torch.tensor([0.99915 / 0.00085, 0.0], dtype=torch.float64))


def test_a_table_built_in_inference_mode_serves_training():
    schedule, weight = Schedule(), torch.ones(2, 3, dtype=torch.float64, requires_grad=True)
    t = torch.tensor([5, 6])
    with torch.inference_mode():
        schedule.add_noise(torch.ones(2, 3), torch.ones(2, 3), t)
    (schedule.add_noise(weight, torch.ones(2, 3), t).sum() * schedule.snr(t).sum()).backward()
    assert weight.grad is not None


def test_trailing_timesteps():
    schedule = Schedule()
    assert schedule.trailing_timesteps(1) == [999]
    assert schedule.trailing_timesteps(20) == list(range(999, 0, -50))
    got = schedule.trailing_timesteps(35)
    assert got[:5] == [999, 970, 942, 913, 885] and got[-3:] == [85, 56, 28]
    assert schedule.trailing_timesteps(1000) == list(range(999, -1, -1))


def test_trailing_timesteps_are_diffusers():
    from diffusers import DDIMScheduler

    reference = DDIMScheduler(timestep_spacing="trailing")
    # 48, 80 and 96 meet a timestep halfway between two integers, which diffusers misses by a rounding error;
    # for the same reason it appends a timestep of -1 for 61 and others
    for steps in {*range(1, 101)} - {48, 80, 96}:
        reference.set_timesteps(steps)
        assert Schedule().trailing_timesteps(steps) == reference.timesteps.tolist()[:steps], steps


@pytest.mark.parametrize("steps", [0, -1, 1001])
def test_impossible_step_counts(steps):
    with pytest.raises(InputError, match=f"steps: found {steps}; expected .* 1 to 1000"):
        Schedule().trailing_timesteps(steps)
