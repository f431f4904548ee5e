"""The converted Animate Anyone against the published layout, forward pass and all, written out plainly."""

import json

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, DDIMScheduler
from torch.nn import functional as F
from torch.testing import assert_close
from transformers import CLIPVisionModelWithProjection

import plain_animate_anyone as plain
import published
from lookreel.cli import main
from lookreel.diffusion.sampler import initial_noise
from toys import GARMENT, track

SIZE, FRAMES, STEPS, GUIDANCE, SEED = (64, 48), 14, 4, 3.5, 3
WINDOWS, PLAIN = {"window": 8, "overlap": 2}, {"size": 8, "overlap": 2}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """The published folder and the model converted from it."""
    here = tmp_path_factory.mktemp("parity")
    given = published.everything(here / "given")
    assert main(["convert", "animate-anyone", str(given), "--out", str(here / "model"), "--size", "64x48"]) == 0
    return given, here / "model"


def load(folders, **changes):
    """The converted model, with changes to its config."""
    from lookreel.api import load

    index = folders[1] / "model_index.json"
    kept = index.read_text()
    raw = json.loads(kept)
    index.write_text(json.dumps(raw | {"config": raw["config"] | changes}))
    try:
        return load(folders[1])
    finally:
        index.write_text(kept)


def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)


@torch.no_grad()
def expected(given, poses, spans, schedule: str = "linear") -> torch.Tensor:
    """The published pipeline's final latents (F, 4, h, w), from its own files."""
    states = {name: torch.load(given / f"{name}.pth", weights_only=True) for name in published.FILES}
    clip = CLIPVisionModelWithProjection.from_pretrained(given / "image_encoder").eval()
    vae = AutoencoderKL.from_pretrained(given / "sd-vae-ft-mse", use_safetensors=False).eval()
    image = torch.from_numpy(picture()).permute(2, 0, 1)[None].float() / 127.5 - 1
    square = F.interpolate(image, (16, 16), mode="bicubic", antialias=True).clamp(-1, 1) / 2 + 0.5
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073])[:, None, None]
    std = torch.tensor([0.26862954, 0.26130258, 0.27577711])[:, None, None]
    embedding = clip((square - mean) / std).image_embeds[:, None]
    latent = vae.encode(image).latent_dist.mean * 0.18215

    writer = plain.PlainUNet(states["reference_unet"], published.UNET)
    writer(latent, 0, embedding, {})
    bank = writer.written
    reader = plain.PlainUNet(states["denoising_unet"], published.UNET, states["motion_module"])
    pose = plain.pose_guider(states["pose_guider"], poses.float() / 255)
    scheduler = DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule=schedule, prediction_type="v_prediction",
        rescale_betas_zero_snr=True, timestep_spacing="trailing", steps_offset=1, clip_sample=False,
    )  # fmt: skip
    scheduler.set_timesteps(STEPS)
    x = initial_noise((FRAMES, 4, 8, 6), SEED)
    for t in scheduler.timesteps:
        total, count = torch.zeros(2, *x.shape), torch.zeros(FRAMES, 1, 1, 1)
        for rows in spans:
            total[0, rows] += reader(x[rows], int(t), torch.zeros_like(embedding), {}, pose[rows])
            total[1, rows] += reader(x[rows], int(t), embedding, bank, pose[rows])
            count[rows] += 1
        untold, told = total / count
        x = scheduler.step(untold + GUIDANCE * (told - untold), int(t), x, eta=0.0).prev_sample
    return x


def found(model, monkeypatch) -> tuple[torch.Tensor, torch.Tensor]:
    """Our final latents and drawn poses of the same film."""
    kept, pictures = {}, model.codec.pictures
    monkeypatch.setattr(model.codec, "pictures", lambda z, *rest: (kept.update(z=z), pictures(z, *rest))[1])
    film = model.animate(picture(), track(FRAMES, GARMENT), seed=SEED, steps=STEPS, guidance=GUIDANCE)
    assert len(film) == FRAMES and film.frames.float().std() > 1
    return kept["z"], film.poses


def test_a_film_of_two_windows_is_the_published_one(folders, monkeypatch):
    latents, poses = found(load(folders, **WINDOWS), monkeypatch)
    spans = plain.clamped_windows(FRAMES, **PLAIN)
    assert spans == [list(range(8)), list(range(6, 14))]
    wanted = expected(folders[0], poses, spans)
    assert wanted.std() > 0.5
    assert_close(latents, wanted, rtol=1e-4, atol=1e-4)
    # The comparison can fail: another window or schedule is far off.
    other = expected(folders[0], poses, plain.published_windows(FRAMES, **PLAIN))
    assert (other - wanted).abs().max() > 1e-2


def test_wrapped_windows_and_the_schedule_of_training(folders, monkeypatch):
    latents, poses = found(load(folders, **WINDOWS, wrapped=True, beta_schedule="scaled_linear"), monkeypatch)
    spans = plain.published_windows(FRAMES, **PLAIN)
    assert spans[2] == [12, 13, 0, 1, 2, 3, 4, 5]
    wanted = expected(folders[0], poses, spans, "scaled_linear")
    assert_close(latents, wanted, rtol=1e-4, atol=1e-4)
