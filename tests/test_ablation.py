"""An ablation at toy size: every row is trained alike and measured, and an interrupted one ends as one that was not."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lookreel import api
from lookreel.cli import main
from lookreel.data import mannequin
from lookreel.errors import InputError
from lookreel.profashion import ablation, ablation_evaluation, ablation_report, ablation_training, batches
from lookreel.profashion.ablation_films import Order, films
from lookreel.profashion.ablation_recipe import BY_VIEW
from lookreel.profashion.ablation_table1 import ABLATIONS, table1, toy
from lookreel.profashion.folder import parts
from toys import photos, seeded, system, track

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """The whole toy recipe, from the command line."""
    out = tmp_path_factory.mktemp("ablation")
    assert main(["ablate", "toy", "--out", str(out), "--docs", str(out / "docs")]) == 0
    return out


def rows_of(out: Path) -> dict[str, dict]:
    return {path.stem: json.loads(path.read_text())["garments"] for path in (out / "rows").glob("*.json")}


def test_every_row_is_measured_on_every_garment(run):
    recipe = toy()
    found = rows_of(run)
    assert set(found) == {row.name for row in recipe.rows}
    seeds = {str(mannequin.TEST.start + i) for i in range(recipe.garments)}
    for name, garments in found.items():
        assert set(garments) == seeds, name
        named = set.union(*(set(figures) for figures in garments.values()))
        assert ("psnr" in named) == (name != "motion-another"), name
        assert ("selection" in named) == (name not in ("vae", "first")), name


def test_the_ceiling_is_above_what_two_steps_of_training_reach(run):
    found = rows_of(run)
    for seed, figures in found["vae"].items():
        assert figures["psnr"] > found["ppa"][seed]["psnr"]


def test_the_report_is_whole_and_its_pictures_are_there(run):
    page = (run / "docs" / "ablation.md").read_text()
    summary = json.loads((run / "docs" / "ablation.json").read_text())
    for row in summary["rows"]:
        assert row["title"] in page
    for picture in ("ablation-table1.svg", "ablation-guidance.svg", "ablation-films.png"):
        assert f"({picture})" in page and (run / "docs" / picture).stat().st_size > 1000
    assert "| 0.885 | 23.57 | 0.086 | 126.92 |" in page  # the paper's last row of Table 1, as printed
    assert not list(run.rglob("*.tmp*"))


def test_the_report_can_be_written_again(run, tmp_path, capsys):
    ablation_report.main([str(run), "--docs", str(tmp_path / "docs")])
    for name in ("ablation.md", "ablation.json", "ablation-table1.svg", "ablation-films.png"):
        assert (tmp_path / "docs" / name).read_bytes() == (run / "docs" / name).read_bytes()
    with pytest.raises(SystemExit) as stopped:
        ablation_report.main([str(tmp_path)])
    assert stopped.value.code == 2 and "no measured rows" in capsys.readouterr().err


def test_the_same_command_again_does_nothing(run, monkeypatch):
    def never(*_, **__):
        raise AssertionError("work that was done already")

    monkeypatch.setattr(ablation_training, "run", never)
    monkeypatch.setattr(ablation_evaluation, "films", never)
    before = {path: path.stat().st_mtime_ns for path in run.glob("rows/*")}
    assert api.ablate("toy", run, docs=run / "docs")["recipe"] == "toy"
    assert before == {path: path.stat().st_mtime_ns for path in run.glob("rows/*")}


def test_more_garments_add_to_those_measured(run, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    found = api.ablate("toy", copy, only=["ppa"], seeds=4)
    assert {row["name"]: row["garments"] for row in found["rows"]}["ppa"] == 4
    old, new = rows_of(run)["ppa"], rows_of(copy)["ppa"]
    assert {seed: new[seed] for seed in old} == old


def test_checkpoints_do_not_outlive_the_training(run):
    assert not list(run.rglob("checkpoint-*"))
    assert {path.parent.name for path in run.glob("models/*/model")} == {t.name for t in toy().trainings}


def test_an_interrupted_ablation_ends_as_one_that_was_not(run, tmp_path, monkeypatch):
    """Stopped at the second step of a training, then after the first films of a row."""
    stopped_at_step(monkeypatch, 2)
    with pytest.raises(KeyboardInterrupt):
        ablation.ablate(toy(), tmp_path, only=["ppa"])
    monkeypatch.undo()
    assert list(tmp_path.glob("models/ppa/checkpoint-*"))
    made = ablation_evaluation.films
    calls = []

    def stopped(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return made(*arguments)

    monkeypatch.setattr(ablation_evaluation, "films", stopped)
    with pytest.raises(KeyboardInterrupt):
        ablation.ablate(toy(), tmp_path, only=["ppa"])
    monkeypatch.undo()
    assert len(rows_of(tmp_path)["ppa"]) == toy().at_once
    ablation.ablate(toy(), tmp_path, only=["ppa"])
    assert rows_of(tmp_path)["ppa"] == rows_of(run)["ppa"]


def stopped_at_step(monkeypatch, last: int) -> None:
    drawn = batches.pictures

    def pictures(cache, sampling, size, seed, step, samples):
        if step == last:
            raise KeyboardInterrupt
        return drawn(cache, sampling, size, seed, step, samples)

    monkeypatch.setattr(batches, "pictures", pictures)


@pytest.mark.slow  # kills a fresh process three times, each of which imports torch anew
def test_killed_at_any_point(run, tmp_path):
    command = [sys.executable, "-m", "lookreel.cli", "ablate", "toy", "--out", str(tmp_path)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": os.environ}
    for reached in ("models/ppa/checkpoint-0000001", "models/temporal/config.json", "rows/ppa.json"):
        process = subprocess.Popen(command, **quiet)
        while not (tmp_path / reached).exists() and process.poll() is None:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert subprocess.run(command, **quiet).returncode == 0
    assert rows_of(tmp_path) == rows_of(run)


def test_all_trainings_begin_alike():
    recipe = table1()
    config = replace(recipe.config, size=(32, 24))
    with seeded(0):
        made = {t.name: ablation_training.beginning(replace(t.config, size=(32, 24)), config, 0) for t in some(recipe)}
    first = {name: parts(s.model) for name, s in made.items()}
    for name, theirs in first.items():
        for part in ("reference_unet", "denoising_unet", "pose_guider", "pose_features"):
            assert equal(theirs[part], first["ppa"][part]), (name, part)
    assert equal(first["temporal"]["motion"].temporal, first["fta"]["motion"].temporal)
    assert equal(first["full"]["aggregator"], first["ppa"]["aggregator"])


def some(recipe):
    return [t for t in recipe.trainings if t.name in ("ppa", "mean", "full", "cosine", "temporal", "fta")]


def equal(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    mine, theirs = one.state_dict(), other.state_dict()
    return mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)


@pytest.mark.parametrize("aggregator", ["ppa", "mean", "concat", "first", "full"])
def test_films_together_are_films_alone(aggregator):
    net = system(aggregator=aggregator)
    seeds = (mannequin.VALIDATION.start, mannequin.VALIDATION.start + 1)
    orders = [Order(mannequin.frames_at(s, BY_VIEW, net.size), track(3, s), s) for s in seeds]
    for seed, made in zip(seeds, films(net, orders, 2, 2.5), strict=True):
        alone = net.animate(photos(seed=seed), track(3, seed), seed=seed, steps=2, guidance=2.5)
        assert (made.frames.int() - alone.frames.int()).abs().max() <= 1
        torch.testing.assert_close(made.shares.sum(1), torch.ones(3))
        if alone.report["weights"] is not None:
            torch.testing.assert_close(made.shares, torch.tensor(alone.report["weights"]), atol=1e-4, rtol=0)


def test_guidance_one_asks_the_told_half_only():
    net = system()
    order = Order(mannequin.frames_at(mannequin.VALIDATION.start, BY_VIEW, net.size), track(2), 1)
    alone = net.animate(photos(), track(2), seed=1, steps=2, guidance=1.0)
    (made,) = films(net, [order], 2, 1.0)
    assert (made.frames.int() - alone.frames.int()).abs().max() <= 1


def test_rows_of_table1_are_trained_alike():
    recipe = table1()
    stages = {stage: [t for t in recipe.trainings if (t.start is None) == (stage == 1)] for stage in (1, 2)}
    assert {t.name for t in stages[1]} == {"first", "mean", "concat", "ppa", "full", "cosine"}
    assert {t.name for t in stages[2]} == {"temporal", "fta-unsupervised", "fta"}
    for trainings in stages.values():
        assert len({(t.settings, t.sampling) for t in trainings}) == 1
    by_name = {t.name: t for t in recipe.trainings}
    assert by_name["fta"].offset_weight == 1 and by_name["fta-unsupervised"].offset_weight == 0
    assert by_name["fta"].config == by_name["fta-unsupervised"].config == recipe.config
    assert by_name["temporal"].config == replace(recipe.config, flow_sites=())
    assert recipe.garments >= 64


@pytest.mark.parametrize("name", list(ABLATIONS))
def test_recipes_are_whole(name):
    """Names once each; rows and claims name what is there; what a row needs is trained before it."""
    recipe = ABLATIONS[name]()
    trainings, rows = [t.name for t in recipe.trainings], [r.name for r in recipe.rows]
    assert len(set(trainings)) == len(trainings) and len(set(rows)) == len(rows)
    assert {r.training for r in recipe.rows} - {None} <= set(trainings)
    assert {t.start for t in recipe.trainings} - {None} <= set(trainings)
    assert {n for c in recipe.claims for n in (c.better, c.worse)} <= set(rows)
    for row in recipe.rows:
        needed = [t.name for t in recipe.needed((row,))]
        assert all(t.start is None or needed.index(t.start) < i for i, t in enumerate(recipe.needed((row,))))
    assert json.loads(json.dumps(recipe.describe())) == recipe.describe()


def test_models_of_another_recipe_are_refused(run):
    other = replace(toy(), mannequins=3)
    with pytest.raises(InputError, match="another recipe"):
        ablation.ablate(other, run)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing"], "recipe 'nothing': unknown; expected one of table1, toy"),
        (["toy", "--only", "nothing"], "row 'nothing': unknown; expected one of vae, first"),
        (["toy", "--seeds", "1"], "--seeds: found 1"),
        (["toy", "--docs", "file"], "--docs: file is a file"),
    ],
)
def test_wrong_options_are_one_line(arguments, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    assert main(["ablate", *arguments, "--out", "run"]) == 2
    out, err = capsys.readouterr()
    assert words in err and err.count("\n") == 1 and not out
    assert not list(Path("run").rglob("*"))
