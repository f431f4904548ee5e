"""Work that is left out without changing the result: each saving beside the plain formulation, in float32."""

from collections import Counter

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from lookreel.diffusion.sampler import initial_noise, multistep
from lookreel.diffusion.windows import combine, windows
from lookreel.nets.attention import Answer, Attention, KeyValue, halves
from lookreel.nets.in_parts import in_parts
from lookreel.photos import open_photos
from lookreel.poses.motions import load_motion
from lookreel.profashion.system import ProFashionSystem
from lookreel.reference.conditions import pose_pictures, see, settle
from lookreel.reference.instances import Instances
from lookreel.running.meter import Meter
from lookreel.running.plan import Plan
from toys import SIZE, awake, codec, model, photos, system, track

FRAMES = 20  # two windows


def seen_by(made: ProFashionSystem, frames: int = FRAMES):
    references = open_photos(photos(), SIZE)
    pixels = torch.stack([photo.pixels for photo in references])
    motion = load_motion(track(frames))
    return see(made, pixels, references, motion, pose_pictures(motion, SIZE))


def plain_film(made: ProFashionSystem, guidance: float, steps: int) -> Tensor:
    """Latents as the paper writes it: prototypes mixed, then projected; cross-attention over the token; each step."""
    seen, net = seen_by(made), made.model
    x_R = net.semantic(seen.embeddings, seen.m)
    spans = windows(FRAMES, made.config.window, made.config.overlap)

    def predict_window(z: Tensor, t: int, window: range) -> Tensor:
        rows = slice(window.start, window.stop)
        times, pose = torch.full((len(z),), t), seen.pose[rows]
        z_R = net.prototypes(seen.features, seen.m[:, rows])
        told = net.denoiser.video(z, times, x_R[rows], z_R, pose, len(z))[0]
        untold = net.denoiser.video(z, times, torch.zeros_like(x_R[rows]), {}, pose, len(z))[0]
        return untold + guidance * (told - untold)

    noise = initial_noise((FRAMES, 4, *made.config.latent_size), 0)
    return multistep(lambda z, t: combine(predict_window, z, t, spans), noise, net.schedule, steps)


