"""The frozen encoders: thin wraps whose scaling, chunking and normalisation are ours; and how the small ones learn."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.testing import assert_close
from transformers import CLIPImageProcessor

from lookreel.encoders.image_encoder import ImageEncoder
from lookreel.encoders.vae import LatentCodec
from lookreel.errors import InputError
from lookreel.training.image_encoder import ContrastStage, ImageEncoderTask
from lookreel.training.task import Settings
from lookreel.training.vae import VAETask, mini_vae
from lookreel.training.vae_start import start
from toys import codec, image_encoder


def pictures(count: int = 5, size: tuple[int, int] = (32, 24)) -> torch.Tensor:
    """Pictures in [-1, 1] whose values are whole steps of 1/255."""
    return torch.randint(0, 256, (count, 3, *size), generator=torch.Generator().manual_seed(0)).float() / 127.5 - 1


def test_latents_are_the_scaled_mean():
    made = codec()
    found = made.encode(pictures())
    assert found.shape == (5, 4, 8, 6) and not found.requires_grad
    with torch.no_grad():
        mean = made.vae.encode(pictures()).latent_dist.mean
    assert_close(found, mean * made.vae.config.scaling_factor)
    assert torch.equal(made.encode(pictures()), found)  # a mean, not a sample


def test_decoding_gives_pictures_of_the_size_that_were_encoded():
    made = codec()
    chunks = list(made.decode(made.encode(pictures())))
    film = torch.cat(chunks)
    assert film.shape == (5, 3, 32, 24) and film.dtype == torch.uint8 and film.is_cpu
    with torch.no_grad():
        plain = made.vae.decode(made.vae.encode(pictures()).latent_dist.mean).sample
    assert (film.float() - ((plain.clamp(-1, 1) + 1) * 127.5)).abs().max() <= 0.51


def test_decoding_rounds_and_clamps():
    """A VAE that hands its latents through: what is outside [-1, 1] becomes 0 or 255, the rest the nearest value."""
    made = codec()
    made.vae.decode = lambda z: type("Out", (), {"sample": z[:, :3]})
    made.vae.register_to_config(scaling_factor=2.0)
    values = torch.tensor([-9.0, -1, -0.998, 0, 0.004, 1, 9])
    film = torch.cat(list(made.decode(2 * values[:, None, None, None].expand(-1, 4, 1, 1))))
    assert film[:, 0, 0, 0].tolist() == [0, 0, 0, 128, 128, 255, 255]


@pytest.mark.parametrize("at_once", [1, 2, 5, 100])
def test_chunks_change_nothing(at_once):
    made = codec()
    latents = made.encode(pictures())
    film = torch.cat(list(made.decode(latents)))
    assert_close(made.encode(pictures(), at_once), latents)
    chunks = list(made.decode(latents, at_once))
    assert [len(chunk) for chunk in chunks] == [at_once] * (5 // at_once) + [5 % at_once] * (5 % at_once > 0)
    assert (torch.cat(chunks).int() - film.int()).abs().max() <= 1


def test_factor_is_the_vaes():
    assert codec().factor == 4 == 32 // codec().encode(pictures()).shape[2]


def test_pictures_are_normed_as_clips_own_processor_does():
    """A picture at CLIP's size: nothing is resized, so only the normalisation is left."""
    made, side = image_encoder(), 16
    pixels = pictures(1, (side, side))
    picture = Image.fromarray(((pixels[0] + 1) * 127.5).round().byte().permute(1, 2, 0).numpy())
    processor = CLIPImageProcessor(size={"shortest_edge": side}, crop_size=side)
    with torch.no_grad():
        wanted = made.clip(processor(picture, return_tensors="pt")["pixel_values"]).image_embeds
    assert_close(made.encode(pixels), wanted, rtol=1e-4, atol=1e-5)


def test_the_whole_figure_is_seen():
    """No centre crop: the head and the feet of an upright picture change the embedding."""
    made = image_encoder()
    plain = torch.zeros(1, 3, 48, 24)
    feet = plain.clone()
    feet[:, :, -6:] = 1
    assert made.width == 8 and made.encode(plain).shape == (1, 8)
    assert (made.encode(feet) - made.encode(plain)).abs().max() > 1e-3


def test_encode_has_no_gradient_and_forward_has():
    made = image_encoder().requires_grad_(True)
    assert not made.encode(pictures(1)).requires_grad and made(pictures(1)).requires_grad


@pytest.mark.parametrize(("make", "kind"), [(codec, LatentCodec), (image_encoder, ImageEncoder)])
def test_folders_come_back(make, kind, tmp_path):
    made = make()
    made.save_pretrained(tmp_path / "whole")
    loaded = kind.from_pretrained(tmp_path / "whole")
    assert torch.equal(loaded.encode(pictures()), made.encode(pictures()))
    made.save_pretrained(tmp_path / "half", torch.float16)
    assert {p.dtype for p in made.parameters()} == {torch.float32}
    half = kind.from_pretrained(tmp_path / "half")
    assert {p.dtype for p in half.parameters()} == {torch.float32}
    assert_close(half.encode(pictures()), made.encode(pictures()), rtol=0.02, atol=0.02)
    with pytest.raises(InputError, match="no weights found"):
        kind.from_pretrained(tmp_path)


