"""The bundled mini-dreampose: small, with the encoders of mini, and closer to its subject after a short tuning."""

from dataclasses import replace

from lookreel import api
from lookreel.assets import MODELS
from lookreel.dreampose.measure import measure
from lookreel.dreampose.presets import small
from lookreel.dreampose.system import DreamPoseSystem

FOLDER = MODELS / "mini-dreampose"


def test_it_is_under_10_mib_and_shares_the_encoders_of_mini():
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < 10 * 2**20
    assert not (FOLDER / "vae").exists() and not (FOLDER / "image_encoder").exists()
    model = api.load("mini-dreampose", "cpu")
    assert isinstance(model, DreamPoseSystem) and set(model.encoders.shared.values()) == {"mini"}


def test_a_short_tuning_brings_a_test_figure_closer(tmp_path):
    numbers = small()
    brief = replace(numbers, unet=replace(numbers.unet, steps=40, warmup=4), decoder=replace(numbers.decoder, steps=10))
    found = measure("mini-dreampose", tmp_path / "numbers.json", subjects=1, compared=0, frames=6, numbers=brief)
    assert found["summary"]["full"]["gain"] > 1
