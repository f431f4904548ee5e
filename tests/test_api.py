"""Models on disk: what is saved is what is loaded, and what is refused."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import load_file, save_file

from lookreel import api
from lookreel.encoders.vae import LatentCodec
from lookreel.errors import InputError
from lookreel.profashion.config import toy
from toys import photos, system, track

COMPONENTS = (
    "reference_unet",
    "denoising_unet",
    "motion",
    "pose_guider",
    "pose_features",
    "aggregator",
    "vae",
    "image_encoder",
)


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    """A toy model as save_pretrained writes it; not to be changed."""
    folder = tmp_path_factory.mktemp("models") / "toy"
    system().save_pretrained(folder)
    return folder


@pytest.fixture
def copied(saved, tmp_path) -> Path:
    """The same, to be changed."""
    return Path(shutil.copytree(saved, tmp_path / "toy"))


def test_a_loaded_model_makes_the_same_film(saved):
    one = system().animate(photos(), track(3), seed=3)
    # Memory that held other numbers before: nothing may be left as it was found.
    junk = [torch.full((1_000_000,), torch.nan) for _ in range(4)]
    del junk
    loaded = api.load(saved, "cpu")
    assert torch.equal(loaded.animate(photos(), track(3), seed=3).frames, one.frames)
    assert loaded.size == toy().size and loaded.config == toy()


def test_a_loaded_model_is_for_use_and_knows_its_name(saved):
    loaded = api.load(str(saved), "cpu")
    assert loaded.name == str(saved) and loaded.sha256 == api.weights_hash(saved) and len(loaded.sha256) == 64
    assert not loaded.model.training and not any(p.requires_grad for p in loaded.model.parameters())
    for part in (loaded.codec, loaded.image_encoder):
        assert not any(p.requires_grad for p in part.parameters())


def test_the_folder_is_diffusers(saved):
    index = json.loads((saved / "model_index.json").read_text())
    assert index["_class_name"] == "ProFashionSystem" and set(COMPONENTS) < set(index)
    assert index["vae"] == ["diffusers", "AutoencoderKL"]
    assert {path.name for path in saved.iterdir()} == {*COMPONENTS, "model_index.json"}
    assert all((saved / name / "config.json").is_file() for name in COMPONENTS)
    assert not [path for path in saved.rglob("*") if path.suffix in (".bin", ".pt", ".tmp")]
    unet = UNet2DConditionModel.from_pretrained(saved / "denoising_unet")
    assert unet.config.cross_attention_dim == 8


def test_half_precision_halves_the_file_and_still_makes_the_film(saved, tmp_path):
    made = system()
    before = made.animate(photos(), track(2))
    made.save_pretrained(tmp_path / "half", torch.float16)
    assert torch.equal(made.animate(photos(), track(2)).frames, before.frames)  # what is in memory keeps its precision
    for name in COMPONENTS:
        whole, half = (next((folder / name).glob("*.safetensors")) for folder in (saved, tmp_path / "half"))
        tensors = load_file(half).values()
        assert {t.dtype for t in tensors} <= {torch.float16, torch.int64}, name
        assert half.stat().st_size < 0.7 * whole.stat().st_size
    loaded = api.load(tmp_path / "half", "cpu")
    assert {p.dtype for p in loaded.model.parameters()} == {torch.float32}
    film = loaded.animate(photos(), track(2))
    assert (film.frames.float() - before.frames.float()).abs().mean() < 2


def test_an_interrupted_save_leaves_no_model(copied, monkeypatch):
    """Written over an older model: half of the one and half of the other must not load."""

    def stopping(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(LatentCodec, "save_pretrained", stopping)
        with pytest.raises(KeyboardInterrupt):
            system().save_pretrained(copied)
    with pytest.raises(InputError, match="no model_index.json"):
        api.load(copied, "cpu")
    system().save_pretrained(copied)
    api.load(copied, "cpu")


def test_the_hash_tells_weights_apart(saved, copied):
    assert api.weights_hash(copied) == api.weights_hash(saved)
    (copied / "note.txt").write_text("not a weight")
    assert api.weights_hash(copied) == api.weights_hash(saved)
    file = copied / "motion" / "diffusion_pytorch_model.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    assert api.weights_hash(copied) != api.weights_hash(saved)


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_component_that_is_only_a_pickle_is_refused(copied, name):
    file = next((copied / name).glob("*.safetensors"))
    tensors = load_file(file)
    file.unlink()
    torch.save(tensors, file.with_suffix(".bin"))
    with pytest.raises(InputError, match="pickle"):
        api.load(copied, "cpu")


def test_a_pickle_beside_tensors_is_ignored(copied):
    for name in COMPONENTS:
        (copied / name / "pytorch_model.bin").write_bytes(b"not even a pickle")
    api.load(copied, "cpu")


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_missing_component_is_named(copied, name):
    shutil.rmtree(copied / name)
    with pytest.raises(InputError, match=name):
        api.load(copied, "cpu")


@pytest.mark.parametrize("name", ["vae", "image_encoder"])
def test_encoders_that_are_not_whole_are_refused(copied, name):
    file = next((copied / name).glob("*.safetensors"))
    config, tensors = (copied / name / "config.json").read_text(), load_file(file)
    first = sorted(tensors)[0]
    for text in ("{", "[]", "{}"):
        (copied / name / "config.json").write_text(text)
        with pytest.raises(InputError, match=name) as error:
            api.load(copied, "cpu")
        assert "\n" not in str(error.value)
    (copied / name / "config.json").write_text(config)
    save_file({key: value for key, value in tensors.items() if key != first}, file, {"format": "pt"})
    with pytest.raises(InputError, match=f"{name}.*1 tensors missing, the first is {first}"):
        api.load(copied, "cpu")


def test_tensors_of_another_net_are_refused(copied):
    shutil.copy(copied / "pose_guider" / "diffusion_pytorch_model.safetensors", copied / "pose_features")
    with pytest.raises(InputError, match="pose_features.*tensors missing"):
        api.load(copied, "cpu")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not readable"),
        ("[]", "not readable"),
        ("{}", "not readable"),
        ('{"_class_name": ["ProFashionSystem"]}', "ProFashionSystem"),
        ('{"_class_name": "StableDiffusionPipeline"}', "a StableDiffusionPipeline"),
        ('{"_class_name": "ProFashionSystem"}', "not a config of ProFashion"),
        ('{"_class_name": "ProFashionSystem", "config": {"mystery": 1}}', "not a config of ProFashion"),
        ('{"_class_name": "ProFashionSystem", "config": 5}', "not a config of ProFashion"),
    ],
)
def test_a_wrong_index_is_refused(copied, text, words):
    (copied / "model_index.json").write_text(text)
    with pytest.raises(InputError, match=words):
        api.load(copied, "cpu")


@pytest.mark.parametrize(
    ("field", "value"), [("aggregator", "median"), ("sampler", "euler"), ("beta_schedule", "cosine")]
)
def test_an_unknown_word_in_the_config_is_refused(copied, field, value):
    index = json.loads((copied / "model_index.json").read_text())
    index["config"][field] = value
    (copied / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(InputError, match=f"{field}.*{value}"):
        api.load(copied, "cpu")


WRONG_FIELDS = [
    ({"size": [130, 96]}, "multiples of 4"),
    ({"size": [0, 0]}, "multiples of 4"),
    ({"size": [-128, 96]}, "multiples of 4"),
    ({"size": [32.5, 24]}, "size is 32.5"),
    ({"size": "big"}, "size is 'big'"),
    ({"size": [32, 24, 3]}, "size is"),
    ({"vae_factor": 0}, "multiples of 0"),
    ({"vae_factor": 8}, "encoders of VAE factor and width"),
    ({"steps": "many"}, "steps is 'many'"),
    ({"steps": True}, "steps is True"),
    ({"guidance": None}, "guidance is None"),
    ({"noise_scale": 3.0}, "noise_scale 3"),
    ({"motion_heads": 5}, "no multiple of 5 heads"),
    ({"motion_heads": 0}, "no multiple of 0 heads"),
    ({"unet": 3}, "unet is 3"),
    ({"window": 99}, "window 99"),
]


@pytest.mark.parametrize(("change", "words"), WRONG_FIELDS)
def test_a_wrong_config_is_refused(copied, change, words):
    index = json.loads((copied / "model_index.json").read_text())
    index["config"] |= change
    (copied / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(InputError, match=words) as error:
        api.load(copied, "cpu")
    assert "\n" not in str(error.value) and str(copied) in str(error.value)


def test_a_config_from_before_a_field_was_there_is_read(copied):
    index = json.loads((copied / "model_index.json").read_text())
    for name in ("noise_scale", "motion_sites", "beta_schedule"):
        del index["config"][name]
    del index["config"]["selector"]["similarity"]
    (copied / "model_index.json").write_text(json.dumps(index))
    assert api.load(copied, "cpu").config == toy()


def test_a_folder_that_is_no_model_is_refused(tmp_path):
    with pytest.raises(InputError, match="model_index.json"):
        api.load(tmp_path)


def test_an_unknown_name_is_refused():
    with pytest.raises(InputError, match="'no-such-model': not found"):
        api.load("no-such-model")


def test_an_unknown_device_is_refused(saved):
    with pytest.raises(InputError, match="device.*potato"):
        api.load(saved, "potato")


def test_a_repository_without_a_model_is_refused(monkeypatch, tmp_path):
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda name, **options: str(tmp_path))
    with pytest.raises(InputError, match="model_index.json"):
        api.load("someone/something")


def test_a_hub_id_loads_what_the_hub_gives(monkeypatch, saved):
    import huggingface_hub

    asked = []

    def download(name, allow_patterns):
        asked.append((name, allow_patterns))
        return str(saved)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert api.load("someone/something", "cpu").name == "someone/something"
    assert asked == [("someone/something", ["*.json", "*.safetensors"])]  # no pickle is even fetched


def test_presets_are_all_papers_and_encoders():
    assert {"mini", "toy", "profashion-sd15", "mini-vae", "mini-image-encoder"} <= set(api.presets())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"preset": "maxi"}, "preset 'maxi': unknown; expected one of .*mini"),
        ({"preset": "toy", "steps": 0}, "steps: found 0"),
        ({"preset": "toy", "stage": 3}, "stage: found 3"),
        ({"preset": "mini-vae", "stage": 2}, "one stage"),
    ],
)
def test_wrong_trainings_are_refused(options, words, tmp_path):
    with pytest.raises(InputError, match=words):
        api.train(options.pop("preset"), "mannequin", tmp_path, **options)
