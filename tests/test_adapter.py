"""The split CLIP-VAE adapter, the tokens it reads, and the encoders that several models share."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from lookreel.encoders import shared
from lookreel.encoders.adapter import Adapter
from lookreel.encoders.image_encoder import ImageEncoder
from lookreel.encoders.shared import Encoders
from lookreel.encoders.tokens import TokenEncoder
from lookreel.errors import InputError
from lookreel.nets.weights import write_json
from toys import codec, image_encoder


def test_parameters_are_the_published_ones():
    with torch.device("meta"):
        adapter = Adapter(tokens=50, width=768, latent_size=(80, 64))
    shapes = {name: tuple(p.shape) for name, p in adapter.named_parameters()}
    assert shapes == {
        "vae2clip.weight": (768, 1280),
        "vae2clip.bias": (768,),
        "linear1.weight": (50, 54),
        "linear1.bias": (50,),
    }
    assert sum(p.numel() for p in adapter.parameters()) == 986_558


def test_it_begins_by_handing_clip_through():
    adapter, tokens = Adapter(5, 16, (8, 6)), torch.randn(2, 5, 16)
    assert_close(adapter(tokens, torch.randn(2, 4, 8, 6)), tokens)
    assert_close(adapter.linear1.weight, torch.eye(5, 9))


def test_its_formula():
    """Maximum over 2x2 cells, a linear map for each channel, then a linear map over all tokens."""
    adapter, tokens, latent = Adapter(5, 16, (8, 6)), torch.randn(2, 5, 16), torch.randn(2, 4, 8, 6)
    torch.nn.init.normal_(adapter.linear1.weight)
    cells = latent.view(2, 4, 4, 2, 3, 2).amax((3, 5)).reshape(2, 4, 12)
    both = torch.cat([tokens, cells @ adapter.vae2clip.weight.T + adapter.vae2clip.bias], dim=1)
    expected = torch.einsum("ts,bsd->btd", adapter.linear1.weight, both) + adapter.linear1.bias[:, None]
    assert_close(adapter(tokens, latent), expected)


def test_tokens_are_clips_last_hidden_states():
    encoder = image_encoder()
    tokens = TokenEncoder(encoder)
    pixels = torch.rand(2, 3, 16, 16) * 2 - 1  # of CLIP's own size, so that nothing is resized
    normed = (pixels / 2 + 0.5 - encoder.mean) / encoder.std
    assert_close(tokens.encode(pixels), encoder.clip(normed).last_hidden_state, atol=1e-4, rtol=1e-4)
    assert tokens.encode(pixels).shape == (2, tokens.count, tokens.width) == (2, 5, 16)


def test_rescaling_twice_shows_an_almost_black_picture():
    encoder = image_encoder()
    seen = []
    encoder.clip.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    for twice in (False, True):
        TokenEncoder(encoder, doubly_rescaled=twice).encode(torch.ones(1, 3, 32, 24))
    white, dark = (pixels.mean((0, 2, 3)) for pixels in seen)
    assert_close(white, ((1 - encoder.mean) / encoder.std).flatten(), atol=1e-3, rtol=1e-3)
    assert_close(dark, ((1 / 255 - encoder.mean) / encoder.std).flatten(), atol=1e-3, rtol=1e-3)
    assert (dark < -1.4).all()  # the published range is -1.79 to -1.47


def test_rescaling_twice_cuts_the_centred_square():
    encoder = TokenEncoder(image_encoder(), doubly_rescaled=True)
    pixels = torch.rand(1, 3, 32, 24) * 2 - 1
    assert_close(encoder.encode(pixels), encoder.encode(pixels[:, :, 4:28]))


@pytest.fixture
def bundled(tmp_path: Path, monkeypatch) -> Path:
    """A folder of bundled models with one, `mini`."""
    codec().save_pretrained(tmp_path / "models/mini/vae")
    image_encoder().save_pretrained(tmp_path / "models/mini/image_encoder")
    monkeypatch.setattr(shared, "MODELS", tmp_path / "models")
    return tmp_path / "models" / "mini"


def test_shared_encoders_are_named_and_not_stored(bundled, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    entries = shared.write(shared.bundled(), folder, torch.float16)
    assert not list(folder.iterdir()) and entries["vae"]["bundled"] == "mini"
    read = shared.read(folder, json.loads(json.dumps(entries)))
    assert read.shared == {"vae": "mini", "image_encoder": "mini"}
    pixels = torch.rand(1, 3, 32, 24)
    assert_close(read.codec.encode(pixels), shared.bundled().codec.encode(pixels))


def test_one_may_be_shared_and_the_other_own(bundled, tmp_path):
    whole = shared.bundled()
    mixed = Encoders(whole.codec, whole.image_encoder, {"image_encoder": "mini"})
    entries = shared.write(mixed, tmp_path, torch.float32)
    assert entries["vae"] == ["diffusers", "AutoencoderKL"] and (tmp_path / "vae").is_dir()
    assert shared.read(tmp_path, entries).shared == {"image_encoder": "mini"}


def test_a_bundled_encoder_that_changed_is_refused_and_a_decoder_may_be_tuned(bundled, tmp_path):
    entries = shared.write(shared.bundled(), tmp_path, torch.float32)
    tuned = codec()
    for name, p in tuned.vae.named_parameters():
        if name.startswith("decoder."):
            p.data += 1
    tuned.save_pretrained(bundled / "vae")
    shared.read(tmp_path, entries)
    next(tuned.vae.encoder.parameters()).data += 1
    tuned.save_pretrained(bundled / "vae")
    with pytest.raises(InputError, match="trained with another vae than the bundled mini's"):
        shared.read(tmp_path, entries)


def test_missing_encoders_are_named(bundled, tmp_path):
    with pytest.raises(InputError, match="no folder vae in it"):
        shared.own(tmp_path)
    with pytest.raises(InputError, match="no folder vae in it"):
        shared.read(tmp_path, {"vae": {"bundled": "absent"}, "image_encoder": {"bundled": "mini"}})
    write_json(tmp_path / "model_index.json", [])
    with pytest.raises(InputError, match="found a JSON list"):
        shared.of_model(tmp_path)


def test_the_fingerprint_survives_half_precision(tmp_path):
    one = image_encoder()
    one.save_pretrained(tmp_path, torch.float16)
    stored = ImageEncoder.from_pretrained(tmp_path)
    assert shared.fingerprint(one) == shared.fingerprint(stored)
    next(stored.clip.parameters()).data += 0.5
    assert shared.fingerprint(one) != shared.fingerprint(stored)
    assert np.isfinite(next(stored.clip.parameters()).numpy()).all()
