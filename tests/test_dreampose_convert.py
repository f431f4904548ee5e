"""`lookreel convert dreampose` and `dreampose-start`: published files to a model, strictly, or one clear line."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch.testing import assert_close
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPVisionConfig

import lookreel
import published
from dreampose_toys import photo, track
from lookreel.cli import main
from lookreel.dreampose import config as configs
from lookreel.dreampose.convert import find
from lookreel.dreampose.model import DreamPose
from lookreel.encoders.adapter import Adapter
from lookreel.errors import InputError
from lookreel.nets.conversion import shapes_of
from lookreel.nets.naming import Naming, fit
from lookreel.nets.published import UNET
from toys import seeded

SIZE, CELLS = ("--size", "64x48"), (8, 6)
PREFIX = "module."  # of training on several cards


def save(tensors, path: Path, prefix: str = "") -> None:
    torch.save({prefix + name: t for name, t in tensors.items()}, path)


def unet(seed: int, channels: int = 14):
    return published.unet(seed, in_channels=channels).state_dict()


def adapter(seed: int):
    with seeded(seed):
        made = Adapter(tokens=5, width=published.CROSS, latent_size=CELLS)
        return {name: torch.randn(t.shape) for name, t in made.state_dict().items()}


def whole_clip(folder: Path) -> Path:
    """OpenAI's whole CLIP, its text tower included, as a pickle."""
    text = CLIPTextConfig(
        vocab_size=20, hidden_size=8, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2
    )
    vision = CLIPVisionConfig(
        image_size=16, patch_size=8, hidden_size=published.CROSS, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2,
    )  # fmt: skip
    with seeded(31):
        clip = CLIPModel(CLIPConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=8))
    folder.mkdir()
    raw = json.loads(clip.config.to_json_string()) | {"architectures": ["CLIPModel"]}
    (folder / "config.json").write_text(json.dumps(raw))
    torch.save(clip.state_dict(), folder / "pytorch_model.bin")
    return folder


@pytest.fixture(scope="module")
def given(tmp_path_factory) -> Path:
    """Stable Diffusion and CLIP beside DreamPose's checkpoints of two epochs, one of them of several cards."""
    home = tmp_path_factory.mktemp("given")
    published.base(home / "sd14", weights=True)
    whole_clip(home / "clip")
    (home / "dreampose").mkdir()
    for epoch, prefix in ((20, PREFIX), (499, "")):
        save(unet(epoch), home / "dreampose" / f"unet_epoch_{epoch}.pth", prefix)
        save(adapter(epoch), home / "dreampose" / f"adapter_{epoch}.pth", prefix)
    return home


@pytest.fixture
def mine(given, tmp_path) -> Path:
    """A copy of the checkpoints to spoil."""
    copy = tmp_path / "mine"
    copy.mkdir()
    for path in (given / "dreampose").iterdir():
        (copy / path.name).symlink_to(path)
    return copy


def convert(given: Path, checkpoint: Path, out: Path, *more: str, name: str = "dreampose") -> int:
    where = [str(checkpoint)] if name == "dreampose" else []
    places = ["--base", str(given / "sd14"), "--image-encoder", str(given / "clip"), "--out", str(out)]
    return main(["convert", name, *where, *places, *SIZE, *more])


def test_a_published_checkpoint_becomes_a_model(given, tmp_path, capsys):
    out = tmp_path / "model"
    assert convert(given, given / "dreampose", out, "--epoch", "20", "--json") == 0
    told = json.loads(capsys.readouterr().out)["components"]
    assert set(told) == {"unet", "adapter", "vae", "image_encoder"}
    assert not any(part["missing"] or part["unexpected"] for part in told.values())
    assert told["unet"]["file"].endswith("unet_epoch_20.pth") and len(told["unet"]["sha256"]) == 64
    assert {name.split(".")[0] for name in told["image_encoder"]["ignored"]} == {
        "text_model", "text_projection", "logit_scale",
    }  # fmt: skip
    loaded = lookreel.load(out, device="cpu")
    for network, wanted in ((loaded.model.unet, unet(20)), (loaded.model.adapter, adapter(20))):
        state = network.state_dict()
        assert state.keys() == wanted.keys() and all(torch.equal(state[name], wanted[name]) for name in wanted)
    config = loaded.config
    assert (config.size, config.poses, config.photo_tokens, config.vae_factor) == ((64, 48), 5, 5, 8)
    assert (config.prediction, config.sampler, config.steps, config.clip_square) == ("eps", "pndm", 100, "centred")
    film = loaded.animate(photo(), track(2), steps=2)
    assert len(film) == 2 and film.report["sampler"] == "pndm"
    assert not list(out.rglob("*.pth"))


def test_the_last_epoch_is_taken_and_a_subjects_decoder(given, mine, tmp_path):
    vae = load_file(published.vae(tmp_path / "vae", seed=14) / "diffusion_pytorch_model.safetensors")
    save(vae, mine / "vae_1499.pth", PREFIX)
    assert convert(given, mine, tmp_path / "model", "--half") == 0
    loaded = lookreel.load(tmp_path / "model", device="cpu")
    assert_close(loaded.model.unet.state_dict()["conv_in.weight"], unet(499)["conv_in.weight"], atol=1e-3, rtol=1e-3)
    assert_close(loaded.encoders.codec.vae.decoder.conv_in.weight, vae["decoder.conv_in.weight"], atol=1e-3, rtol=1e-3)
    stored = load_file(tmp_path / "model/unet/diffusion_pytorch_model.safetensors")
    assert {t.dtype for t in stored.values()} == {torch.float16}


