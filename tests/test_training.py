"""The trainer: it learns, resumes to the bit, and gives the same in parts and in processes."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import nn
from torch.testing import assert_close

from lookreel import api
from lookreel.errors import InputError
from lookreel.nets.unet import UNet
from lookreel.profashion import tasks
from lookreel.profashion.model import ClipStage, PictureStage
from lookreel.profashion.presets import PRESETS, Recipe, toy
from lookreel.profashion.start import start
from lookreel.profashion.tasks import ClipTask, PictureTask
from lookreel.profashion.training import train
from lookreel.training import loop
from lookreel.training.task import Settings
from toys import SIZE, awake, batch, encoders, model, moving, photos, pick, system, track

WEIGHTS = ("weights.safetensors", "average.safetensors", "optimizer.safetensors")


def recipe(**settings) -> Recipe:
    """The toy recipe, probed at its end only, with changes to both stages' settings."""
    few = replace(toy().stage1, probe_every=1000, **settings)
    return replace(toy(), stage1=few, stage2=few, offset_weight=3.0)


@pytest.fixture(autouse=True, scope="module")
def one_probe() -> Iterator[None]:
    """One held-out garment in the probes instead of all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks, "PROBE_SEEDS", tasks.PROBE_SEEDS[:1])
        yield


@pytest.fixture(scope="module")
def init(tmp_path_factory) -> Path:
    """A whole toy model to start from, so that both stages begin with every layer awake."""
    folder = tmp_path_factory.mktemp("init")
    system().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def unbroken(init, tmp_path_factory, one_probe) -> Path:
    """Both stages, four steps each, never stopped."""
    out = tmp_path_factory.mktemp("unbroken")
    assert train(recipe(), "mannequin", out, None, init, None) == out / "stage2" / "model"
    return out


def log(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("stage", [1, 2])
def test_a_run_writes_what_it_promises(unbroken, stage):
    here = unbroken / f"stage{stage}"
    steps = [line for line in log(here) if "loss" in line]
    assert [line["step"] for line in steps] == [1, 2, 3, 4]
    assert all(math.isfinite(line["loss"]) and line["norm"] > 0 for line in steps)
    probe = log(here)[-1]
    assert probe["step"] == 4 and set(probe) == {
        "step",
        *(f"ppa/{n}" for n in ("sel_acc", "w_near", "pose_std", "entropy", "gain")),
    }
    config = json.loads((here / "config.json").read_text())
    assert config["data"] == "mannequin" and config["settings"]["lr"] == 1e-3 and config["model"]["size"] == list(SIZE)
    assert [path.name for path in here.glob("checkpoint-*")] == ["checkpoint-0000004"]  # only the newest is kept
    assert Image.open(here / "samples" / "0000004.png").size == (11 * SIZE[1], 2 * SIZE[0])
    assert list((here / "tensorboard").iterdir())
    assert not [path for path in unbroken.rglob("*") if "tmp" in path.name]
    assert len(api.load(here / "model", "cpu").animate(photos(), track(2), steps=1)) == 2


def test_the_recipes_offset_weight_is_lambda(unbroken):
    lines = [line for line in log(unbroken / "stage2") if "loss" in line]
    assert any(line["offset"] > 0 for line in lines)
    for line in lines:
        assert line["loss"] == pytest.approx(line["denoising"] + 3.0 * line["offset"], abs=1e-5)


def test_stage_1_moves_the_rest_and_stage_2_the_motion_layers(init, unbroken):
    parts = [path.name for path in init.iterdir() if path.is_dir()]
    for name in parts:
        before, one, two = (
            load_file(next((folder / name).glob("*.safetensors")))
            for folder in (init, unbroken / "stage1" / "model", unbroken / "stage2" / "model")
        )
        for found, moves in ((one, name not in ("motion", "vae", "image_encoder")), (two, name == "motion")):
            known = before if found is one else one
            assert any(not torch.equal(found[k], known[k].half()) for k in known) == moves, (name, moves)


class Stop(BaseException):
    """As if somebody pressed Ctrl-C."""


def test_stopping_and_resuming_gives_the_same_bits(init, unbroken, tmp_path, monkeypatch):
    """Stopped in both stages, half a save after a checkpoint: weights, average, optimiser and log."""
    for task in (PictureTask, ClipTask):
        make = task.batch

        def stopping(self, step, samples, device, make=make):
            if step == 4:
                raise Stop
            return make(self, step, samples, device)

        with monkeypatch.context() as patch:
            patch.setattr(task, "batch", stopping)
            with pytest.raises(Stop):
                train(recipe(), "mannequin", tmp_path, None, init, None)
    train(recipe(), "mannequin", tmp_path, None, init, None)
    for stage in ("stage1", "stage2"):
        for name in WEIGHTS:
            found, wanted = (load_file(out / stage / "checkpoint-0000004" / name) for out in (tmp_path, unbroken))
            assert found.keys() == wanted.keys()
            assert all(torch.equal(found[key], wanted[key]) for key in wanted), (stage, name)
        assert log(tmp_path / stage) == log(unbroken / stage)
        assert api.weights_hash(tmp_path / stage / "model") == api.weights_hash(unbroken / stage / "model")


def test_a_finished_run_takes_no_further_step(init, unbroken, monkeypatch):
    def state() -> list:
        stages = [unbroken / "stage1", unbroken / "stage2"]
        return [(log(here), api.weights_hash(here / "model")) for here in stages]

    before = state()

    def never(*arguments):
        raise AssertionError("a step was taken")

    monkeypatch.setattr(PictureTask, "batch", never)
    monkeypatch.setattr(ClipTask, "batch", never)
    train(recipe(), "mannequin", unbroken, None, init, None)
    assert state() == before


class Alone:
    """What the loop needs of accelerate's Accelerator, in one process."""

    backward = staticmethod(torch.Tensor.backward)
    clip_grad_norm_ = staticmethod(nn.utils.clip_grad_norm_)
    no_sync = staticmethod(nullcontext)


