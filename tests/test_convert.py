"""`lookreel convert`: what is written, what is told, and everything that is refused before a file is touched."""

import json
import os
from pathlib import Path

import pytest
import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import load_file
from torch.testing import assert_close

import published
from lookreel.cli import main

SIZE = ("--size", "64x48")


@pytest.fixture(scope="module")
def given(tmp_path_factory) -> Path:
    """The open implementation's folder of weights."""
    return published.everything(tmp_path_factory.mktemp("given") / "pretrained_weights")


@pytest.fixture
def mine(given, tmp_path) -> Path:
    """A copy of it to spoil: links, so that a test writes only what it changes."""
    copy = tmp_path / "mine"
    copy.mkdir()
    for path in given.iterdir():
        (copy / path.name).symlink_to(path)
    return copy


def convert(*arguments) -> int:
    return main(["convert", *map(str, arguments)])


def refused(capsys, *arguments) -> str:
    """The one line of a refused conversion, after a look that nothing was left behind."""
    out = Path(arguments[arguments.index("--out") + 1])
    before = sorted(path.name for path in out.parent.iterdir())
    assert convert(*arguments) == 2
    assert sorted(path.name for path in out.parent.iterdir()) == before
    captured = capsys.readouterr()
    *progress, line = captured.err.splitlines()
    assert captured.out == "" and len(line) < 2000 and all("components" in text for text in progress)
    return line


def spoil(folder: Path, name: str, state) -> None:
    (folder / name).unlink()
    torch.save(state, folder / name)


def read(folder: Path, name: str):
    return torch.load(folder / name, weights_only=True)


