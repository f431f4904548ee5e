"""Reading drawn poses: limbs told apart by colour, features that start as the paper's do."""

import numpy as np
import pytest
import torch
from diffusers.models.controlnets.controlnet import ControlNetConditioningEmbedding
from torch.testing import assert_close

from lookreel.nets.limb_split import LimbSplit
from lookreel.nets.pose_config import PoseConfig
from lookreel.nets.pose_guider import PoseGuider
from lookreel.poses.draw import draw, drawn
from lookreel.poses.skeleton import COLORS
from lookreel.profashion.config import SelectorConfig, sd15
from lookreel.profashion.pose_encoder import PoseFeatures
from toys import SIZE, batch, model, track

PALETTE = torch.tensor(COLORS, dtype=torch.float32) / 255


@pytest.mark.parametrize("brightness", [1.0, 0.6])
def test_each_colour_lights_its_own_map_most(brightness):
    maps = LimbSplit()((PALETTE * brightness)[:, :, None, None])[:, :, 0, 0]  # (colour, map)
    assert_close(maps.diagonal(), torch.ones(18), rtol=0, atol=1e-4)
    assert (maps - torch.eye(18)).max() < 0.05


def test_black_and_codec_noise_light_none():
    noise = torch.rand(2, 3, 16, 12, generator=torch.Generator().manual_seed(0)) * 20 / 255
    assert not LimbSplit()(torch.zeros(1, 3, 4, 4)).any()
    assert not LimbSplit()(noise).any()


def test_a_colour_survives_codec_noise():
    noise = (torch.rand(200, 18, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1) * 8 / 255
    noisy = (PALETTE * 0.6 + noise).clamp(0, 1).flatten(0, 1)
    maps = LimbSplit()(noisy[:, :, None, None])[:, :, 0, 0].unflatten(0, (200, 18))
    assert (maps.argmax(2) == torch.arange(18)).float().mean() > 0.99


def test_autocast_does_not_round_the_maps():
    """Training runs under autocast and films do not: a selector must see the same maps in both."""
    picture = drawn(track(1).keypoints, SIZE)
    with torch.autocast("cpu", torch.bfloat16):
        half = LimbSplit()(picture)
    assert_close(half, LimbSplit()(picture))


def test_a_drawing_lights_the_map_of_each_visible_limb():
    size, points = (64, 48), np.zeros((1, 18, 3), np.float32)
    points[0, 2], points[0, 3] = (10, 10, 1), (40, 50, 1)  # limb 2: right shoulder to elbow
    maps = LimbSplit()(torch.from_numpy(draw(points, size)).float() / 255)[0]
    lit = (maps > 0.9).flatten(1).sum(1)
    assert lit[2] > 20 and maps[2, 30, 25] > 0.9  # along the limb
    assert maps[2, 10, 10] > 0.9 and maps[3, 50, 40] > 0.9  # joints in their own colours
    assert not lit[torch.tensor([k for k in range(18) if k not in (2, 3)])].any()


@torch.no_grad()
@pytest.mark.parametrize("split", [True, False])
def test_guider_adds_nothing_at_the_start(split):
    guider = PoseGuider(PoseConfig(split_limbs=split, first=8, blocks=((8, 8, 1), (8, 16, 2))), 12, 2)
    out = guider(torch.rand(2, 3, 16, 12))
    assert out.shape == (2, 12, 8, 6) and not out.any()


def test_guider_learns_from_its_first_step():
    """A zero convolution has a gradient, though its input's gradient is zero at first."""
    guider = model().pose_guider
    guider(drawn(track(1).keypoints, SIZE)).sum().backward()
    assert guider.conv_out.weight.grad.abs().max() > 0


def test_guider_at_sd15s_width_has_controlnets_tensors():
    config = sd15()
    with torch.device("meta"):
        guider, controlnets = PoseGuider(config.pose, 320, config.vae_factor), ControlNetConditioningEmbedding(320)
        assert guider(torch.zeros(1, 3, 64, 48)).shape == (1, 320, 8, 6)
    shapes, wanted = ({name: t.shape for name, t in net.state_dict().items()} for net in (guider, controlnets))
    assert shapes == wanted


@torch.no_grad()
def test_guider_without_split_limbs_is_controlnets():
    torch.manual_seed(0)
    controlnets = ControlNetConditioningEmbedding(12, block_out_channels=(4, 8))
    torch.nn.init.normal_(controlnets.conv_out.weight)
    guider = PoseGuider(PoseConfig(first=4, blocks=((4, 4, 1), (4, 8, 2))), 12, 2)
    guider.load_state_dict(controlnets.state_dict())
    picture = torch.rand(2, 3, 16, 12)
    assert_close(guider(picture), controlnets(picture))


@torch.no_grad()
def test_features_lie_on_the_selection_grid():
    net = model()
    assert net.config.selection_grid == (4, 3)
    assert net.pose_features(batch().poses[0]).shape == (3, 32, 4, 3)


@torch.no_grad()
@pytest.mark.parametrize(("context", "reaches"), [(True, True), (False, False)])
def test_context_tells_every_position_of_the_whole_pose(context, reaches):
    torch.manual_seed(0)
    net = PoseFeatures(SelectorConfig(width=8, groups=2, context=context), (16, 16))
    one, other = torch.zeros(1, 3, 32, 32), torch.zeros(1, 3, 32, 32)
    one[..., :2, :2] = PALETTE[0, :, None, None]
    other[..., :2, :2] = PALETTE[5, :, None, None]
    far = (net(one) - net(other))[..., -1, -1].abs().max()  # three 3x3 convolutions do not reach across
    assert (far > 1e-3) == reaches
