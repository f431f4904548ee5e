"""The published layouts at Stable Diffusion 1.5's size, on meta tensors: names, shapes and counts."""

import pytest
import torch
from diffusers import AutoencoderKL, ControlNetModel, UNet2DConditionModel

import published
from lookreel.animate_anyone.config import AnimateAnyoneConfig
from lookreel.animate_anyone.folder import parts
from lookreel.animate_anyone.model import AnimateAnyone
from lookreel.nets import published as tables
from lookreel.nets.conversion import shapes_of
from lookreel.nets.naming import fit
from lookreel.nets.published import looks_like
from lookreel.nets.sizes import max_frames, pose_config, unet_widths

SD15 = (320, 640, 1280, 1280)


def shapes(state) -> dict[str, tuple[int, ...]]:
    return {name: tuple(t.shape) for name, t in state.items()}


@pytest.fixture(scope="module")
def wanted() -> dict[str, dict[str, tuple[int, ...]]]:
    """Our components at full size."""
    with torch.device("meta"):
        return {name: shapes_of(part) for name, part in parts(AnimateAnyone(AnimateAnyoneConfig())).items()}


@pytest.fixture(scope="module")
def unet() -> dict[str, tuple[int, ...]]:
    """SD1.5's U-Net as diffusers builds it."""
    with torch.device("meta"):
        return shapes(UNet2DConditionModel(cross_attention_dim=768).state_dict())


@pytest.fixture(scope="module")
def motion() -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        return shapes(published.motion(0, SD15))


def fits(found, wanted, naming) -> bool:
    return not fit(found, wanted, naming).faults


def test_the_denoisers_686_tensors(wanted, unet):
    assert len(unet) == 686 and fits(unet, wanted["denoising_unet"], tables.UNET)
    assert unet_widths(unet) == SD15


def test_the_588_tensors_of_the_motion_modules(wanted, motion):
    assert len(motion) == 588 and sum(name.endswith(".pe") for name in motion) == 42
    assert fits(motion, wanted["temporal"], tables.MOTION)
    assert max_frames(motion) == 32


def test_686_and_588_in_one_file(wanted, unet, motion):
    both = unet | motion
    assert len(both) == 1274
    assert fits(both, wanted["denoising_unet"], tables.DENOISER)
    assert fits(both, wanted["temporal"], tables.MOTION_IN_UNET)


def test_the_references_682_tensors(wanted, unet):
    headless = {n: s for n, s in unet.items() if not n.startswith(("conv_norm_out.", "conv_out."))}
    assert len(headless) == 682 and fits(headless, wanted["reference_unet"], tables.UNET)
    assert not fits(unet, wanted["reference_unet"], tables.UNET)


def test_the_pose_guiders_16_tensors(wanted):
    guider = shapes(published.pose_guider(0, (16, 32, 96, 256), 320))
    assert len(guider) == 16 and fits(guider, wanted["pose_guider"], tables.POSE_GUIDER)
    assert pose_config(guider) == AnimateAnyoneConfig().pose


def test_a_controlnets_condition_embedding(wanted):
    with torch.device("meta"):
        net = shapes(ControlNetModel(cross_attention_dim=768).state_dict())
    body = {name: s for name, s in wanted["pose_guider"].items() if not name.startswith("conv_out.")}
    made = fit(net, body, tables.CONTROLNET)
    assert not made.faults and len(made.used) == 14 and len(made.ignored) == len(net) - 14


def test_a_controlnet_in_its_own_repositorys_layout(wanted):
    layers = {0: "conv_in", **{2 * i + 2: f"blocks.{i}" for i in range(6)}, 14: "conv_out"}
    net = {
        f"control_model.input_hint_block.{number}.{kind}": wanted["pose_guider"][f"{name}.{kind}"]
        for number, name in layers.items()
        for kind in ("weight", "bias")
    }
    body = {name: s for name, s in wanted["pose_guider"].items() if not name.startswith("conv_out.")}
    made = fit(net | {"control_model.time_embed.0.weight": (1,)}, body, tables.CONTROLNET_ORIGINAL)
    assert not made.faults and len(made.used) == 14 and len(made.ignored) == 3


@pytest.mark.parametrize("old", [False, True])
def test_an_autoencoders_attention_by_either_names(old):
    with torch.device("meta"):
        new = shapes(AutoencoderKL(block_out_channels=(32,) * 2, down_block_types=("DownEncoderBlock2D",) * 2,
                                   up_block_types=("UpDecoderBlock2D",) * 2).state_dict())  # fmt: skip
    found = {published._old(name): s for name, s in new.items()} if old else new
    assert (found != new) == old and fits(found, new, tables.VAE)


def test_what_a_file_looks_like(unet, motion):
    headless = [n for n in unet if not n.startswith(("conv_norm_out.", "conv_out."))]
    assert looks_like(unet) == "a denoising U-Net" and looks_like(headless) == "a reference U-Net"
    assert looks_like(motion) == "motion modules" and looks_like(published.pose_guider(0)) == "a pose guider"
    assert looks_like([*unet, "add_embedding.linear_1.weight"]) == "a U-Net of SDXL"
    assert looks_like(["model.diffusion_model.time_embed.0.weight"]).startswith("a checkpoint of Stable Diffusion")
    assert looks_like(["something.else"]) is None


def test_faults_are_short_and_complete():
    made = fit({"a": (1,), "b": (2,), "x": (3,)}, {"a": (1,), "b": (3,), "c": (1,), "d": (1,), "e": (1,), "f": (1,)},
               tables.UNET)  # fmt: skip
    assert made.faults == (
        "4 of 6 tensors missing (c, d, e and 1 more), 1 unexpected (x), 1 of another shape (b (2,) instead of (3,))"
    )