def test_a_whole_folder_becomes_a_model(given, tmp_path, capsys):
    out = tmp_path / "model"
    assert convert("animate-anyone", given, "--out", out, *SIZE, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    counts = {name: len(part["used"]) for name, part in told["components"].items()}
    motion = len(published.motion(0))
    assert counts["denoising_unet"] == counts["reference_unet"] + 4 == len(published.unet(0).state_dict())
    assert (counts["temporal"], counts["pose_guider"]) == (motion, 16)
    assert not any(part["missing"] or part["unexpected"] for part in told["components"].values())
    assert told["components"]["image_encoder"]["ignored"] == ["vision_model.embeddings.position_ids"]
    assert told["components"]["temporal"]["used"]["mid_block.motion_modules.0.temporal_transformer.norm.weight"] == (
        "mid_block_0.temporal_transformer.norm.weight"
    )
    assert json.loads((out / "conversion.json").read_text())["components"] == told["components"]
    index = json.loads((out / "model_index.json").read_text())
    assert index["_class_name"] == "AnimateAnyoneSystem" and index["config"]["size"] == [64, 48]
    assert index["config"]["unet"]["block_out_channels"] == list(published.WIDTHS)
    assert not list(out.rglob("*.bin")) + list(out.rglob("*.pth")) and len(list(out.rglob("*.safetensors"))) == 6
    written = load_file(out / "denoising_unet" / "diffusion_pytorch_model.safetensors")
    state = read(given, "denoising_unet.pth")
    assert written.keys() == state.keys() and all(torch.equal(written[name], state[name]) for name in state)
    # The U-Net's folder is diffusers' own.
    assert UNet2DConditionModel.from_pretrained(out / "denoising_unet").config.cross_attention_dim == published.CROSS


def test_half_precision_and_saving_again(given, tmp_path):
    from lookreel.api import load

    out, again = tmp_path / "model", tmp_path / "again"
    assert convert("animate-anyone", given, "--out", out, *SIZE, "--half") == 0
    stored = load_file(out / "temporal" / "diffusion_pytorch_model.safetensors")
    assert {t.dtype for t in stored.values()} == {torch.float16}
    model = load(out)
    model.save_pretrained(again)
    ours, theirs = load(again).model.state_dict(), model.model.state_dict()
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_folders_given_one_by_one(given, tmp_path):
    from lookreel.api import load

    files = published.checkpoint(tmp_path / "files")
    options = ["--base", published.base(tmp_path / "sd15"), "--vae", given / "sd-vae-ft-mse"]
    options += ["--image-encoder", given / "image_encoder", "--schedule", "scaled_linear", "--references", "mean"]
    assert convert("animate-anyone", files, "--out", tmp_path / "model", *SIZE, *options) == 0
    config = load(tmp_path / "model").config
    assert (config.beta_schedule, config.references) == ("scaled_linear", "mean")


def test_the_bases_own_autoencoder_with_old_names(given, tmp_path):
    from lookreel.api import load

    files = published.checkpoint(tmp_path / "files")
    (files / "image_encoder").symlink_to(given / "image_encoder")
    base = published.base(tmp_path / "sd15")
    assert convert("animate-anyone", files, "--base", base, "--out", tmp_path / "m", *SIZE) == 0
    ours = load(tmp_path / "m").codec.vae.state_dict()
    new = load_file(published.vae(tmp_path / "new") / "diffusion_pytorch_model.safetensors")
    assert ours.keys() == new.keys()
    for name in new:
        assert_close(ours[name], new[name])


def test_motion_modules_inside_the_denoiser(mine, tmp_path, capsys):
    both = read(mine, "denoising_unet.pth") | read(mine, "motion_module.pth")
    spoil(mine, "denoising_unet.pth", both)
    (mine / "motion_module.pth").unlink()
    assert convert("animate-anyone", mine, "--out", tmp_path / "model", *SIZE, "--json") == 0
    parts = json.loads(capsys.readouterr().out)["components"]
    assert parts["temporal"]["file"].endswith("denoising_unet.pth")
    assert len(parts["temporal"]["used"]) == len(parts["denoising_unet"]["ignored"]) == len(published.motion(0))


def test_a_wrapped_checkpoint_of_several_cards(mine, tmp_path):
    state = {f"module.{name}": t for name, t in read(mine, "motion_module.pth").items()}
    spoil(mine, "motion_module.pth", {"state_dict": state, "global_step": 7})
    assert convert("animate-anyone", mine, "--out", tmp_path / "model", *SIZE) == 0


def test_missing_files_are_all_named(mine, tmp_path, capsys):
    (mine / "pose_guider.pth").unlink()
    (mine / "motion_module.pth").unlink()
    line = refused(capsys, "animate-anyone", mine, "--out", tmp_path / "model")
    assert "motion_module.pth: no such file" in line and "pose_guider.pth: no such file" in line


def test_swapped_files_are_seen(mine, tmp_path, capsys):
    (mine / "denoising_unet.pth").rename(mine / "x")
    (mine / "reference_unet.pth").rename(mine / "denoising_unet.pth")
    (mine / "x").rename(mine / "reference_unet.pth")
    line = refused(capsys, "animate-anyone", mine, "--out", tmp_path / "model")
    assert "denoising_unet.pth: 4 of" in line and "looks like a reference U-Net" in line
    assert "reference_unet.pth: 4 unexpected" in line and "looks like a denoising U-Net" in line


def test_motion_modules_and_pose_guider_swapped(mine, tmp_path, capsys):
    (mine / "motion_module.pth").rename(mine / "x")
    (mine / "pose_guider.pth").rename(mine / "motion_module.pth")
    (mine / "x").rename(mine / "pose_guider.pth")
    line = refused(capsys, "animate-anyone", mine, "--out", tmp_path / "model")
    assert "motion_module.pth" in line and "looks like a pose guider" in line and "looks like motion modules" in line


@pytest.mark.parametrize("name", published.FILES)
def test_half_the_tensors_are_too_few(mine, name, tmp_path, capsys):
    state = read(mine, f"{name}.pth")
    spoil(mine, f"{name}.pth", dict(list(state.items())[: len(state) // 2]))
    line = refused(capsys, "animate-anyone", mine, "--out", tmp_path / "model")
    assert f"{name}.pth" in line and "tensors missing" in line and "more)" in line


@pytest.mark.parametrize("name", published.FILES)
def test_truncated_files(mine, name, tmp_path, capsys):
    whole = (mine / f"{name}.pth").read_bytes()
    (mine / f"{name}.pth").unlink()
    (mine / f"{name}.pth").write_bytes(whole[: len(whole) // 2])
    line = refused(capsys, "animate-anyone", mine, "--out", tmp_path / "model")
    assert f"{name}.pth: not a readable checkpoint" in line


class Code:
    def __reduce__(self):
        return os.mkdir, ("it-ran",)


def test_a_pickle_with_code_is_refused_and_not_run(mine, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spoil(mine, "pose_guider.pth", read(mine, "pose_guider.pth") | {"more": Code()})
    line = refused(capsys, "animate-anyone", mine, "--out", tmp_path / "model")
    assert "pose_guider.pth: a pickle that holds more than tensors" in line and "mkdir" in line
    assert not (tmp_path / "it-ran").exists()


def test_a_whole_module_is_not_a_checkpoint(mine, tmp_path, capsys):
    spoil(mine, "pose_guider.pth", torch.nn.Linear(2, 2))
    assert "more than tensors" in refused(capsys, "animate-anyone", mine, "--out", tmp_path / "model")


def test_a_pointer_of_git_lfs_is_named_as_such(mine, tmp_path, capsys):
    (mine / "pose_guider.pth").unlink()
    (mine / "pose_guider.pth").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4\n")
    assert "Git LFS pointer" in refused(capsys, "animate-anyone", mine, "--out", tmp_path / "model")


def test_wrong_widths(mine, tmp_path, capsys):
    spoil(mine, "denoising_unet.pth", published.unet(1, block_out_channels=(16, 32, 48, 48)).state_dict())
    line = refused(capsys, "animate-anyone", mine, "--out", tmp_path / "model")
    assert "(16, 32, 48, 48)" in line and "(16, 32, 32, 32)" in line


def test_wrong_widths_of_motion_modules_and_context(mine, tmp_path, capsys):
    spoil(mine, "motion_module.pth", published.motion(1, (16, 32, 48, 48)))
    spoil(mine, "reference_unet.pth", {
        n: t for n, t in published.unet(1, cross_attention_dim=24).state_dict().items() if "conv_out" not in n
    })  # fmt: skip
    line = refused(capsys, "animate-anyone", mine, "--out", tmp_path / "model")
    assert "motion_module.pth" in line and "of another shape" in line and "reference_unet.pth" in line


def test_a_unet_of_sdxl_is_refused(mine, tmp_path, capsys):
    state = read(mine, "denoising_unet.pth") | {"add_embedding.linear_1.weight": torch.zeros(4, 4)}
    spoil(mine, "denoising_unet.pth", state)
    assert "looks like a U-Net of SDXL" in refused(capsys, "animate-anyone", mine, "--out", tmp_path / "model")


def test_a_base_of_sdxl_is_refused(mine, tmp_path, capsys):
    base = published.base(tmp_path / "sdxl")
    path = base / "unet" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"addition_embed_type": "text_time"}))
    line = refused(capsys, "animate-anyone", mine, "--base", base, "--out", tmp_path / "model")
    assert "addition_embed_type" in line


def test_damaged_values_are_refused_and_nothing_stays(mine, tmp_path, capsys):
    state = read(mine, "pose_guider.pth")
    state["conv_in.bias"][0] = float("nan")
    spoil(mine, "pose_guider.pth", state)
    assert "not finite" in refused(capsys, "animate-anyone", mine, "--out", tmp_path / "model")


def test_missing_encoders_are_asked_for(mine, tmp_path, capsys):
    (mine / "image_encoder").unlink()
    assert "--image-encoder" in refused(capsys, "animate-anyone", mine, "--out", tmp_path / "model")
    (mine / "stable-diffusion-v1-5").unlink()
    assert "--base" in refused(capsys, "animate-anyone", mine, "--out", tmp_path / "model")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--size", "768"), "--size"),
        (("--size", "100x64"), "--size"),
        (("--schedule", "cosine"), "--schedule: found 'cosine'"),
        (("--references", "best"), "--references: found 'best'"),
    ],
)
def test_wrong_options(given, options, words, tmp_path, capsys):
    assert words in refused(capsys, "animate-anyone", given, "--out", tmp_path / "model", *options)


def test_what_is_there_stays(given, tmp_path, capsys):
    out = tmp_path / "model"
    out.mkdir()
    (out / "mine.txt").write_text("kept")
    assert "no earlier conversion" in refused(capsys, "animate-anyone", given, "--out", out, "--force", *SIZE)
    assert (out / "mine.txt").read_text() == "kept"
    (out / "mine.txt").unlink()
    out.rmdir()
    assert convert("animate-anyone", given, "--out", out, *SIZE) == 0
    capsys.readouterr()
    assert "--force" in refused(capsys, "animate-anyone", given, "--out", out, *SIZE)
    assert convert("animate-anyone", given, "--out", out, *SIZE, "--force", "--schedule", "scaled_linear") == 0
    assert json.loads((out / "model_index.json").read_text())["config"]["beta_schedule"] == "scaled_linear"


def test_the_inputs_are_never_the_output(given, tmp_path, capsys):
    line = refused(capsys, "animate-anyone", given, "--out", given, "--force", *SIZE)
    assert "name another folder" in line
    assert "does not exist" in refused_for_lack_of_a_folder(capsys, given, tmp_path)


def refused_for_lack_of_a_folder(capsys, given: Path, tmp_path: Path) -> str:
    assert convert("animate-anyone", given, "--out", tmp_path / "none" / "model", *SIZE) == 2
    return capsys.readouterr().err


def test_relatives_with_another_pose_guider_and_shorter_windows(mine, tmp_path):
    """The widths of the pose guider and the longest window are read from the shapes."""
    spoil(mine, "pose_guider.pth", published.pose_guider(1, (4, 5, 6, 7)))
    spoil(mine, "motion_module.pth", published.motion(1, frames=16))
    assert convert("animate-anyone", mine, "--out", tmp_path / "model", *SIZE) == 0
    config = json.loads((tmp_path / "model" / "model_index.json").read_text())["config"]
    assert config["pose"]["blocks"][-1] == [6, 7, 2] and (config["max_frames"], config["window"]) == (16, 16)


def test_public_weights_are_listed_with_their_command(capsys):
    from lookreel.commands.public_models import PUBLIC

    assert main(["models"]) == 0
    text = capsys.readouterr().out
    for model in PUBLIC:
        assert model.command in text and f"{model.gigabytes:g} GB" in text
        for part in model.downloads + model.optional:
            assert part.repository in text and part.licence in text
    assert main(["models", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["public"]
    names = ["animate-anyone", "profashion-start", "dreampose", "dreampose-start"]
    assert [model["name"] for model in listed] == names


def test_the_listed_files_are_those_that_are_read():
    from lookreel.animate_anyone.sources import FILES
    from lookreel.commands.public_models import ANIMATE_ANYONE

    assert sorted(ANIMATE_ANYONE.files) == sorted(f"{stem}.pth" for stem in FILES.values())