@torch.no_grad()
@pytest.mark.parametrize("aggregator", ["ppa", "mean", "first", "concat", "full"])
def test_a_film_is_that_of_the_plain_formulation(aggregator, monkeypatch):
    made, found = system(aggregator=aggregator), []
    decode = made.codec.pictures
    monkeypatch.setattr(made.codec, "pictures", lambda z, *rest: (found.append(z), decode(z, *rest))[1])
    made.animate(photos(), track(FRAMES), steps=2, guidance=2.5)
    assert_close(found[0], plain_film(made, 2.5, 2), rtol=1e-4, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("tokens", [1, 3])
def test_cross_attention_settled_beforehand(tokens):
    """Over one token a softmax is 1 and the answer is one vector; over several, keys and values are kept."""
    unet = awake(model()).denoiser.unet.eval()
    z, t, context = torch.randn(2, 4, 8, 6), torch.tensor([500, 20]), torch.randn(2, tokens, 8)
    settled = unet.settle(context)
    assert {type(part) for part in settled.values()} == {Answer if tokens == 1 else KeyValue}
    assert_close(unet(z, t, settled), unet(z, t, context), rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_a_zero_embedding_settles_to_one_row_for_all():
    unet = awake(model()).denoiser.unet.eval()
    z, t = torch.randn(3, 4, 8, 6), torch.full((3,), 500)
    for tokens in (1, 3):
        assert_close(unet(z, t, unet.settle(torch.zeros(1, 1, 8))), unet(z, t, torch.zeros(3, tokens, 8)))


@torch.no_grad()
def test_attention_of_keys_and_values_is_that_of_tokens():
    attention = awake(Attention(16, 12, 2))
    x, memory = torch.randn(2, 5, 16), torch.randn(2, 7, 12)
    assert_close(attention(x, attention.project(memory)), attention(x, memory))
    side_by_side = torch.cat(attention.project(memory), dim=2)
    assert_close(attention(x, halves(side_by_side)), attention(x, memory))


@torch.no_grad()
def test_photos_are_projected_once_for_each_film(monkeypatch):
    """In the steps, keys and values are made of a frame's own tokens only, and the cross-attention is not asked."""
    made, rows, asked = system(), Counter(), Counter()
    conditions = settle(made.model, seen_by(made, 3))
    for name in made.model.grids():
        block = made.model.denoiser.unet.get_submodule(f"{name}.transformer_blocks.0")
        for layer in (block.attn1.to_k, block.attn1.to_v):
            layer.register_forward_hook(lambda _, given, out, name=name: rows.update({name: given[0].shape[1]}))
        for layer in block.attn2.children():
            layer.register_forward_hook(lambda *_: asked.update(["attn2"]))
    for told in (True, False):
        made._predict(conditions, torch.randn(3, 4, 8, 6), 500, range(3), told)
    assert not asked
    assert rows == {name: 2 * 2 * h * w for name, (h, w) in made.model.grids().items()}


@torch.no_grad()
def test_prototypes_are_made_when_asked_for_and_not_kept():
    made = system()
    conditions = settle(made.model, seen_by(made, 3))
    given = Instances(made.model.prototype, conditions.memory, conditions.m)
    assert list(given) == list(made.model.grids()) and len(given) == len(made.model.grids())
    name = next(iter(given))
    assert given[name].keys is not given[name].keys and given.get("elsewhere") is None
    assert not any(isinstance(value, KeyValue) for value in vars(given).values())


@torch.no_grad()
def test_a_step_neither_waits_for_the_device_nor_gathers():
    """On meta tensors a read-back raises; masks and gathers by index would show among the kernels."""
    made = system()
    conditions = settle(made.model, seen_by(made, 3))
    with Meter() as meter:
        for told in (True, False):
            made._predict(conditions, torch.randn(3, 4, 8, 6), 500, range(3), told)
    words = ("index", "gather", "nonzero", "mask", "where", "item", "_local_scalar_dense", "scatter", "bernoulli")
    assert meter.kernels and not [name for name in meter.kernels if any(word in name for word in words)]


@torch.no_grad()
@pytest.mark.parametrize("pictures", [1, 3, 16])
def test_layers_that_work_on_some_pictures_at_a_time(pictures):
    made = system()
    conditions = settle(made.model, seen_by(made, 5))
    z = torch.randn(5, 4, 8, 6)
    whole = [made._predict(conditions, z, 500, range(5), told)[0] for told in (True, False)]
    made.run_by(Plan(frames_at_once=pictures), made.device)
    parts = [made._predict(conditions, z, 500, range(5), told)[0] for told in (True, False)]
    assert_close(parts, whole, rtol=1e-5, atol=1e-5)


def test_in_parts():
    calls = []

    def layer(x, pair, one, nothing):
        calls.append(len(x))
        assert nothing is None and len(one) == 1
        return x + pair.keys * pair.values + one

    x, pair, one = torch.randn(5, 2), KeyValue(torch.randn(5, 2), torch.randn(5, 2)), torch.randn(1, 2)
    expected = x + pair.keys * pair.values + one
    assert_close(in_parts(layer, (x, pair, one, None), 2), expected)
    assert calls == [2, 2, 1]
    assert_close(in_parts(layer, (x, pair, one, None), None), expected)
    both = in_parts(lambda a: (a, 2 * a), (x,), 3)
    assert_close(both, (x, 2 * x))


@torch.no_grad()
def test_long_films_are_decoded_in_chunks_with_the_same_result():
    made, latents = codec(), torch.randn(7, 4, 4, 3)
    whole = made.pictures(latents, at_once=16)
    assert whole.dtype == torch.uint8 and whole.shape == (7, 3, 16, 12)
    assert [len(chunk) for chunk in made.decode(latents, at_once=3)] == [3, 3, 1]
    assert (made.pictures(latents, at_once=3).int() - whole.int()).abs().max() <= 1


@torch.no_grad()
def test_decoding_holds_the_floats_of_one_chunk_only():
    made, peaks = codec(), []
    for frames in (4, 16):
        with Meter() as meter:
            film = made.pictures(torch.randn(frames, 4, 8, 8), at_once=2)
        peaks.append(meter.peak - film.numel() - frames * 4 * 8 * 8 * 4)
    assert peaks[1] <= 1.05 * peaks[0]
