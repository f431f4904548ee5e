"""Temporal attention: AnimateDiff v2's module, by its names and by diffusers' implementation of it."""

import pytest
import torch
from diffusers.models.unets.unet_motion_model import AnimateDiffTransformer3D
from torch.testing import assert_close

from lookreel.nets.temporal import FramePositions, MotionModule, TemporalTransformer
from lookreel.nets.unet import UNet
from lookreel.profashion.config import sd15
from lookreel.profashion.denoiser import Motion
from toys import awake

WIDTH, FRAMES = 16, 4
BLOCK = "temporal_transformer.transformer_blocks.0"
# AnimateDiff's name of each part -> diffusers' name of it.
THEIRS = {
    "attention_blocks.0": "attn1",
    "attention_blocks.1": "attn2",
    "norms.0": "norm1",
    "norms.1": "norm2",
    "ff_norm": "norm3",
    "ff": "ff",
}


def test_names_and_shapes_are_animatediffs():
    shapes = {name: tuple(t.shape) for name, t in MotionModule(WIDTH, 2, 4, 32).state_dict().items()}
    wanted = {
        f"temporal_transformer.{part}.{kind}" for part in ("norm", "proj_in", "proj_out") for kind in ("weight", "bias")
    }
    for i in range(2):
        wanted |= {f"{BLOCK}.attention_blocks.{i}.{name}.weight" for name in ("to_q", "to_k", "to_v")}
        wanted |= {f"{BLOCK}.attention_blocks.{i}.to_out.0.{kind}" for kind in ("weight", "bias")}
        wanted |= {f"{BLOCK}.norms.{i}.{kind}" for kind in ("weight", "bias")}
        wanted.add(f"{BLOCK}.attention_blocks.{i}.pos_encoder.pe")
        assert shapes[f"{BLOCK}.attention_blocks.{i}.pos_encoder.pe"] == (1, 32, WIDTH)
    wanted |= {
        f"{BLOCK}.{part}.{kind}" for part in ("ff.net.0.proj", "ff.net.2", "ff_norm") for kind in ("weight", "bias")
    }
    assert set(shapes) == wanted and len(wanted) == 28
    assert shapes[f"{BLOCK}.ff.net.0.proj.weight"] == (8 * WIDTH, WIDTH)


def sd15_motion() -> Motion:
    with torch.device("meta"):
        config = sd15()
        return Motion(config, UNet(config.unet).site_names())


def test_at_sd15s_width_it_has_the_588_tensors_of_mm_sd_v15_v2():
    temporal = sd15_motion().temporal
    state = temporal.state_dict()
    positions = {name: t for name, t in state.items() if name.endswith(".pe")}
    assert (len(temporal), len(state), len(positions)) == (21, 588, 42)
    assert sum(p.numel() for p in temporal.parameters()) == 453_209_280
    # pe belongs to AnimateDiff's checkpoint though nothing learns it: 32 places in each of 42 attentions.
    widths = {320: 5, 640: 5, 1280: 11}
    assert sum(t.numel() for t in positions.values()) == 2 * 32 * sum(width * sites for width, sites in widths.items())
    assert [sum(t.shape[2] == width for t in positions.values()) for width in widths] == [
        2 * n for n in widths.values()
    ]


def test_flow_attention_sits_at_the_six_coarsest_sites():
    motion = sd15_motion()
    sites = [name.replace("_", ".") for name in motion.flow]
    assert sites == ["down.blocks.3.0", "down.blocks.3.1", "mid.block.0"] + [f"up.blocks.0.{i}" for i in range(3)]
    assert {module.norm.weight.shape for module in motion.flow.values()} == {(1280,)}
    assert len(motion.flow.state_dict()) == 6 * (2 + 3 + 2 + 6)


@torch.no_grad()
def test_equals_diffusers_module_with_the_same_weights():
    torch.manual_seed(0)
    theirs = AnimateDiffTransformer3D(
        num_attention_heads=2,
        attention_head_dim=WIDTH // 2,
        in_channels=WIDTH,
        norm_num_groups=4,
        activation_fn="geglu",
        attention_bias=False,
        double_self_attention=True,
        positional_embeddings="sinusoidal",
        num_positional_embeddings=32,
    ).eval()
    state = awake(theirs).state_dict()
    ours = TemporalTransformer(WIDTH, 2, 4, 32)
    wanted = {name: state[_in_diffusers(name)] for name in ours.state_dict() if not name.endswith(".pe")}
    ours.load_state_dict(wanted | {name: t for name, t in ours.state_dict().items() if name.endswith(".pe")})
    # diffusers norms the frames of a clip together, AnimateDiff (and ours) each by itself. Frames that hold the same
    # cells in another order have the same statistics both ways.
    cells = torch.randn(2, WIDTH, 15)
    x = torch.stack([clip[:, torch.randperm(15)] for clip in cells for _ in range(FRAMES)]).unflatten(2, (5, 3))
    found = ours(x, FRAMES)
    assert_close(found, theirs(x, num_frames=FRAMES), rtol=1e-4, atol=1e-5)
    assert (found - x).abs().max() > 0.1


def _in_diffusers(name: str) -> str:
    for part, other in THEIRS.items():
        name = name.replace(f"transformer_blocks.0.{part}.", f"transformer_blocks.0.{other}.")
    return name


@torch.no_grad()
def test_each_frame_is_normed_by_itself():
    """As in AnimateDiff: one bright frame does not change what the others look like before the attention."""
    net = MotionModule(WIDTH, 2, 4, 32).temporal_transformer
    x = torch.randn(FRAMES, WIDTH, 2, 2)
    bright = x.clone()
    bright[0] *= 100
    assert_close(net.norm(bright)[1:], net.norm(x)[1:])


@torch.no_grad()
def test_at_the_start_nothing_changes():
    x = torch.randn(2 * FRAMES, WIDTH, 3, 2)
    assert torch.equal(MotionModule(WIDTH, 2, 4, 32)(x, FRAMES), x)


@torch.no_grad()
def test_cells_and_clips_are_apart_and_frames_are_not():
    net = awake(MotionModule(WIDTH, 2, 4, 32))
    x = torch.randn(2 * FRAMES, WIDTH, 1, 2)
    changed = x.clone()
    # Values swapped within a group leave its statistics as they are, so that only the attention can carry this on.
    changed[1, :2, 0, 0] = x[1, :2, 0, 0].flip(0)
    moved = (net(changed, FRAMES) - net(x, FRAMES)).abs().amax(1)[:, 0]  # (B*F, cells)
    assert moved[:FRAMES, 0].min() > 1e-3
    assert moved[:FRAMES, 1].max() < 1e-5 and moved[FRAMES:].max() < 1e-5


@torch.no_grad()
def test_the_order_of_frames_counts():
    net = awake(MotionModule(WIDTH, 2, 4, 32))
    x = torch.randn(FRAMES, WIDTH, 1, 1)
    assert (net(x.flip(0), FRAMES).flip(0) - net(x, FRAMES)).abs().max() > 1e-3


@pytest.mark.parametrize("frames", [1, 5, 8])
def test_positions_are_sine_on_even_and_cosine_on_odd_channels(frames):
    pe = FramePositions(6, 8)(torch.zeros(1, frames, 6))[0]
    at = torch.arange(frames)[:, None] / 10000 ** (torch.arange(0, 6, 2) / 6)
    assert_close(pe[:, 0::2], at.sin())
    assert_close(pe[:, 1::2], at.cos())


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)
