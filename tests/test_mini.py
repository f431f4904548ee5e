"""The bundled model: that it selects, and that the back comes from the photo of the back."""

import math

import pytest
import torch

from lookreel import api
from lookreel.assets import MODELS
from lookreel.data import mannequin
from lookreel.profashion.measure import photos_of, psnr
from lookreel.profashion.probes import selection

pytestmark = pytest.mark.skipif(not (MODELS / "mini").is_dir(), reason="the bundled model is not in this tree")
SEEDS = range(mannequin.TEST.start + 100, mannequin.TEST.start + 112)  # other garments than the README's figures


@pytest.fixture(scope="module")
def mini():
    return api.load("mini", "cpu")


def test_the_photo_of_the_same_side_weighs_most(mini):
    found = selection(mini.model, SEEDS, box="all")
    assert found.sel_acc >= 0.95
    assert selection(mini.model, SEEDS).w_near >= 0.6


def test_the_back_comes_from_the_photo_of_the_back(mini):
    """Three photos beat the front alone on garments whose sides differ: PSNR of the back view's garment."""
    gains = []
    for seed in SEEDS[:4]:
        photos = photos_of(seed, mini.size)
        truth = mannequin.frames_at(seed, [math.pi - 0.2, math.pi, math.pi + 0.2], mini.size)
        films = [mini.animate(given, truth.track, seed=1, steps=8).frames for given in (photos, photos[:1])]
        three, one = (psnr(film, truth.frames, truth.masks["garment"]) for film in films)
        gains.append(three - one)
    assert sum(gains) / len(gains) > 2


def test_the_order_of_the_photos_does_not_matter(mini):
    photos = photos_of(SEEDS[0], mini.size)
    track = mannequin.frames_at(SEEDS[0], [math.pi], mini.size).track
    one, other = (mini.animate(given, track, seed=1, steps=4).frames for given in (photos, photos[::-1]))
    difference = (one.int() - other.int()).abs()
    # float32 sums in another order: a rounding step of the 8-bit picture at most, on hardly any pixel
    assert difference.max() <= 2 and (difference > 0).float().mean() < 0.02


def test_it_is_small_enough():
    size = sum(path.stat().st_size for path in (MODELS / "mini").rglob("*") if path.is_file())
    assert size < 28 * 2**20


def test_every_weight_is_half_precision(mini):
    from safetensors import safe_open

    for path in (MODELS / "mini").rglob("*.safetensors"):
        with safe_open(path, "pt") as file:
            kinds = {file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118
        assert kinds <= {"F16", "I64"}, path


def test_no_weight_is_broken(mini):
    assert all(torch.isfinite(p).all() for p in mini.model.parameters())
