"""`lookreel convert profashion-start`, and a training that starts from it or from a converted Animate Anyone."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import ControlNetModel
from safetensors.torch import load_file, save_file

import published
from lookreel.cli import main
from lookreel.errors import InputError
from lookreel.nets.pose_config import PoseConfig
from lookreel.nets.unet_config import UNetConfig
from lookreel.profashion.config import ProFashionConfig, toy
from lookreel.profashion.start import start
from toys import seeded

SITES = ("down_blocks.3.0", "mid_block.0", "up_blocks.0.0")


def config(**changes) -> ProFashionConfig:
    """ProFashion around networks of the published layout."""
    unet = UNetConfig(
        block_out_channels=published.WIDTHS,
        norm_num_groups=published.GROUPS,
        cross_attention_dim=published.CROSS,
        attention_head_dim=published.HEADS,
    )
    pose = PoseConfig(first=4, blocks=((4, 4, 1), (4, 6, 2), (6, 6, 1), (6, 8, 2), (8, 8, 1), (8, 12, 2)))
    sizes = dict(size=(64, 48), vae_factor=8, unet=unet, pose=pose, motion_heads=8, max_frames=32, flow_sites=SITES)
    return replace(toy(), **(sizes | changes))


def controlnet() -> ControlNetModel:
    with seeded(31):
        net = ControlNetModel(
            **{k: v for k, v in published.UNET.items() if not k.startswith("up_")},
            conditioning_embedding_out_channels=published.POSE,
        )
    for p in net.controlnet_cond_embedding.parameters():
        p.data = torch.randn(p.shape, generator=torch.Generator().manual_seed(p.numel()))
    return net


@pytest.fixture(scope="module")
def given(tmp_path_factory) -> dict[str, Path]:
    """What a user has downloaded."""
    here = tmp_path_factory.mktemp("given")
    files = {"motion": here / "mm_sd_v15_v2.ckpt", "controlnet": here / "controlnet"}
    torch.save(published.motion(22), files["motion"])
    controlnet().save_pretrained(files["controlnet"])
    base = published.base(here / "sd15", weights=True)
    return files | {"base": base, "image_encoder": published.image_encoder(here / "image_encoder")}


def convert(out: Path, *options, **given) -> int:
    named = [text for name, path in given.items() for text in (f"--{name.replace('_', '-')}", str(path))]
    return main(["convert", "profashion-start", "--out", str(out), *named, *options])


@pytest.fixture(scope="module")
def init(given, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("init") / "init"
    assert convert(out, **given) == 0
    return out


def test_training_starts_from_every_public_part(given, init):
    system = start(config(), init)
    model, state = system.model, load_file(given["base"] / "unet" / "diffusion_pytorch_model.safetensors")
    ours = model.denoiser.unet.state_dict()
    assert ours.keys() == state.keys() and all(torch.equal(ours[name], state[name]) for name in state)
    reference = model.reference_encoder.unet.state_dict()
    assert reference.keys() == {n for n in state if not n.startswith(("conv_norm_out.", "conv_out."))}
    assert all(torch.equal(reference[name], state[name]) for name in reference)
    motion = published.motion(22)
    weight = "temporal_transformer.proj_out.weight"
    assert torch.equal(
        model.denoiser.motion.temporal["up_blocks_3_2"].get_parameter(weight),
        motion[f"up_blocks.3.motion_modules.2.{weight}"],
    )
    embedding = controlnet().controlnet_cond_embedding
    assert torch.equal(model.pose_guider.conv_in.weight, embedding.conv_in.weight)
    assert torch.equal(model.pose_guider.blocks[5].bias, embedding.blocks[5].bias)
    assert not model.pose_guider.conv_out.weight.any() and not model.pose_guider.conv_out.bias.any()
    assert model.pose_guider.conv_out.weight.shape[0] == published.WIDTHS[0]
    assert system.codec.factor == 8 and system.image_encoder.width == published.CROSS


def test_the_record_says_what_was_left_out(init):
    parts = json.loads((init / "conversion.json").read_text())["components"]
    assert set(parts) == {"unet", "vae", "image_encoder", "temporal", "pose_guider"}
    guider = parts["pose_guider"]
    assert guider["made"] == ["conv_out.bias", "conv_out.weight"] and len(guider["used"]) == 14
    assert any(name.startswith("down_blocks.") for name in guider["ignored"])


def test_without_motion_and_controlnet(given, tmp_path):
    needed = {name: given[name] for name in ("base", "image_encoder")}
    assert convert(tmp_path / "init", **needed) == 0
    assert not (tmp_path / "init" / "temporal").exists()
    start(config(), tmp_path / "init")


def test_a_converted_animate_anyone_is_a_start_too(tmp_path):
    folder = published.everything(tmp_path / "published")
    assert main(["convert", "animate-anyone", str(folder), "--out", str(tmp_path / "aa"), "--size", "64x48"]) == 0
    model = start(config(), tmp_path / "aa").model
    states = {name: torch.load(folder / f"{name}.pth", weights_only=True) for name in published.FILES}
    ours = {"reference_unet": model.reference_encoder.unet, "denoising_unet": model.denoiser.unet}
    for name, part in (ours | {"pose_guider": model.pose_guider}).items():
        assert all(torch.equal(t, states[name][key]) for key, t in part.state_dict().items())
    weight = "temporal_transformer.proj_in.weight"
    found = model.denoiser.motion.temporal["mid_block_0"].get_parameter(weight)
    assert torch.equal(found, states["motion_module"][f"mid_block.motion_modules.0.{weight}"])
    # Flow attention is ProFashion's own: it starts by changing nothing.
    assert not model.denoiser.motion.flow["mid_block_0"].attention.to_out[0].weight.any()


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_controlnet_as_one_file_in_its_own_layout(given, wrapped, tmp_path):
    embedding = controlnet().controlnet_cond_embedding.state_dict()
    places = {"conv_in": 0, **{f"blocks.{i}": 2 * i + 2 for i in range(6)}, "conv_out": 14}
    state = {
        f"control_model.input_hint_block.{places[name.rpartition('.')[0]]}.{name.rpartition('.')[2]}": t.clone()
        for name, t in embedding.items()
    } | {"control_model.time_embed.0.weight": torch.zeros(4)}
    file = tmp_path / ("net.ckpt" if wrapped else "net.safetensors")
    torch.save({"state_dict": state}, file) if wrapped else save_file(state, file)
    assert convert(tmp_path / "init", **given | {"controlnet": file}) == 0
    assert torch.equal(start(config(), tmp_path / "init").model.pose_guider.conv_in.weight, embedding["conv_in.weight"])


def refused(capsys, out: Path, **given) -> str:
    assert convert(out, **given) == 2 and not out.exists()
    return capsys.readouterr().err


def test_what_does_not_fit_is_refused(given, tmp_path, capsys):
    out = tmp_path / "init"
    torch.save(published.motion(1, (16, 32, 48, 48)), tmp_path / "wide.ckpt")
    assert "another shape" in refused(capsys, out, **given | {"motion": tmp_path / "wide.ckpt"})
    state = published.motion(1)
    torch.save({n: t for n, t in state.items() if "mid_block" not in n}, tmp_path / "v1.ckpt")
    line = refused(capsys, out, **given | {"motion": tmp_path / "v1.ckpt"})
    assert f"28 of {len(state)} tensors missing" in line and "mid_block_0" in line
    torch.save(published.pose_guider(1), tmp_path / "guider.pth")
    line = refused(capsys, out, **given | {"controlnet": tmp_path / "guider.pth"})
    assert "no controlnet_cond_embedding.* in it" in line
    assert "image_encoder" in refused(capsys, out, base=given["base"])
    assert "no such file" in refused(capsys, out, **given | {"motion": tmp_path / "none.ckpt"})
    assert "config.json" in refused(capsys, out, **given | {"base": tmp_path})


def test_motion_of_another_length_than_the_preset(given, tmp_path):
    torch.save(published.motion(1, frames=24), tmp_path / "short.ckpt")
    assert convert(tmp_path / "init", **given | {"motion": tmp_path / "short.ckpt"}) == 0
    with pytest.raises(InputError, match=r"another shape.*pe"):
        start(config(), tmp_path / "init")
    start(config(max_frames=24), tmp_path / "init")