def test_a_start_predicts_what_stable_diffusion_does(given, tmp_path, capsys):
    out = tmp_path / "start"
    assert convert(given, given, out, name="dreampose-start") == 0
    assert "adapter  0 tensors" in capsys.readouterr().out
    model = lookreel.load(out, device="cpu").model
    base = published.unet(13)
    x, t, tokens = torch.randn(1, 4, *CELLS), torch.tensor([300]), torch.randn(1, 5, published.CROSS)
    with torch.no_grad():
        got = model(x, t, tokens, torch.randn(1, 10, *CELLS))
        assert_close(got, base(x, t, tokens).sample, atol=1e-4, rtol=1e-4)
    assert torch.equal(model.adapter.linear1.weight, torch.eye(5, 9)) and model.config.clip_square == "squeezed"
    assert torch.equal(model.unet.conv_in.bias, base.conv_in.bias)


def test_at_full_size_a_checkpoint_fits_strictly():
    with torch.device("meta"):
        model = DreamPose(configs.sd15())
    published_shapes = shapes_of(model.unet)  # SD1.5's names and shapes are checked against diffusers in test_unet
    assert len(published_shapes) == 686 and published_shapes["conv_in.weight"] == (320, 14, 3, 3)
    sd14 = published_shapes | {"conv_in.weight": (320, 4, 3, 3)}
    assert "of another shape (conv_in.weight (320, 4, 3, 3)" in fit(sd14, published_shapes, UNET).faults
    assert not fit(shapes_of(model.adapter), shapes_of(model.adapter), Naming()).faults


def refused(capsys, given: Path, checkpoint: Path, out: Path, *more: str) -> str:
    """The one line of a refused conversion, after a look that nothing was left behind."""
    before = sorted(path.name for path in out.parent.iterdir())
    assert convert(given, checkpoint, out, *more) == 2
    assert sorted(path.name for path in out.parent.iterdir()) == before
    captured = capsys.readouterr()
    assert captured.out == "" and "Traceback" not in captured.err
    return captured.err.splitlines()[-1]


def spoil(folder: Path, name: str, tensors) -> None:
    (folder / name).unlink()
    torch.save(tensors, folder / name)


def test_what_is_missing_or_too_much_is_named(given, mine, tmp_path, capsys):
    out = tmp_path / "model"
    tensors = unet(499)
    del tensors["conv_out.bias"]
    spoil(mine, "unet_epoch_499.pth", tensors)
    assert f"1 of {len(unet(499))} tensors missing (conv_out.bias)" in refused(capsys, given, mine, out)
    spoil(mine, "unet_epoch_499.pth", unet(499) | {"class_embedding.weight": torch.zeros(2)})
    assert "1 unexpected (class_embedding.weight)" in refused(capsys, given, mine, out)
    spoil(mine, "unet_epoch_499.pth", unet(499))
    spoil(mine, "adapter_499.pth", {"linear1.weight": torch.zeros(5, 9)})
    assert "tensors missing" in refused(capsys, given, mine, out)


def test_files_of_something_else(given, mine, tmp_path, capsys):
    out = tmp_path / "model"
    spoil(mine, "unet_epoch_499.pth", unet(499, channels=4))
    assert "reads 4 channels; expected 14" in refused(capsys, given, mine, out)
    spoil(mine, "unet_epoch_499.pth", unet(499, channels=9))
    assert "reads 9 channels; expected 14" in refused(capsys, given, mine, out)
    spoil(mine, "unet_epoch_499.pth", adapter(499))
    assert f"of {len(unet(499))} tensors missing" in refused(capsys, given, mine, out)
    spoil(mine, "unet_epoch_499.pth", {"net": Path})
    assert "refused and nothing in it was run" in refused(capsys, given, mine, out)
    (mine / "unet_epoch_499.pth").write_bytes(b"PK nothing")
    assert "not a readable checkpoint" in refused(capsys, given, mine, out)


def test_another_size_does_not_fit_the_adapter(given, tmp_path, capsys):
    line = refused(capsys, given, given / "dreampose", tmp_path / "model", "--size", "64x64")
    assert "vae2clip.weight (16, 12) instead of (16, 16)" in line
    line = refused(capsys, given, given / "dreampose", tmp_path / "model", "--size", "72x48")
    assert "must be multiples of 16" in line


def test_folders_without_what_is_expected(given, mine, tmp_path, capsys):
    out = tmp_path / "model"
    assert "found 7; in" in refused(capsys, given, mine, out, "--epoch", "7")
    (mine / "adapter_20.pth").unlink()
    (mine / "adapter_499.pth").unlink()
    line = refused(capsys, given, mine, out)
    assert "expected unet_epoch_N.pth and adapter_N.pth of one epoch N; found unet_epoch_20.pth" in line
    assert "no such folder" in refused(capsys, given, tmp_path / "nowhere", out)
    with pytest.raises(InputError, match="found none"):
        (tmp_path / "empty").mkdir()
        find(tmp_path / "empty", given / "sd14", None)


def test_another_clip_is_refused(given, tmp_path, capsys):
    clip = published.image_encoder(tmp_path / "other" / "image_encoder")
    raw = json.loads((clip / "config.json").read_text())
    (clip / "config.json").write_text(json.dumps(raw | {"hidden_size": 32, "intermediate_size": 64}))
    line = refused(capsys, given, given / "dreampose", tmp_path / "model", "--image-encoder", str(clip))
    assert "tokens of width 32; the U-Net reads 16: expected CLIP ViT-B/32" in line