class Caught(torch.optim.SGD):
    """Keeps the gradients of each step, and moves nothing."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__([p for p in network.parameters() if p.requires_grad], lr=0.0)
        self.network, self.seen, self.rates = network, [], []

    def step(self, closure=None) -> None:
        grads = {name: p.grad.clone() for name, p in self.network.named_parameters() if p.grad is not None}
        self.seen.append(grads)
        self.rates.append(self.param_groups[0]["lr"])


SETTINGS = Settings(steps=1, batch=2, lr=1e-3, clip=1e9, precision="no")


@pytest.mark.parametrize("stage", [PictureStage, ClipStage])
def test_a_step_in_parts_is_the_step(stage):
    net = stage(awake(model()))
    made = moving(batch()) if stage is ClipStage else batch()
    made = replace(made, drop=torch.tensor([[False] * 3, [True] * 3]))
    caught = Caught(net)
    for parts in (1, 2):
        rows = 2 // parts
        settings = replace(SETTINGS, accumulate=parts)

        def take(step, part, rows=rows):
            return pick(made, slice(part * rows, (part + 1) * rows))

        steps = list(loop.train(net, take, caught, Alone, settings, first=0, last=1))
        assert [step.number for step in steps] == [1]
    whole, summed = caught.seen
    for name, grad in whole.items():
        assert_close(summed[name], grad, rtol=1e-3, atol=1e-6, msg=name)


def test_the_rate_warms_up_and_the_gradient_is_clipped():
    net = PictureStage(model())
    caught, made = Caught(net), batch(samples=1, targets=1)
    settings = replace(SETTINGS, warmup=4, clip=0.01)
    steps = list(loop.train(net, lambda step, part: made, caught, Alone, settings, first=1, last=6))
    assert caught.rates == pytest.approx([5e-4, 7.5e-4, 1e-3, 1e-3, 1e-3])
    norms = [torch.stack([g.norm() for g in grads.values()]).norm().item() for grads in caught.seen]
    assert norms == pytest.approx([0.01] * 5, rel=1e-3) and all(step.norm > 0.01 for step in steps)
    assert [step.number for step in steps] == [2, 3, 4, 5, 6]


def test_the_rate_falls_at_the_end():
    settings = Settings(steps=10, batch=1, lr=1.0, warmup=2, decay=0.4)
    assert [settings.rate(step) for step in range(1, 11)] == pytest.approx([0.5, 1, 1, 1, 1, 1, 1, 0.75, 0.5, 0.25])
    constant = replace(settings, warmup=1, decay=0.0)
    assert [constant.rate(step) for step in (1, 10)] == [1.0, 1.0]


def test_one_clip_overfits():
    net, made = PictureStage(model()), batch(samples=1, targets=2)
    optimizer = torch.optim.AdamW(net.parameters(), 2e-3)
    settings = replace(SETTINGS, lr=2e-3, clip=1.0)
    steps = loop.train(net, lambda step, part: made, optimizer, Alone, settings, first=0, last=15)
    losses = [step.losses["loss"] for step in steps]
    assert losses[-1] < 0.4 * losses[0]


def test_one_clips_offsets_overfit():
    net, made = ClipStage(awake(model()), offset_weight=1.0), moving(batch(samples=1))
    optimizer = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], 3e-3)
    settings = replace(SETTINGS, lr=3e-3, clip=1.0)
    steps = list(loop.train(net, lambda step, part: made, optimizer, Alone, settings, first=0, last=10))
    assert steps[-1].losses["offset"] < 0.5 * steps[0].losses["offset"]
    assert steps[-1].losses["loss"] < 0.75 * steps[0].losses["loss"]


# --- two processes


def brief(init: Path, out: Path) -> None:
    """Two steps of each stage from `init`: what each of several processes runs, or one alone.

    At the paper's learning rate: AdamW's first steps take each weight lr far whatever its gradient's size, so that one
    whose gradient is nothing but rounding moves a share of lr at random.
    """
    for stage in (1, 2):
        train(recipe(steps=2, lr=5e-5), "mannequin", out / f"only{stage}", None, init, stage)


SCRIPT = """
import sys
from pathlib import Path
from test_training import brief, tasks
tasks.PROBE_SEEDS = tasks.PROBE_SEEDS[:1]
brief(Path(sys.argv[1]), Path(sys.argv[2]))
"""


def test_two_processes_give_one_processs_weights(init, tmp_path):
    """Really two, joined by gloo: each takes one of a step's two samples."""
    script = tmp_path / "brief.py"
    script.write_text(SCRIPT)
    paths = os.pathsep.join(str(path) for path in (Path(api.__file__).parents[1], Path(__file__).parent))
    environment = {**os.environ, "PYTHONPATH": paths, "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    command = [sys.executable, *launch, str(script), str(init), str(tmp_path / "two")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    brief(init, tmp_path / "one")
    for stage in (1, 2):
        one, two = (
            tmp_path / name / f"only{stage}" / f"stage{stage}" / "checkpoint-0000002" for name in ("one", "two")
        )
        weights, others = (load_file(folder / "weights.safetensors") for folder in (one, two))
        for name, value in weights.items():
            assert_close(others[name], value, rtol=0, atol=1e-5, msg=name)
        # AdamW's first moment is linear in the gradients of both steps, so that it shows what the weights may hide.
        slots, other_slots = (load_file(folder / "optimizer.safetensors") for folder in (one, two))
        for name in slots:
            if name.endswith("exp_avg"):
                assert_close(other_slots[name], slots[name], rtol=1e-3, atol=1e-6, msg=name)


def test_samples_that_cannot_be_shared_are_refused(init, tmp_path):
    odd = recipe(batch=3, accumulate=2)
    with pytest.raises(InputError, match="batch: 3 samples a step for 1 processes in 2 parts"):
        train(odd, "mannequin", tmp_path, None, init, 1)


# --- where a training starts


def test_encoders_alone_are_a_start(tmp_path):
    made = start(toy().config, encoders(tmp_path))
    assert made.codec.factor == 4 and made.image_encoder.width == 8
    assert not any(p.requires_grad for p in made.codec.parameters())
    assert not made.model.pose_guider.conv_out.weight.any()  # as it is initialised


def test_a_model_of_ours_is_continued(init):
    wanted = system().model.state_dict()
    found = start(toy().config, init).model.state_dict()
    assert all(torch.equal(found[name], value) for name, value in wanted.items())


def test_both_u_nets_start_from_stable_diffusions(tmp_path):
    torch.manual_seed(11)
    unet = UNet(toy().config.unet)
    unet.save_pretrained(encoders(tmp_path) / "unet")
    made = start(toy().config, tmp_path).model
    denoising, reference = made.denoiser.unet.state_dict(), made.reference_encoder.unet.state_dict()
    for name, value in unet.state_dict().items():
        assert torch.equal(denoising[name], value)
        assert name.startswith(("conv_norm_out", "conv_out")) or torch.equal(reference[name], value)


def test_encoders_that_do_not_fit_are_refused(init, tmp_path):
    with pytest.raises(InputError, match="vae and image_encoder"):
        start(toy().config, tmp_path)
    with pytest.raises(InputError, match="factor 4 and width 8; this preset expects 4 and 64"):
        start(PRESETS["mini"]().config, init)


def test_trainings_of_two_precisions_in_one_process(init, tmp_path):
    for precision in ("bf16", "no"):
        made = replace(recipe(), stage1=replace(recipe().stage1, steps=1, precision=precision))
        assert train(made, "mannequin", tmp_path / precision, 1, init, 1).is_dir()
