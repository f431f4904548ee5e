"""Animate Anyone: one photo as published, several in four ways, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.testing import assert_close

import toys
from lookreel.animate_anyone.config import REFERENCES, AnimateAnyoneConfig, SelectConfig
from lookreel.animate_anyone.losses import Batch
from lookreel.animate_anyone.model import AnimateAnyone
from lookreel.animate_anyone.system import AnimateAnyoneSystem
from lookreel.api import load
from lookreel.cli import main
from lookreel.errors import InputError
from lookreel.nets.pose_config import PoseConfig
from lookreel.profashion import config as profashion
from toys import SIZE, awake, photos, seeded, track


def config(**changes) -> AnimateAnyoneConfig:
    toy = profashion.toy()
    sizes = dict(size=SIZE, vae_factor=4, unet=toy.unet, pose=PoseConfig(first=4, blocks=((4, 8, 2), (8, 8, 2))))
    return AnimateAnyoneConfig(**(sizes | dict(motion_heads=2, steps=2, window=8, overlap=2) | changes))


def system(**changes) -> AnimateAnyoneSystem:
    with seeded(7):
        model = AnimateAnyone(config(**changes))
    return AnimateAnyoneSystem(toys.codec(), toys.image_encoder(), awake(model).eval().requires_grad_(False))


def latents(made: AnimateAnyoneSystem, monkeypatch, *arguments, **settings) -> torch.Tensor:
    """The film's latents: frames are rounded, latents are not."""
    kept, pictures = {}, made.codec.pictures
    monkeypatch.setattr(made.codec, "pictures", lambda z, *rest: (kept.update(z=z), pictures(z, *rest))[1])
    made.animate(*arguments, **settings)
    monkeypatch.setattr(made.codec, "pictures", pictures)
    return kept["z"]


def test_a_film_of_one_photo_needs_no_pose():
    film = system().animate(photos()[0].image, track(10))
    assert film.frames.shape == (10, 3, *SIZE) and film.frames.float().std() > 5
    assert film.report["references"] == "select" and film.report["beta_schedule"] == "linear"
    assert film.report["weights"] == [[1.0]] * 10


def test_one_photo_is_one_photo_however_it_is_read(monkeypatch):
    films = [latents(system(references=how), monkeypatch, photos()[:1], track(3)) for how in REFERENCES]
    for film in films[1:]:
        assert_close(film, films[0], rtol=1e-4, atol=1e-5)


