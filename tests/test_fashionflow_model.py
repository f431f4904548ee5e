"""FashionFlow's losses and conditions: what is known is not to be predicted, and what is given is read."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from fashionflow_toys import CONFIG, FRAMES, GRID, batch, conditions, system, without_interpolation
from lookreel.errors import InputError
from lookreel.fashionflow.conditions import between_frames, from_photo, hold, small
from lookreel.fashionflow.model import ClipStage


class Fixed(nn.Module):
    """A network that predicts what it is told, and keeps what it is asked."""

    def __init__(self, made) -> None:
        super().__init__()
        self.made = made

    def forward(self, x, t, context):
        self.asked = x
        return self.made.transpose(1, 2)


def staged(made, prediction="eps", **changes):
    """A loss whose network predicts `made`."""
    changes = {"prediction": prediction, "zero_snr": False, "beta_schedule": "cosine_ramp"} | changes
    stage = ClipStage(without_interpolation(**changes).model)
    stage.model.net = Fixed(made)
    return stage


@pytest.mark.parametrize("prediction", ["eps", "v"])
def test_frame_0_has_no_noise_to_predict(prediction):
    given = batch()
    stage = staged(torch.zeros(()), prediction)
    schedule = stage.model.schedule
    target = given.noise if prediction == "eps" else schedule.velocity(given.latents, given.noise, given.t)
    right = target.clone()
    right[:, 0] = 0
    stage.model.net.made = right
    assert stage(given)["loss"] == 0
    stage.model.net.made = target
    wrong = stage(given)
    assert_close(wrong["loss"], target[:, 0].square().mean() / FRAMES)  # counted, as one frame of the mean
    assert wrong["unknown"] == 0


def test_the_loss_is_a_mean_over_frames():
    given, stage = batch(), staged(torch.zeros(2, FRAMES, 4, *GRID))
    frames = [given.noise[:, f].square().mean() for f in range(1, FRAMES)]
    assert_close(stage(given)["loss"], sum(frames) / FRAMES)
    assert_close(stage(given)["unknown"], sum(frames) / (FRAMES - 1))


def test_the_network_sees_the_photo_clean_and_the_rest_noisy():
    given, stage = batch(), staged(torch.zeros(2, FRAMES, 4, *GRID))
    stage(given)
    seen = stage.model.net.asked.transpose(1, 2)[:, :, :4]
    assert torch.equal(seen[:, 0], given.latents[:, 0])
    noisy = stage.model.schedule.add_noise(given.latents, given.noise, given.t)
    assert_close(seen[:, 1:], noisy[:, 1:])


def test_without_local_conditioning_frame_0_is_noisy_too():
    given, stage = batch(local=False), staged(torch.zeros(2, FRAMES, 4, *GRID))
    assert_close(stage(given)["loss"], given.noise.square().mean())
    assert not torch.equal(stage.model.net.asked[:, :4, 0], given.latents[:, 0])


def test_without_global_conditioning_the_photo_does_not_reach_cross_attention():
    given = conditions()
    for global_, same in ((True, False), (False, True)):
        model = without_interpolation(global_=global_).model
        other = replace(given, tokens=given.tokens + 1)
        assert torch.equal(model.context(given), model.context(other)) == same


def test_frames_between_frames():
    tokens, photo, colors = torch.zeros(1, 5, 16), torch.zeros(1, 4, *GRID), torch.rand(1, 6, 3, *GRID)
    made = between_frames(tokens, photo, colors)
    assert made.known.tolist() == [[True, False, True, False, True, False]]
    assert made.beside.shape == (1, 6, 4, *GRID)
    assert torch.equal(made.beside[:, ::2, :3], colors[:, ::2]) and not made.beside[:, 1::2, :3].any()
    assert (made.beside[:, 1::2, 3] == 1).all() and (made.beside[:, ::2, 3] == 0).all()
    other = colors.clone()
    other[:, 1::2] = 9  # masked colours are not read
    assert torch.equal(between_frames(tokens, photo, other).beside, made.beside)


def test_interpolation_is_trained_on_the_masked_frames():
    given, made = batch(doubling=True), system()
    stage = ClipStage(made.interpolation)
    stage.model.net = Fixed(torch.zeros(2, FRAMES, 4, *GRID))
    loss = stage(given)
    target = stage.model.schedule.velocity(given.latents, given.noise, given.t)
    assert_close(loss["unknown"], target[:, 1::2].square().mean())
    assert_close(loss["loss"], loss["unknown"] / 2)
    seen = stage.model.net.asked.transpose(1, 2)
    assert torch.equal(seen[:, ::2, :4], given.latents[:, ::2]) and seen.shape[2] == 8


def test_hold_and_small():
    x, latents = torch.zeros(1, 3, 4, 2, 2), torch.ones(1, 3, 4, 2, 2)
    held = hold(x, latents, torch.tensor([[True, False, True]]))
    assert held.mean((0, 2, 3, 4)).tolist() == [1, 0, 1]
    pixels = torch.arange(16.0).view(1, 1, 4, 4)
    assert_close(small(pixels, (2, 2)), torch.tensor([[[[2.5, 4.5], [10.5, 12.5]]]]))


def test_every_frame_may_read_the_photo():
    given = from_photo(torch.zeros(2, 5, 16), torch.randn(2, 4, *GRID), 4, True, True)
    assert all(torch.equal(given.beside[:, f], given.photo) for f in range(4))
    assert from_photo(given.tokens, given.photo, 4, True, False).beside is None
    part = given.part(range(2, 4))
    assert part.known.tolist() == [[False, False]] * 2 and part.beside.shape[1] == 2


def test_losses_reach_every_parameter():
    made = system()
    for given, network in ((batch(), made.model), (batch(doubling=True), made.interpolation)):
        nn.init.normal_(network.adapter.linear1.weight)  # it begins without the VAE's tokens
        made.loss(given)["loss"].backward()
        silent = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
        # A bias that all keys share, as the position bias's last one, changes no softmax.
        assert not [name for name in silent if not name.endswith("rel_pos_bias.net.2.bias")], silent


def test_a_model_without_interpolation_has_no_loss_for_it():
    with pytest.raises(InputError, match="interpolation network"):
        without_interpolation().loss(batch(doubling=True))
    assert CONFIG.stride == 2 and replace(CONFIG, interpolation=None).stride == 1