# --- their training, on stand-ins for the mannequin world: pictures that a generator chooses


def stills(choices: np.random.Generator, count: int) -> torch.Tensor:
    return torch.from_numpy(choices.integers(0, 256, (count, 3, 32, 24), dtype=np.uint8))


def pairs(choices: np.random.Generator) -> torch.Tensor:
    """Two pairs, each twice the same picture."""
    return stills(choices, 2)[:, None].expand(-1, 2, -1, -1, -1)


SETTINGS = Settings(steps=1, batch=4)


def vae_task(decoder_only: bool = False) -> VAETask:
    vae = codec().vae.requires_grad_(True)
    return VAETask(vae, stills, stills(np.random.default_rng(0), 8), SETTINGS, decoder_only)


@pytest.mark.parametrize("task", [vae_task, lambda: ImageEncoderTask(image_encoder(), pairs, None, SETTINGS)])
def test_a_sample_depends_on_seed_step_and_number_alone(task):
    made, cpu = task(), torch.device("cpu")

    def parts(step: int, samples: range) -> list[torch.Tensor]:
        batch = made.batch(step, samples, cpu)
        return list(batch) if isinstance(batch, tuple) else [batch]

    whole = parts(1, range(4))
    halves = [torch.cat(pair) for pair in zip(parts(1, range(2)), parts(1, range(2, 4)), strict=True)]
    assert all(torch.equal(a, b) for a, b in zip(whole, halves, strict=True))
    assert all(not torch.equal(a, b) for a, b in zip(whole, parts(2, range(4)), strict=True))
    assert whole[0].min() >= -1 and whole[0].max() <= 1


@pytest.mark.parametrize("decoder_only", [False, True])
def test_the_decoder_may_learn_alone(decoder_only):
    task = vae_task(decoder_only)
    losses = task.network(task.batch(1, range(1), torch.device("cpu")))
    losses["loss"].backward()
    encoder = [p for part in (task.vae.encoder, task.vae.quant_conv) for p in part.parameters()]
    decoder = [p for part in (task.vae.decoder, task.vae.post_quant_conv) for p in part.parameters()]
    assert all((p.grad is None) == decoder_only for p in encoder) and all(p.grad is not None for p in decoder)
    assert losses["mse"] > 0 and losses["kl"] > 0


@pytest.mark.parametrize("decoder_only", [False, True])
def test_saved_latents_have_unit_deviation(decoder_only, tmp_path):
    task = vae_task(decoder_only)
    task.vae.register_to_config(scaling_factor=0.5)
    task.save(tmp_path)
    made = LatentCodec.from_pretrained(tmp_path / "vae")
    deviation = made.encode(task.held_out.float() / 127.5 - 1).std().item()
    assert made.vae.config.scaling_factor == 0.5 if decoder_only else deviation == pytest.approx(1, abs=0.01)


def test_the_small_vae_starts_from_principal_components():
    """Its latents are, up to sign and size, what a singular value decomposition of the 4x4 patches gives."""
    torch.manual_seed(0)
    smooth = torch.rand(8, 3, 6, 5)
    pictures = torch.nn.functional.interpolate(smooth, (64, 48), mode="bilinear") * 2 - 1
    vae = mini_vae()
    start(vae, pictures)
    with torch.no_grad():
        latents = vae.encode(pictures).latent_dist.mean.movedim(1, 3).flatten(0, 2)  # (cells, 4)
    patches = torch.nn.functional.unfold(pictures, 4, stride=4).movedim(1, 2).flatten(0, 1)
    patches = patches - patches.mean(0)
    components = patches @ torch.linalg.svd(patches, full_matrices=False).Vh[:4].T
    both = torch.corrcoef(torch.cat([latents, components], dim=1).T)[:4, 4:].abs()
    assert both.diagonal().min() > 0.95, both


def test_contrast_tells_partners():
    stage = ContrastStage(image_encoder())
    given = torch.cat([pairs(np.random.default_rng(i)) for i in range(4)]).float() / 127.5 - 1
    with torch.no_grad():
        right, wrong = stage(given), stage(torch.stack([given[:, 0], given[:, 0].roll(1, 0)], dim=1))
    assert right["right"] == 1 and wrong["right"] == 0 and right["loss"] < wrong["loss"]


def test_a_saved_vae_does_not_tell_where_it_came_from(tmp_path):
    codec().save_pretrained(tmp_path / "first")
    LatentCodec.from_pretrained(tmp_path / "first").save_pretrained(tmp_path / "second")
    assert str(tmp_path) not in (tmp_path / "second" / "config.json").read_text()
