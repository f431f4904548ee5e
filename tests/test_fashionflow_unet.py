"""FashionFlow's space-time U-Net: counts, its layers against plain formulas, and what it is before it has learned."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.testing import assert_close

from fashionflow_toys import CONFIG
from lookreel.fashionflow.attention import PositionBias, ShiftedFeedForward, SpatioTemporalAttention
from lookreel.fashionflow.blocks import ChannelsToFrames, Downsample, FramesToChannels, Sinusoids, Upsample
from lookreel.fashionflow.config import FashionFlowConfig, NetConfig, mini, paper, published
from lookreel.fashionflow.cost import cost, variants
from lookreel.fashionflow.cross_attention import CrossAttention
from lookreel.fashionflow.pseudo3d import CONVOLUTIONS, FrameConv, FullConv3d, PseudoConv3d
from lookreel.fashionflow.unet import SpaceTimeUNet
from toys import awake, seeded

NET = replace(CONFIG.net, in_channels=4)
FRAME_BY_FRAME = replace(NET, halves_time=(False, False), norm_over_frames=False)


def unet(config: NetConfig, seed: int = 1) -> SpaceTimeUNet:
    """As it starts, but for its output layer, which would hide the rest where it is zero."""
    with seeded(seed):
        return SpaceTimeUNet(config).eval()


def given(frames: int = 4) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(2)
    x = torch.randn(2, 4, frames, *CONFIG.latent_size, generator=g)
    return x, torch.tensor([900.0, 17.0]), torch.randn(2, 5, NET.context_width, generator=g)


def test_the_published_size():
    with torch.device("meta"):
        network = SpaceTimeUNet(NetConfig())
    assert sum(p.numel() for p in network.parameters()) == 71_671_548
    assert len(network.state_dict()) == 574
    assert published().net == paper().net == NetConfig()


PUBLISHED = {  # parameters of some parts, and names that its checkpoint has
    "conv_in": 24_960, "downs.0.0": 131_712, "downs.0.1": 197_632, "downs.0.3": 16_384, "downs.0.4": 160_704,
    "downs.3.2": 4_334_181, "downs.3.3": 1_572_864, "downs.3.4": 4_726_272, "ups.3.3": 1_575_936,
    "ups.3.0": 3_738_368, "ups.3.1": 4_526_336, "ups.3.2": 1_609_786, "ups.0.4": 160_704, "conv_out": 2_360,
}  # fmt: skip


def test_the_published_parts():
    with torch.device("meta"):
        network = SpaceTimeUNet(NetConfig())
    counts = {name: sum(p.numel() for p in network.get_submodule(name).parameters()) for name in PUBLISHED}
    assert counts == PUBLISHED
    names = set(network.state_dict())
    for name in (
        "to_timestep_cond.1.weight",
        "conv_in.temporal_conv.bias",
        "downs.0.0.timestep_mlp.1.weight",
        "downs.1.0.res_conv.spatial_conv.weight",
        "downs.3.2.spatial_rel_pos_bias.net.0.0.weight",
        "downs.3.2.temporal_rel_pos_bias.net.2.bias",
        "downs.3.3.down_space.1.weight",
        "downs.3.3.down_time.1.weight",
        "ups.3.3.up_time.0.bias",
        "ups.0.4.attention_2.q_proj.weight",
        "ups.0.4.conv_output.spatial_conv.bias",
        "mid_attn.ff.proj_in.0.weight",
        "mid_attn.ff.proj_out.0.g",
        "mid_attn.temporal_attn.to_kv.weight",
    ):
        assert name in names, name


def test_six_convolutions_a_level_and_four_in_the_middle():
    with torch.device("meta"):
        network = SpaceTimeUNet(NetConfig())
    for level in (*network.downs, *network.ups):
        assert sum(name.endswith(".project") for name, _ in level.named_modules()) == 6
    middle = (network.mid_block1, network.mid_block2)
    assert sum(name.endswith("project") for part in middle for name, _ in part.named_modules()) == 4


@pytest.mark.parametrize("kernel", [1, 3, 7])
def test_convolutions_begin_as_2d_convolutions_of_every_frame(kernel):
    x = torch.randn(2, 3, 5, 8, 6)
    for kind in CONVOLUTIONS.values():
        layer = kind(3, 4, kernel)
        flat = layer.spatial_conv if hasattr(layer, "spatial_conv") else None
        weight = flat.weight if flat is not None else layer.conv.weight[:, :, layer.conv.kernel_size[0] // 2]
        bias = (flat or layer.conv).bias
        frames = [F.conv2d(x[:, :, f], weight, bias, padding=kernel // 2) for f in range(5)]
        assert_close(layer(x), torch.stack(frames, dim=2), atol=1e-5, rtol=1e-5)


def test_pseudo_3d_is_conv2d_then_conv1d():
    layer, x = PseudoConv3d(3, 4), torch.randn(2, 3, 5, 8, 6)
    nn.init.normal_(layer.temporal_conv.weight)
    nn.init.normal_(layer.temporal_conv.bias)
    flat = layer.spatial_conv(x.transpose(1, 2).reshape(10, 3, 8, 6)).view(2, 5, 4, 8, 6)
    lines = flat.permute(0, 3, 4, 2, 1).reshape(2 * 8 * 6, 4, 5)
    expected = layer.temporal_conv(lines).view(2, 8, 6, 4, 5).permute(0, 3, 4, 1, 2)
    assert_close(layer(x), expected, atol=1e-5, rtol=1e-5)
    assert PseudoConv3d(3, 4, 1).temporal_conv is None


def test_a_frame_reaches_its_neighbours_only():
    """After a step of learning: pseudo-3D and 3-D see one frame to each side, 2-D none."""
    for kind, reach in ((PseudoConv3d, 1), (FullConv3d, 1), (FrameConv, 0)):
        layer = kind(1, 1)
        for p in layer.parameters():
            nn.init.ones_(p)
        x = torch.zeros(1, 1, 7, 4, 4)
        x[:, :, 3] = 1
        changed = (layer(x) - layer(torch.zeros_like(x))).abs().amax((0, 1, 3, 4)) > 0
        assert changed.nonzero().flatten().tolist() == list(range(3 - reach, 4 + reach))


@pytest.mark.parametrize("config", [NET, replace(NET, attention="spatial"), FRAME_BY_FRAME])
@pytest.mark.parametrize("kind", ["pseudo3d", "3d"])
def test_the_network_begins_as_its_2d_network(config, kind):
    """With the same weights, the temporal ones as they start: nothing that is new over time has a say yet."""
    flat = unet(replace(config, convolution="2d"))
    network = unet(replace(config, convolution=kind), seed=9)
    weights = network.state_dict()
    for name, value in flat.state_dict().items():
        full = name.replace(".spatial_conv.", ".conv.").replace("conv_output.conv.", "conv_output.spatial_conv.")
        if name in weights:
            weights[name].copy_(value)
        elif name.endswith("bias"):
            weights[full].copy_(value)
        else:
            weights[full].zero_()[:, :, weights[full].shape[2] // 2] = value
    assert_close(network(*given()), flat(*given()), atol=1e-5, rtol=1e-5)


def test_a_network_without_temporal_compression_begins_frame_by_frame():
    """Pseudo-3D convolutions and temporal attention in place, a film is what its frames are, one by one."""
    network, (x, t, context) = unet(FRAME_BY_FRAME), given()
    single = [network(x[:, :, f : f + 1], t, context) for f in range(x.shape[2])]
    assert_close(network(x, t, context), torch.cat(single, dim=2), atol=1e-5, rtol=1e-5)
    assert network(x, t, context).std() > 0.01


def test_awake_frames_see_each_other():
    network, (x, t, context) = awake(unet(FRAME_BY_FRAME)), given()
    other = x.clone()
    other[:, :, 0] += 1
    assert (network(other, t, context)[:, :, -1] - network(x, t, context)[:, :, -1]).abs().max() > 1e-4


def test_timestep_and_photo_reach_every_frame():
    network, (x, t, context) = awake(unet(NET)), given()
    before = network(x, t, context)
    for after in (network(x, t + 50, context), network(x, t, context + 1)):
        assert ((after - before).abs().amax((0, 1, 3, 4)) > 1e-5).all()


def test_checkpointing_changes_no_gradient():
    network, (x, t, context) = awake(unet(NET)), given()
    found = []
    for network.checkpointing in (False, True):
        network.zero_grad()
        network(x, t, context).square().mean().backward()
        found.append({name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None})
    assert found[0].keys() == found[1].keys()
    for name, gradient in found[0].items():
        assert_close(found[1][name], gradient, atol=1e-6, rtol=1e-4)


def test_sinusoids():
    made = Sinusoids(8)(torch.tensor([0.0, 3.0]))
    rates = 10000.0 ** (-torch.arange(4) / 3)
    assert_close(made[0], torch.tensor([0.0] * 4 + [1.0] * 4))
    assert_close(made[1], torch.cat([(3 * rates).sin(), (3 * rates).cos()]))


def test_the_bias_depends_on_offsets_alone():
    bias = PositionBias(6, heads=2, axes=2)
    found, net = bias(3, 2), nn.Sequential(*bias.net)
    for i in range(6):
        for j in range(6):
            offset = torch.tensor([i // 2 - j // 2, i % 2 - j % 2]).float()
            assert_close(found[:, i, j], net(offset))


def test_attention_runs_over_cells_then_over_frames():
    layer = SpatioTemporalAttention(8, heads=2, head_width=4)
    x = torch.randn(1, 8, 3, 2, 2)
    assert_close(layer(x), x)  # as it starts
    awake(layer)
    spatial = layer.spatial_attn(x[0].permute(1, 2, 3, 0).reshape(3, 4, 8), layer.spatial_rel_pos_bias(2, 2))
    temporal = layer.temporal_attn(spatial.transpose(0, 1), layer.temporal_rel_pos_bias(3))
    expected = layer.ff(temporal.view(2, 2, 3, 8).permute(3, 2, 0, 1)[None])
    assert_close(layer(x), expected)


def test_biased_attention_against_the_formula():
    layer = awake(SpatioTemporalAttention(8, 2, 4)).spatial_attn
    x, bias = torch.randn(3, 5, 8), torch.randn(2, 5, 5)
    normed = F.layer_norm(x, (8,), layer.norm.weight, layer.norm.bias)
    q = layer.to_q(normed).view(3, 5, 2, 4)
    k, v = (part.view(3, 5, 2, 4) for part in layer.to_kv(normed).chunk(2, dim=2))
    weights = (torch.einsum("bihd,bjhd->bhij", q, k) / 2 + bias).softmax(3)
    mixed = torch.einsum("bhij,bjhd->bihd", weights, v).reshape(3, 5, 8)
    assert_close(layer(x, bias), x + layer.to_out(mixed))


def test_the_feed_forward_looks_back_one_frame():
    layer, x = awake(ShiftedFeedForward(8, shifted=True)), torch.randn(1, 8, 4, 2, 2)
    other = x.clone()
    other[:, :, 1] += torch.randn(8)[:, None, None]
    changed = (layer(other) - layer(x)).abs().amax((0, 1, 3, 4)) > 1e-6
    assert changed.tolist() == [False, True, True, False]


def test_cross_attention_has_no_residual_around_it():
    layer, x, context = CrossAttention(8, 6, heads=2), torch.randn(2, 8, 3, 2, 4), torch.randn(2, 5, 6)
    assert_close(layer(x, context), x)  # as it starts: both branches add nothing, the convolution is the identity
    awake(layer)
    assert (layer(x, context) - x).abs().amax((0, 1, 3, 4)).min() > 0.01
    nn.init.zeros_(layer.conv_output.spatial_conv.weight)
    assert_close(layer(x, context), torch.zeros_like(x))


def test_resampling_in_space_and_time():
    x = torch.randn(2, 8, 4, 6, 4)
    assert Downsample(8, halved=True)(x).shape == (2, 8, 2, 3, 2)
    assert Downsample(8, halved=False)(x).shape == (2, 8, 4, 3, 2)
    doubled = Upsample(8, doubled=True)(x)
    assert doubled.shape == (2, 8, 8, 12, 8)
    repeated = doubled.view(2, 8, 4, 2, 6, 2, 4, 2)  # it begins by repeating
    assert_close(repeated, repeated[:, :, :, :1, :, :1, :, :1].expand_as(repeated))
    assert torch.equal(ChannelsToFrames()(FramesToChannels()(x)), x)
    assert torch.equal(FramesToChannels()(x)[:, 5], x[:, 2, 1::2])  # channel 2 of the pair's second frame


def test_cost_of_the_variants():
    found = {name: cost(net, mini()) for name, net in variants(mini().net).items()}
    flat, pseudo, full = (found[f"convolution {kind}"] for kind in ("2d", "pseudo3d", "3d"))
    assert flat.tflop < pseudo.tflop < full.tflop
    assert flat.parameters < pseudo.parameters < full.parameters
    assert found["attention none"].tflop < found["attention spatial"].tflop < found["attention both"].tflop


def test_the_published_cost():
    found = cost(paper().net, paper())
    assert found.parameters == 71_671_548
    assert 2 * 0.73256 < found.tflop < 2 * 0.85  # 732.56 G multiply-adds of the layers, and the attention's products


def test_mini_fits_its_budget():
    config = mini()
    with torch.device("meta"):
        nets = [SpaceTimeUNet(net) for net in (config.net, config.interpolation)]
    parameters = sum(p.numel() for net in nets for p in net.parameters())
    assert 2 * parameters < 5.8 * 2**20  # both networks at half precision, with room for adapters and names


WRONG = {
    "halves_time": ({"halves_time": (True,)}, "widths"),
    "convolution": ({"convolution": "4d"}, "convolution is '4d'"),
    "attention": ({"attention": "all"}, "attention is 'all'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_nets_that_do_not_fit_together(name):
    changes, words = WRONG[name]
    with pytest.raises(ValueError, match=words):
        replace(NetConfig(), **changes)


WRONG_CONFIGS = [
    ({"size": (640, 500)}, "multiples of 128"),
    ({"frames": 71}, "multiples of 2"),
    ({"photo_in_every_frame": True}, "in_channels 4: must be 4, or 8"),
    ({"interpolation": NetConfig()}, "must be 8"),
    ({"zero_snr": True}, "prediction v"),
    ({"local": False, "global_": False}, "at least one"),
    ({"sampler": "euler"}, "sampler is 'euler'"),
    ({"beta_schedule": "sigmoid"}, "beta_schedule is 'sigmoid'"),
]


@pytest.mark.parametrize(("changes", "words"), WRONG_CONFIGS)
def test_configs_that_do_not_fit_together(changes, words):
    with pytest.raises(ValueError, match=words):
        replace(FashionFlowConfig(), **changes)


@pytest.mark.parametrize("make", [paper, published, mini])
def test_configs_travel_through_json(make):
    import json

    config = make()
    assert FashionFlowConfig.from_json(json.loads(json.dumps(config.to_json()))) == config
    with pytest.raises(TypeError):
        FashionFlowConfig.from_json(config.to_json() | {"sise": 3})
