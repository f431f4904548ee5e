"""Places told to a small U-Net: the attention looks near them at the start, whatever the content."""

from dataclasses import replace

import torch
from torch.testing import assert_close

from lookreel.nets.attention import Attention
from lookreel.nets.position import Position, near, waves
from lookreel.nets.unet import UNet
from lookreel.profashion import config


def attention_map(attention: Attention, places: torch.Tensor, pictures: int) -> torch.Tensor:
    """Softmax weights (heads, L, pictures * L) of an attention whose queries and keys carry nothing but places."""
    q = attention._split(attention.place_q(places)[None])[0]
    k = attention._split(attention.place_k(places).repeat(pictures, 1)[None])[0]
    return (q @ k.transpose(1, 2) / q.shape[-1] ** 0.5).softmax(-1)


def test_waves_are_most_alike_at_the_same_place():
    made = waves(16, 12, 5, torch.zeros(1))
    alike = made @ made.T
    assert made.shape == (192, 20)
    assert_close(alike.diagonal(), torch.full((192,), 10.0))
    assert (alike.argmax(1) == torch.arange(192)).all() and alike.fill_diagonal_(0).max() < 9


def test_half_of_the_heads_look_near_and_the_rest_everywhere():
    attention = Attention(96, 96, 4, octaves=5)
    seen = attention_map(attention, waves(16, 12, 5, torch.zeros(1)), 1)
    own = seen.diagonal(dim1=1, dim2=2)
    assert own[:2].min() > 0.3
    assert_close(own[2:], torch.full((2, 192), 1 / 192))


def test_a_prototypes_tokens_stand_at_the_places_of_the_own_ones():
    attention = Attention(48, 48, 1, octaves=5)
    places = waves(4, 6, 5, torch.zeros(1))
    one, two = attention_map(attention, places, 1), attention_map(attention, places, 2)
    assert_close(two[:, :, :24] + two[:, :, 24:], one)
    x, memory = torch.randn(2, 24, 48), torch.randn(2, 24, 48)
    doubled = attention(x, torch.cat([memory, memory], 1), places)
    assert_close(doubled, attention(x, memory, places))
    assert (attention(x, memory, places) - attention(x, memory)).abs().max() > 1e-3


def test_near_has_room_for_a_head_narrower_than_the_waves():
    assert near(4, 32, 5).weight.shape == (32, 20)


def test_sd15_has_no_places_and_the_bundled_one_keeps_its_own(tmp_path):
    small = config.toy().unet
    plain = UNet(replace(small, positions=0))
    assert not [name for name in plain.state_dict() if "place" in name or "position" in name]
    assert "positions" not in plain.config.to_diffusers()
    told = UNet(replace(small, positions=3))
    told.save_pretrained(tmp_path)
    again = UNet.from_pretrained(tmp_path)
    assert again.config == told.config
    x = torch.randn(1, 4, 8, 6), torch.tensor([5]), torch.randn(1, 1, small.cross_attention_dim)
    assert_close(again(*x), told(*x))


def test_position_tells_cells_apart():
    features = Position(3, 8)(5, 4)
    assert features.shape == (1, 8, 5, 4)
    assert torch.cdist(features[0].flatten(1).T, features[0].flatten(1).T).fill_diagonal_(9).min() > 1e-3