def test_first_is_the_film_of_the_first_photo(monkeypatch):
    made = system(references="first")
    alone, several = (latents(made, monkeypatch, given, track(3)) for given in (photos()[:1], photos()))
    assert_close(several, alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("how", ["mean", "concat", "select"])
def test_every_photo_counts_and_their_order_does_not(how, monkeypatch):
    made, given = system(references=how, select=SelectConfig(yaw=0.3, joints=0.3, local=0.3)), photos()
    film = latents(made, monkeypatch, given, track(3))
    turned = latents(made, monkeypatch, [given[2], given[0], given[1]], track(3))
    assert_close(turned, film, rtol=1e-3, atol=1e-4)
    for other in range(3):
        changed = [photos(seed=toys.GARMENT + 5)[i] if i == other else photo for i, photo in enumerate(given)]
        assert (latents(made, monkeypatch, changed, track(3)) - film).abs().max() > 1e-4


def test_equal_photos_are_as_one(monkeypatch):
    """The mean of equal features is the feature, and keys that are there three times weigh as once beside... their own.

    So it holds for weights, not for concatenation, where the photo's tokens then outnumber the frame's.
    """
    made, one = system(references="mean"), photos()[:1]
    assert_close(latents(made, monkeypatch, one * 3, track(3)), latents(made, monkeypatch, one, track(3)),
                 rtol=1e-4, atol=1e-5)  # fmt: skip
    made = system(references="concat")
    alone, thrice = (latents(made, monkeypatch, given, track(3)) for given in (one, one * 3))
    assert (thrice - alone).abs().max() > 1e-4


def test_concatenated_tokens_are_r_times_as_many():
    made, z, m = system(references="concat").model, torch.randn(1, 3, 12, 6), torch.ones(1, 5, 3, 1, 1) / 3
    name = next(iter(made.denoiser.unet.attention_names()))
    assert made.prototype(name, z, m).shape == (5, 36, 6)
    mixed = system(references="mean").model.prototype(name, z, m)
    assert_close(mixed[0], z[0].mean(0))


def test_selection_follows_the_turn():
    """A turn from front over side to back, with photos of front, back and side."""
    motion = track(17)
    weights = np.array(system().animate(photos(), motion, steps=1).report["weights"])
    assert weights.shape == (17, 3) and np.allclose(weights.sum(1), 1, atol=1e-3)
    assert weights[0].argmax() == 0 and weights[0, 0] > 0.8
    middle = weights[len(weights) // 2]
    assert middle.argmax() == 1 and middle[1] > 0.8


def test_unguided_half_reads_no_photo_and_keeps_the_pose(monkeypatch):
    made = system()
    one, other = photos()[:1], photos(seed=toys.GARMENT + 5)[:1]
    untold = [latents(made, monkeypatch, given, track(3), guidance=0) for given in (one, other)]
    assert torch.equal(*untold)
    assert (latents(made, monkeypatch, one, track(3, toys.GARMENT + 5), guidance=0) - untold[0]).abs().max() > 1e-4
    told = [latents(made, monkeypatch, given, track(3), guidance=1) for given in (one, other)]
    assert (told[0] - told[1]).abs().max() > 1e-3


def test_the_reference_net_runs_once_at_timestep_0(monkeypatch):
    made, calls = system(), []
    unet = made.model.reference_encoder.unet
    features = unet.features
    monkeypatch.setattr(unet, "features", lambda z, t, x: (calls.append((z.shape, t)), features(z, t, x))[1])
    made.animate(photos(), track(12), steps=3)
    assert len(calls) == 1 and calls[0][0][0] == 3 and not calls[0][1].any()


def test_windows_are_clamped_unless_wrapped():
    assert [list(span) for span in system().spans(12)] == [list(range(8)), list(range(4, 12))]
    spans = system(wrapped=True).spans(12)
    assert [[frame % 12 for frame in span] for span in spans] == [list(range(8)), [6, 7, 8, 9, 10, 11, 0, 1]]
    assert len(system(wrapped=True).spans(8)) == 1


def test_faster_presets_work_too():
    film = system().animate(photos(), track(3), preset="fast")
    assert len(film) == 3 and film.report["sampler"] == "multistep"


def test_saved_and_loaded_it_makes_the_same_film(tmp_path, monkeypatch):
    made = system(references="mean", beta_schedule="scaled_linear")
    made.save_pretrained(tmp_path / "model")
    again = load(tmp_path / "model")
    assert isinstance(again, AnimateAnyoneSystem) and again.config == made.config
    one, other = (latents(model, monkeypatch, photos(), track(3)) for model in (made, again))
    assert torch.equal(one, other)


def test_references_chosen_on_the_command_line(tmp_path, capsys):
    system(references="mean").save_pretrained(tmp_path / "model")
    from lookreel.assets import PHOTOS

    given = [str(part) for name in ("front", "back") for part in ("--photo", PHOTOS / f"{name}.png")]
    command = ["animate", "--model", str(tmp_path / "model"), *given, "--motion", "sway", "--frames", "2"]
    film = str(tmp_path / "film.webp")
    assert main([*command, "--steps", "1", "--out", film, "--references", "select", "--json"]) == 0
    assert '"references": "select"' in capsys.readouterr().out
    assert main([*command, "--out", str(tmp_path / "other.webp"), "--references", "best"]) == 2
    assert "--references: found best; expected one of select" in capsys.readouterr().err


def test_other_models_refuse_a_choice_of_references():
    with pytest.raises(InputError, match="references: found 'mean'"):
        toys.system().with_references("mean")


def test_several_photos_need_poses_only_to_be_selected():
    pictures = [photo.image for photo in photos()]
    assert len(system(references="mean").animate(pictures, track(2), steps=1)) == 2
    with pytest.raises(InputError, match="no pose known"):
        system().animate(pictures, track(2))


def batch(clips: bool, drop: bool = False) -> Batch:
    g = torch.Generator().manual_seed(8)
    made = toys.batch(samples=2, targets=3)
    return Batch(
        reference_latents=made.reference_latents[:, 0],
        reference_embeddings=made.reference_embeddings[:, 0],
        latents=made.latents,
        poses=made.poses,
        noise=made.noise,
        t=torch.randint(1000, (2,), generator=g),
        drop=torch.tensor([drop, drop]),
        clips=clips,
    )


@pytest.mark.parametrize("clips", [False, True])
def test_each_stage_teaches_its_own_layers(clips):
    made = system()
    found = made.loss(batch(clips))
    found["loss"].backward()
    learned = {n for n, p in made.model.named_parameters() if p.grad is not None and p.grad.any()}
    temporal = {n for n in learned if n.startswith("denoiser.temporal.")}
    assert torch.isfinite(found["loss"]) and found["loss"].ndim == 0
    assert temporal == learned and temporal if clips else not temporal
    if not clips:
        assert {n.split(".")[0] for n in learned} == {"reference_encoder", "pose_guider", "denoiser"}


def test_a_dropped_sample_does_not_see_its_photo():
    made = system()
    for drop in (True, False):
        given = batch(False, drop)
        other = replace(given, reference_latents=given.reference_latents.flip(0) + 1)
        assert torch.equal(made.loss(given)["loss"], made.loss(other)["loss"]) == drop


@pytest.mark.parametrize(
    "wrong",
    [{"window": 40}, {"overlap": 8}, {"size": (30, 24)}, {"references": "ppa"}, {"beta_schedule": "cosine"}],
)
def test_configs_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError):
        config(**wrong)
