"""Memory: counting it, choosing a plan for it, and running by that plan."""

import json

import pytest
import torch
from diffusers import AutoencoderKL
from torch import nn
from torch.testing import assert_close

from lookreel import api
from lookreel.cli import main
from lookreel.encoders.tiles import starts, tiled
from lookreel.errors import InputError
from lookreel.profashion.model import ProFashion
from lookreel.reference.footprint import Estimate, Parts, memory, step_inputs
from lookreel.running.compiled import LAYERS, compile_layers
from lookreel.running.memory import Footprint, fit, parse, plans
from lookreel.running.meter import Meter
from lookreel.running.plan import Plan, on_device
from toys import awake, codec, image_encoder, model, photos, system, track

CPU = torch.device("cpu")
GPU = torch.device("cuda")


@pytest.mark.parametrize(
    ("text", "size"), [("8GB", 8 * 10**9), ("6.5 GiB", 6979321856), ("900mb", 9 * 10**8), (" 1 MiB ", 2**20)]
)
def test_sizes(text, size):
    assert parse(text) == size


@pytest.mark.parametrize("text", ["8", "GB", "-8GB", "8 XB", "0GB", "8e9", "8GB!", "8B", ""])
def test_what_is_no_size(text):
    with pytest.raises(InputError, match="--memory: found"):
        parse(text)


def test_the_order_of_plans():
    tried = list(plans(CPU, None))
    assert tried[0] == Plan() and not any(plan.offload for plan in tried)
    assert [plan.dtype for plan in tried] == sorted((plan.dtype for plan in tried), key=lambda d: -d.itemsize)
    on_gpu = list(plans(GPU, torch.float16))
    assert {plan.dtype for plan in on_gpu} == {torch.float16}
    offloaded = [plan.offload for plan in on_gpu]
    assert offloaded == sorted(offloaded) and [bool(plan.tile) for plan in on_gpu][-2:] == [True, True]
    assert not any(plan.tile for plan in on_gpu[:-2])


