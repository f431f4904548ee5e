"""A subject's folder: changes on top of a base, which it knows and whose stead no other can take."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file
from torch.testing import assert_close

import lookreel
from dreampose_toys import photo, system, track
from lookreel import model_folder
from lookreel.api import weights_hash
from lookreel.dreampose.subject import Base, apply, differences, read_subject, save_subject
from lookreel.encoders import shared
from lookreel.encoders.shared import Encoders
from lookreel.errors import InputError
from lookreel.nets.weights import write_json

RECORD = {"how": "full", "steps": 3, "photos": [{"file": "front.png", "sha256": "0"}]}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base") / "model"
    system().save_pretrained(folder)
    return folder


def tuned():
    """A system with other weights, in every component that tuning may change."""
    other = system()
    generator = torch.Generator().manual_seed(1)
    for network in (other.model.unet.conv_out, other.model.adapter, other.encoders.codec.vae.decoder.conv_in):
        for p in network.parameters():
            p.data += 0.05 * torch.randn(p.shape, generator=generator)
    return other


def changes(one, other):
    def states(made):
        return {"unet": made.model.unet, "adapter": made.model.adapter, "vae": made.encoders.codec.vae}

    before, after = states(one), states(other)
    return {name: differences(before[name].state_dict(), after[name].state_dict()) for name in before}


@pytest.fixture
def subject(saved, tmp_path):
    folder = tmp_path / "subject"
    save_subject(folder, Base(str(saved), weights_hash(saved)), changes(system(), tuned()), RECORD)
    return folder


def film(made):
    return made.animate(photo(), track(2)).frames


def test_only_what_changed_is_stored(subject, saved):
    assert sorted(path.name for path in subject.iterdir()) == [
        "adapter.safetensors", "model_index.json", "subject.json", "unet.safetensors", "vae.safetensors",
    ]  # fmt: skip
    assert set(load_file(subject / "unet.safetensors")) == {"conv_out.weight.add", "conv_out.bias.add"}
    assert all(key.startswith("decoder.conv_in.") for key in load_file(subject / "vae.safetensors"))
    described = json.loads((subject / "subject.json").read_text())
    assert described["base"] == {"name": str(saved), "sha256": weights_hash(saved)} and described["steps"] == 3
    assert read_subject(subject).record == RECORD


def test_a_subject_is_its_base_with_the_changes(subject, saved):
    loaded, wanted = lookreel.load(subject, device="cpu"), tuned()
    for name, tensor in wanted.model.state_dict().items():
        assert_close(loaded.model.state_dict()[name], tensor, atol=1e-4, rtol=1e-4)
    for name, tensor in wanted.encoders.codec.state_dict().items():
        assert_close(loaded.encoders.codec.state_dict()[name], tensor, atol=1e-4, rtol=1e-4)
    made = loaded.animate(photo(), track(2))
    assert (made.frames.float() - film(wanted).float()).abs().max() <= 2
    assert not torch.equal(made.frames, film(lookreel.load(saved, device="cpu")))
    assert made.report["base"] == {"name": str(saved), "sha256": weights_hash(saved)}
    assert made.report["model"]["name"] == str(subject) and made.report["model"]["sha256"] == weights_hash(subject)


def test_no_change_is_the_base(saved, tmp_path):
    save_subject(tmp_path / "subject", Base(str(saved), weights_hash(saved)), {"unet": {}}, {})
    assert torch.equal(film(lookreel.load(tmp_path / "subject", "cpu")), film(lookreel.load(saved, "cpu")))
    assert differences(system().model.state_dict(), system().model.state_dict()) == {}


def test_changes_of_low_rank(saved, tmp_path):
    unet = system().model.unet
    g = torch.Generator().manual_seed(1)
    up, down = torch.randn(4, 2, generator=g), torch.randn(2, 16 * 9, generator=g)
    low = {"conv_out.weight.up": up, "conv_out.weight.down": down, "conv_out.bias.add": torch.ones(4)}
    save_subject(tmp_path / "subject", Base(str(saved), weights_hash(saved)), {"unet": low}, {}, torch.float32)
    state = lookreel.load(tmp_path / "subject", "cpu").model.unet.state_dict()
    assert_close(state["conv_out.weight"], unet.conv_out.weight + (up @ down).reshape(4, 16, 3, 3))
    assert_close(state["conv_out.bias"], unet.conv_out.bias + 1)


def test_another_base_is_refused(subject, saved, tmp_path):
    moved = tmp_path / "other"
    shutil.copytree(saved, moved)
    other = system()
    other.model.adapter.linear1.bias.data += 1
    other.save_pretrained(moved)
    raw = json.loads((subject / "subject.json").read_text())
    write_json(subject / "subject.json", raw | {"base": raw["base"] | {"name": str(moved)}})
    with pytest.raises(InputError, match="tuned from .* another model"):
        lookreel.load(subject, "cpu")


def test_a_missing_base_is_named_and_one_beside_is_found(subject, saved, tmp_path):
    raw = json.loads((subject / "subject.json").read_text())
    write_json(subject / "subject.json", raw | {"base": raw["base"] | {"name": "/no/such/model"}})
    with pytest.raises(InputError, match="a subject of /no/such/model, which is not here"):
        lookreel.load(subject, "cpu")
    shutil.copytree(saved, tmp_path / "model")  # moved together with the subject
    lookreel.load(subject, "cpu")


def test_a_subject_of_a_subject_is_refused(subject, tmp_path):
    save_subject(tmp_path / "second", Base(str(subject), weights_hash(subject)), {}, {})
    with pytest.raises(InputError, match="a subject itself"):
        lookreel.load(tmp_path / "second", "cpu")


def test_a_bundled_decoder_that_was_tuned_is_no_longer_shared(tmp_path, monkeypatch):
    bundled = tmp_path / "models" / "mini"
    made = system()
    for name, part in made.encoders.parts().items():
        part.save_pretrained(bundled / name)
    monkeypatch.setattr(shared, "MODELS", tmp_path / "models")
    made.encoders = Encoders(*vars(shared.bundled()).values())
    made.save_pretrained(tmp_path / "base")
    assert not (tmp_path / "base/vae").exists()
    base = Base(str(tmp_path / "base"), weights_hash(tmp_path / "base"))
    save_subject(tmp_path / "subject", base, changes(system(), tuned()), {})
    loaded = lookreel.load(tmp_path / "subject", "cpu")
    assert loaded.encoders.shared == {"image_encoder": "mini"}
    loaded.save_pretrained(tmp_path / "whole")
    assert torch.equal(film(lookreel.load(tmp_path / "whole", "cpu")), film(loaded))


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({"nowhere.weight.add": torch.ones(1)}, "nowhere.weight, which the base does not have"),
        ({"conv_out.bias.add": torch.ones(5)}, r"\(5,\) for conv_out.bias of \(4,\)"),
        ({"conv_out.weight.add": torch.ones(4, 144)}, r"\(4, 144\) for conv_out.weight"),
        ({"conv_out.weight.up": torch.ones(4, 2)}, "with .up; expected .add, or .up and .down"),
        ({"conv_out.weight.up": torch.ones(4, 2), "conv_out.weight.down": torch.ones(3, 144)}, "do not meet"),
        ({"conv_out.weight.up": torch.ones(4, 2), "conv_out.weight.down": torch.ones(2, 100)}, "for conv_out.weight"),
        ({"conv_out.weight.up": torch.ones(2, 2), "conv_out.weight.down": torch.ones(2, 288)}, "for conv_out.weight"),
        ({"conv_out.bias.scaled": torch.ones(4)}, "with .scaled"),
    ],
)
def test_changes_that_do_not_fit(tensors, words, tmp_path):
    with pytest.raises(InputError, match=words):
        apply(system().model.unet, tensors, tmp_path / "unet.safetensors")


def test_a_damaged_subject_is_refused(subject):
    (subject / "unet.safetensors").write_bytes(b"no tensors")
    with pytest.raises(InputError, match="not a whole subject folder"):
        lookreel.load(subject, "cpu")
    (subject / "unet.safetensors").unlink()
    with pytest.raises(InputError, match="not a whole subject folder"):
        lookreel.load(subject, "cpu")
    (subject / "subject.json").write_text("[]")
    with pytest.raises(InputError, match="not a whole subject folder"):
        lookreel.load(subject, "cpu")


def test_only_a_subject_is_replaced(saved, tmp_path):
    base = Base(str(saved), weights_hash(saved))
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/front.png").write_bytes(b"dear")
    with pytest.raises(InputError, match="exists already and is no subject"):
        save_subject(tmp_path / "photos", base, {}, {})
    assert (tmp_path / "photos/front.png").read_bytes() == b"dear"
    (tmp_path / "empty").mkdir()
    save_subject(tmp_path / "empty", base, {}, {})


def test_a_bundled_base_keeps_its_name(tmp_path, monkeypatch):
    monkeypatch.setattr(model_folder, "MODELS", tmp_path / "models")
    monkeypatch.chdir(tmp_path)
    made = system()
    made.save_pretrained(tmp_path / "models/small")
    (tmp_path / "small").mkdir()  # a folder of the bundled model's name does not stand in for it
    save_subject(tmp_path / "subject", Base("small", weights_hash(tmp_path / "models/small")), {}, {})
    assert read_subject(tmp_path / "subject").base.name == "small"
    assert torch.equal(film(lookreel.load(tmp_path / "subject", "cpu")), film(made))


def test_nothing_is_half_written(saved, subject, tmp_path):
    before = {path.name: path.read_bytes() for path in subject.iterdir()}
    base = Base(str(saved), weights_hash(saved))
    for wrong, words in (
        ({"unet": {"conv_out.bias.add": torch.full((4,), 1e6)}}, "not finite in float16"),
        ({"vae_decoder": {"x.add": torch.ones(1)}}, "changes of vae_decoder"),
    ):
        with pytest.raises(InputError, match=words):
            save_subject(subject, base, wrong, {})
    assert {path.name: path.read_bytes() for path in subject.iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["subject"]
    save_subject(subject, base, {}, {})  # a second tuning replaces the first
    assert sorted(path.name for path in subject.iterdir()) == ["model_index.json", "subject.json"]
