"""The denoiser FPI: at the start a video is its pictures, and each layer reads what it should."""

from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from lookreel.profashion.config import sd15, toy
from lookreel.profashion.denoiser import Denoiser
from toys import awake, model

FRAMES = 3


def denoiser(**changes) -> Denoiser:
    return model(**changes).denoiser.eval()


def given(net: Denoiser, clips: int = 2) -> tuple:
    """z, t, x_R, z_R and pose for clips of FRAMES frames."""
    g = torch.Generator().manual_seed(0)
    n, (h, w) = clips * FRAMES, toy().latent_size
    grids = model().grids()
    z_R = {
        name: torch.randn(n, grids[name][0] * grids[name][1], c, generator=g)
        for name, c in net.unet.attention_names().items()
    }
    z, x_R = torch.randn(n, 4, h, w, generator=g), torch.randn(n, 1, 8, generator=g)
    return z, torch.full((n,), 500), x_R, z_R, torch.randn(n, 16, h, w, generator=g)


@torch.no_grad()
def test_at_the_start_a_video_is_its_pictures():
    net = denoiser()
    inputs = given(net)
    v, offsets = net.video(*inputs, FRAMES)
    assert_close(v, net.image(*inputs))
    assert len(offsets) == len(net.motion.flow) == 5 and not any(o.any() for o in offsets)


@torch.no_grad()
def test_awake_motion_layers_change_the_video_and_not_the_pictures():
    net = denoiser()
    inputs = given(net)
    image, video = net.image(*inputs), net.video(*inputs, FRAMES)[0]
    awake(net.motion)
    assert torch.equal(net.image(*inputs), image)
    assert (net.video(*inputs, FRAMES)[0] - video).abs().max() > 1e-3


@torch.no_grad()
def test_clips_of_a_batch_do_not_meet():
    net = awake(denoiser())
    z, t, x_R, z_R, pose = given(net)
    both, offsets = net.video(z, t, x_R, z_R, pose, FRAMES)
    last = slice(FRAMES, None)
    tokens = {name: value[last] for name, value in z_R.items()}
    alone, own = net.video(z[last], t[last], x_R[last], tokens, pose[last], FRAMES)
    assert_close(both[last], alone, rtol=1e-4, atol=1e-5)
    for a, b in zip(offsets, own, strict=True):
        assert_close(a[last], b, rtol=1e-4, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("part", ["z", "t", "x_R", "z_R", "pose"])
def test_every_input_is_read(part):
    net = awake(denoiser())
    z, t, x_R, z_R, pose = given(net)
    plain = net.image(z, t, x_R, z_R, pose)
    other = {
        "z": lambda: net.image(z + 1, t, x_R, z_R, pose),
        "t": lambda: net.image(z, t - 400, x_R, z_R, pose),
        "x_R": lambda: net.image(z, t, x_R + 1, z_R, pose),
        "z_R": lambda: net.image(z, t, x_R, {}, pose),
        "pose": lambda: net.image(z, t, x_R, z_R, pose + 1),
    }
    assert (other[part]() - plain).abs().max() > 1e-3


@torch.no_grad()
def test_every_block_reads_its_own_prototype():
    net = awake(denoiser())
    z, t, x_R, z_R, pose = given(net)
    plain = net.image(z, t, x_R, z_R, pose)
    for name in z_R:
        without = {key: value for key, value in z_R.items() if key != name}
        assert (net.image(z, t, x_R, without, pose) - plain).abs().max() > 1e-6, name


@torch.no_grad()
def test_sites_with_motion_are_the_configs():
    sites = ("down_blocks.1.0", "up_blocks.2.1")
    net = denoiser(flow_sites=sites[:1], motion_sites=sites)
    assert list(net.motion.flow) == ["down_blocks_1_0"] and list(net.motion.temporal) == [
        "down_blocks_1_0",
        "up_blocks_2_1",
    ]
    _, offsets = net.video(*given(net), FRAMES)
    assert [o.shape for o in offsets] == [(6, 2, 4, 3)]


@torch.no_grad()
def test_without_flow_sites_there_are_no_offsets():
    """The paper's "AA + PPA" row: PPA and temporal attention, no FTA."""
    net = denoiser(flow_sites=())
    assert net.video(*given(net), FRAMES)[1] == []


def test_checkpointing_gives_the_same_gradients():
    net = awake(denoiser()).train()
    inputs = given(net, clips=1)
    grads = []
    for on in (False, True):
        net.zero_grad()
        net.unet.set_checkpointing(on)
        net.motion.checkpointing = on
        v, offsets = net.video(*inputs, FRAMES)
        (v.square().mean() + sum(o.square().mean() for o in offsets)).backward()
        grads.append({name: p.grad.clone() for name, p in net.named_parameters()})
    for name, grad in grads[0].items():
        assert_close(grads[1][name], grad, msg=name)


def test_sizes_at_sd15s_width():
    config = sd15()
    with torch.device("meta"):
        net = Denoiser(config)
        v, offsets = Denoiser(replace(config, motion_sites=())).video(
            torch.zeros(2, 4, 32, 24),
            torch.zeros(2, dtype=torch.int64),
            torch.zeros(2, 1, 768),
            {},
            torch.zeros(2, 320, 32, 24),
            2,
        )
    assert len(net.unet.attention_names()) == 16 and len(net.motion.temporal) == 21 and len(net.motion.flow) == 6
    assert v.shape == (2, 4, 32, 24) and {o.shape for o in offsets} == {(2, 2, 4, 3)}