def test_the_first_plan_that_fits():
    sizes = {None: 900, 8: 700, 4: 500, 2: 400}

    def footprint(plan: Plan) -> Footprint:
        return Footprint(100, sizes[plan.frames_at_once] // (1 + plan.offload) - (plan.tile is not None), 50)

    assert fit(1000, plans(GPU, torch.float16), footprint)[0] == Plan(dtype=torch.float16)
    assert fit(499, plans(CPU, torch.float32), lambda p: footprint(p))[0].frames_at_once == 2
    chosen, need = fit(260, plans(GPU, torch.float16), footprint)
    assert chosen.offload and chosen.frames_at_once == 4 and chosen.tile is None and need.peak == 250
    with pytest.raises(InputError, match=r"--memory: found 0.00 GB; this film needs at least .* GB \(float16, idle"):
        fit(10, plans(GPU, torch.float16), footprint)


def test_what_the_meter_counts():
    with Meter() as meter:
        a = torch.zeros(1000)
        b = a + 1  # 8,000 bytes live
        del a
        c = b.view(10, 100) @ b.view(100, 10)
        del b
        d = c.t()
    assert meter.peak == 8000 and meter.flops == 2 * 10 * 10 * 100 and d.shape == (10, 10)
    assert meter.kernels == {"aten::zeros": 1, "aten::add": 1, "aten::mm": 1}
    assert meter.bytes == 4000 + 8000 + 8000 + 400


def test_attention_keeps_no_scores():
    q, k = torch.empty(2, 4, 100, 8, device="meta"), torch.empty(2, 4, 300, 8, device="meta")
    with Meter() as meter:
        nn.functional.scaled_dot_product_attention(q, k, k)
    assert meter.kernels == {"attention": 1} and meter.peak == 2 * 4 * 100 * 8 * 4
    assert meter.flops == 2 * 2 * 4 * 100 * 300 * (8 + 8)


@torch.no_grad()
@pytest.mark.parametrize("frames_at_once", [None, 2])
def test_meta_tensors_take_the_memory_of_real_ones(frames_at_once):
    peaks = []
    for device in ("meta", "cpu"):
        with torch.device(device):
            net = ProFashion(model().config)
            net.denoiser.set_at_once(frames_at_once)
            given = step_inputs(net, 6, 3)
            with Meter(flops=False) as meter:
                net.denoiser.step(*given)
        peaks.append(meter.peak)
    assert peaks[0] == pytest.approx(peaks[1], rel=0.03)


def estimate(frames: int = 4, count: int = 3, reuse: bool = False) -> Estimate:
    with torch.device("meta"):
        parts = Parts(ProFashion(model().config), AutoencoderKL.from_config(codec().vae.config), image_encoder())
    return Estimate(parts, frames, count, reuse)


def test_an_estimate_falls_with_each_measure():
    count = estimate(16)
    whole, few, tiles = (
        count(plan, GPU)
        for plan in (Plan(), Plan(frames_at_once=2, pictures_at_once=1), Plan(pictures_at_once=1, tile=4))
    )
    assert few.denoise < whole.denoise and few.decode < whole.decode and tiles.decode < whole.decode
    assert count(Plan(offload=True), GPU).denoise < whole.denoise
    assert count(Plan(dtype=torch.bfloat16), GPU).denoise < whole.denoise


def test_a_long_film_costs_its_own_latents_and_poses_only():
    short, long = estimate(16), estimate(160)
    assert short.memory_bytes == long.memory_bytes
    grown = long(Plan(), GPU).denoise - short(Plan(), GPU).denoise
    h, w = model().config.latent_size
    assert grown == pytest.approx(144 * h * w * (6 * 4 * 4 + 16 * 4), rel=0.01)
    assert long(Plan(offload=True), GPU).denoise - short(Plan(offload=True), GPU).denoise < grown / 1.5
    assert estimate(16, reuse=True)(Plan(), GPU).denoise > short(Plan(), GPU).denoise


def test_what_is_remembered_of_the_photos_is_what_is_estimated():
    net = model()
    assert estimate().memory_bytes == sum(z.numel() * 4 for z in memory(net, 3).values())


def test_half_precision_makes_nearly_the_same_film():
    made = system()
    whole = made.animate(photos(), track(3), seed=1).frames.float()
    half = made.run_by(Plan(dtype=torch.bfloat16), CPU).animate(photos(), track(3), seed=1)
    assert (half.frames.float() - whole).abs().mean() < 6 and half.report["plan"]["dtype"] == "bfloat16"
    assert next(made.model.aggregator.parameters()).dtype == torch.float32
    assert next(made.model.denoiser.parameters()).dtype == torch.bfloat16


def test_idle_networks_wait_in_main_memory():
    places = []

    class Watched(nn.Module):
        def to(self, device):
            places.append(str(device))
            return self

    with on_device(GPU, [Watched()], Plan(offload=True)):
        assert places == ["cuda"]
    assert places == ["cuda", "cpu"]
    with on_device(GPU, [Watched()], Plan()):
        pass
    assert places == ["cuda", "cpu"]


def test_a_film_with_idle_networks_waiting_is_the_same_film():
    made = system()
    whole = made.animate(photos(), track(3), seed=1)
    waiting = made.run_by(Plan(offload=True, pictures_at_once=2), CPU).animate(photos(), track(3), seed=1)
    assert (waiting.frames.int() - whole.frames.int()).abs().max() <= 1


@torch.no_grad()
def test_compiled_layers_compute_the_same():
    """Captured whole, without falling back to Python in between; the compiler itself is not ours to test."""
    made = awake(model()).denoiser.eval()
    given = step_inputs(awake(model()), 2, 1, told=False)
    z, t, semantic, nothing, pose, frames = (torch.zeros_like(g) if isinstance(g, torch.Tensor) else g for g in given)
    expected, _ = made.step(z, t, semantic, nothing, pose, frames)
    count = sum(isinstance(module, LAYERS) for module in made.modules())
    assert compile_layers(made, backend="eager") == count
    assert_close(made.step(z, t, semantic, nothing, pose, frames)[0], expected)


def test_tiles_cover_and_share():
    for length in range(5, 60):
        made = starts(length, 8)
        assert made[0] == 0 and made[-1] == max(0, length - 8)
        assert all(2 <= 8 - (b - a) for a, b in zip(made, made[1:], strict=False))


def test_tiles_of_a_local_decoder_make_the_whole_picture():
    def decode(latents):  # each cell becomes four pixels
        return nn.functional.interpolate(latents[:, :3], scale_factor=4)

    latents = torch.randn(2, 4, 13, 21)
    assert_close(tiled(decode, latents, 8, 4), decode(latents))
    assert_close(tiled(decode, latents, 32, 4), decode(latents))


@torch.no_grad()
def test_one_tile_is_the_whole_picture():
    latents = torch.randn(2, 4, 6, 5)
    assert torch.equal(codec().pictures(latents, tile=6), codec().pictures(latents))
    assert codec().pictures(latents, tile=4).shape == (2, 3, 24, 20)


@pytest.fixture
def toy(monkeypatch):
    """`lookreel animate` with the toy model."""
    monkeypatch.setattr(api, "load", lambda name, device=None: system())


def options(tmp_path, *more: str) -> list[str]:
    from PIL import Image

    track(3).save(tmp_path / "motion.npz")
    Image.fromarray(photos()[0].image).save(tmp_path / "front.png")
    files = {"--photo": "front.png", "--motion": "motion.npz", "--out": "f.mp4"}
    given = ["animate", *(word for name, file in files.items() for word in (name, tmp_path / file))]
    return [*map(str, given), "--device", "cpu", "--force", *more]


def test_a_plan_is_told_and_recorded(toy, tmp_path, capsys):
    assert main(options(tmp_path, "--memory", "2GB", "--preset", "fast")) == 0
    told = [line for line in capsys.readouterr().err.splitlines() if "plan" in line]
    assert len(told) == 1 and told[0].startswith("lookreel: plan: float32, pictures 8 at a time, 0.7")
    record = json.loads((tmp_path / "f.json").read_text())
    assert record["preset"] == "fast" and record["plan"] == Plan().to_json()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--memory", "500MB"), "--memory: found 0.50 GB; this film needs at least"),
        (("--memory", "much"), "--memory: found much; expected a size"),
        (("--precision", "half"), "--precision: found half; expected one of float32"),
        (("--preset", "quick"), "preset 'quick': unknown; expected one of exact"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(toy, tmp_path, capsys, more, words):
    assert main(options(tmp_path, *more)) == 2
    error = capsys.readouterr().err.strip().splitlines()
    assert words in error[-1] and not (tmp_path / "f.mp4").exists()
