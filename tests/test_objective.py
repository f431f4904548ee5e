import pytest
import torch
from torch.testing import assert_close

from lookreel.diffusion.objective import eps_loss, offset_noise, sample_timesteps, v_loss
from lookreel.diffusion.schedule import Schedule


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def pair():
    return torch.randn(2, 3, 2, 4, 5, 6, generator=generator())


T = torch.tensor([0, 500, 999])


@pytest.mark.parametrize("loss", [v_loss, eps_loss])
def test_plain_loss_is_mse(pair, loss):
    pred, target = pair
    assert_close(loss(pred, target, T, Schedule()), torch.nn.functional.mse_loss(pred, target))


def sample_errors(pair):
    return (pair[0] - pair[1]).square().flatten(1).mean(1)


def test_min_snr_of_v(pair):
    alpha_bar = Schedule().alphas_cumprod[T]
    plus_one = alpha_bar / (1 - alpha_bar) + 1
    factor = (plus_one.clamp(max=5) / plus_one).float()
    assert factor[0] < 0.01 and factor[2] == 1  # nearly clean pictures count little, pure noise fully
    assert_close(v_loss(*pair, T, Schedule(), min_snr=5.0), (sample_errors(pair) * factor).mean())


def test_min_snr_of_eps(pair):
    schedule = Schedule(zero_snr=False)
    snr = schedule.snr(T)
    want = (sample_errors(pair) * (snr.clamp(max=5) / snr).float()).mean()
    assert_close(eps_loss(*pair, T, schedule, min_snr=5.0), want)


def test_weights_act_on_samples(pair):
    weights = torch.tensor([0.0, 2.0, 1.0])
    want = (sample_errors(pair) * weights).mean()
    assert_close(v_loss(*pair, T, Schedule(), weights=weights), want)


def test_loss_of_half_precision_is_float32_and_carries_gradients(pair):
    pred = pair[0].to(torch.bfloat16).requires_grad_()
    loss = v_loss(pred, pair[1], T, Schedule(), min_snr=5.0)
    loss.backward()
    assert loss.dtype == torch.float32 and pred.grad is not None and pred.grad.abs().sum() > 0


def test_the_perfect_network_has_no_loss():
    schedule, (x0, noise) = Schedule(), torch.randn(2, 3, 4, 5, 6, generator=generator(1))
    target = schedule.velocity(x0, noise, T)
    assert v_loss(target, target, T, schedule) == 0


def test_offset_is_shared_over_frames_and_cells():
    noise = torch.randn(3, 5, 4, 8, 6, generator=generator())
    offset = offset_noise(noise, 0.05, generator(1)) - noise  # (B, F, C, h, w)
    assert_close(offset, offset[:, :1, :, :1, :1].expand_as(offset), rtol=0, atol=1e-6)
    assert offset[:, 0, :, 0, 0].unique().numel() == 12


def test_offset_strength_and_pictures():
    noise = torch.zeros(2000, 4, 2, 2)
    assert offset_noise(noise, 0.05, generator())[:, :, 0, 0].std().item() == pytest.approx(0.05, rel=0.05)
    assert offset_noise(noise, 0.0, generator()) is noise


def test_timesteps_are_uniform_and_repeatable():
    t = sample_timesteps(generator(3), 50_000)
    assert t.dtype == torch.int64 and t.shape == (50_000,) and t.min() == 0 and t.max() == 999
    assert torch.equal(t, sample_timesteps(generator(3), 50_000))
    tenths = torch.bincount(t // 100, minlength=10) / 50_000
    assert_close(tenths, torch.full((10,), 0.1), rtol=0, atol=0.01)


def test_power_draws_noisier_timesteps():
    t = sample_timesteps(generator(3), 50_000, power=2.0)
    tenths = torch.bincount(t // 100, minlength=10) / 50_000
    assert t.max() <= 999
    assert_close(tenths, torch.arange(1, 20, 2) / 100, rtol=0, atol=0.01)  # ((k+1)^2 - k^2) / 100
