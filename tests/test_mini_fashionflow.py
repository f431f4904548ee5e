"""The bundled mini-fashionflow: small, reads the encoders of mini; films begin as the photo, move, keep the colour."""

from __future__ import annotations

import pytest
import torch

from lookreel import api
from lookreel.assets import MODELS
from lookreel.data import mannequin
from lookreel.fashionflow.measure import make
from lookreel.fashionflow.quality import colour_off, jitter, motion
from lookreel.fashionflow.system import FashionFlowSystem
from lookreel.metrics import picture

FOLDER = MODELS / "mini-fashionflow"
SEEDS = (1_000_002, 1_000_005)


@pytest.fixture(scope="module")
def model() -> FashionFlowSystem:
    model = api.load("mini-fashionflow", "cpu")
    assert isinstance(model, FashionFlowSystem)
    return model


@pytest.fixture(scope="module")
def films(model):
    """Photo and film of each test garment, in half of the model's steps."""
    photos = {seed: mannequin.frames_at(seed, [0.0], model.size) for seed in SEEDS}
    return {seed: (photo, make(model, photo.frames[0], seed, steps=10)) for seed, photo in photos.items()}


def test_it_is_under_6_mib_and_shares_the_encoders_of_mini(model):
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < 6 * 2**20
    assert not (FOLDER / "vae").exists() and set(model.encoders.shared.values()) == {"mini"}


def test_the_first_frame_is_the_photo_as_the_vae_has_it(model, films):
    for photo, film in films.values():
        pixels = photo.frames.float() / 127.5 - 1
        torch.testing.assert_close(film[:1], model.pictures.decode(model.pictures.encode(pixels)), atol=1, rtol=0)
        made, given = (frames.permute(0, 2, 3, 1).numpy() for frames in (film[:1], photo.frames))
        assert picture.psnr(made, given)[0] > 25


def test_it_moves_and_keeps_the_garments_colour(films):
    for photo, film in films.values():
        assert motion(film) > 0.002  # of the range, a pixel and frame; most pixels are backdrop
        assert colour_off(film, photo) < 0.1


def test_doubled_films_flicker_no_more(model, films):
    photo, film = films[SEEDS[0]]
    assert jitter(make(model, photo.frames[0], SEEDS[0], steps=10, interpolate=2)) <= jitter(film)
