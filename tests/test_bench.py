"""The bench: its counts, that the formulations it compares agree, and the pages made of its figures."""

import json

import pytest
import torch
from torch.testing import assert_close

from lookreel.bench import counters, page, run
from lookreel.bench.abba import Ratio, ratio
from lookreel.bench.approximations import approximations
from lookreel.bench.attention_block import pair
from lookreel.bench.fast import fast
from lookreel.bench.markdown import paragraph, table, with_marked
from lookreel.bench.ratios import Case, ratios
from lookreel.bench.tables import memory, summary
from lookreel.diffusion.pace import PRESETS
from lookreel.profashion.config import sd15
from lookreel.running.meter import Meter
from toys import model, system


def build(**changes):
    return model(**changes)


def test_frame_evaluations_by_length():
    """28 frames need two aligned windows; windows that wrap around would take three."""
    assert counters.frame_evaluations(sd15()) == {16: 16, 17: 32, 25: 32, 28: 32, 100: 128, 300: 400}


@pytest.fixture(scope="module")
def counted():
    return counters.counters(build)


def test_our_step_is_less_work_than_the_plain_one(counted):
    for what in ("teraflop", "gigabytes", "kernels"):
        assert 0 < counted["step"][what] < counted["step, plain"][what]
    one, three, side = (counted[f"step{name}"]["teraflop"] for name in (", one photo", "", ", photos side by side"))
    assert one <= three < side
    assert counted["step, without flow attention"]["kernels"] < counted["step"]["kernels"]
    assert counted["step, deep features again"]["teraflop"] < 0.6 * counted["step"]["teraflop"]


def test_the_plain_step_and_ours_agree():
    case = Case(build)
    for one, other in zip(case.plain(), case.ours(), strict=True):
        assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_the_plain_block_and_ours_agree_at_less_work():
    given = pair((12, 8), width=32, heads=4)
    assert_close(given.plain(), given.ours(), rtol=1e-5, atol=1e-5)
    work = []
    for formulation in (given.plain, given.ours):
        with Meter() as meter:
            formulation()
        work.append(meter.flops)
    assert work[0] > work[1]


def test_the_block_at_full_size_is_a_third_less_work():
    """Counted: 9,216 tokens, 320 channels, 8 heads. The time is in docs/bench.md."""
    with torch.device("meta"):
        given = pair()
        work = []
        for formulation in (given.plain, given.ours):
            with Meter() as meter:
                formulation()
            work.append(meter.flops)
    assert work[0] > 1.45 * work[1]


def test_ratios_are_of_rounds_in_abba_order():
    order, now = [], iter(range(1000))

    def one():
        order.append("one")

    def other():
        order.append("other")

    found = ratio(one, other, 2, clock=lambda: next(now) * 1.0)
    assert order == ["one", "other"] + ["one", "other", "other", "one"] * 2
    assert found == Ratio(1.0, 1.0, 1.0, 2)


def test_presets_are_measured_beside_the_exact_film():
    made = fast(system(), 1, frames=2)
    assert set(made["presets"]) == set(PRESETS)
    exact, quick = made["presets"]["exact"], made["presets"]["fast"]
    assert exact["speed"] == 1 and "psnr" not in exact and exact["full"] == 4 and exact["shallow"] == 0
    assert 5 < quick["psnr"] <= 100 and quick["speed"] > 0 and "lpips" not in quick


def test_approximations_are_measured():
    found = approximations(system(), 1, frames=2)
    assert list(found) == ["decoding in tiles of 4 cells", "bfloat16"]
    assert all(15 < value < 100 for value in found.values())


def test_ratios_of_the_cases():
    found = ratios(build, 1, grid=(8, 6))
    assert found["largest relative difference"] < 1e-4 and len(found) == 9
    assert all(r["median"] > 0 for name, r in found.items() if name != "largest relative difference")


def ratio_of(median: float) -> dict:
    return {"median": median, "low": median - 0.1, "high": median + 0.1, "rounds": 5}


@pytest.fixture
def found(counted):
    preset = {"steps": 6, "full": 5, "shallow": 5, "speed": 4.2, "truth": 21.5}
    presets = {"exact": preset, "fast": preset | {"psnr": 31.25, "lpips": 0.01}}
    return {
        "machine": run.machine(),
        "counters": counted,
        "memory": [
            {"size": [1024, 576], "frames": n, "plan": plan, "peak": n / 100 + 1.04}
            for n in (16, 300)
            for plan in ("float32", "float16")
        ],
        "ratios": {
            "largest relative difference": 1e-6,
            "guided attention block, 9,216 tokens: plain / ours": ratio_of(1.6),
            "guided step: three photos / one": ratio_of(1.01),
        },
        "presets": {"garments": 4, "frames": 16, "presets": presets},
        "approximations": {"bfloat16": 40.0},
    }


GPU = {
    "device": "NVIDIA H200", "ceilings": {"gemm, TFLOP/s": 780.0, "copy, TB/s": 4.2},
    "attention, ms": {"first level, told": {"FLASH_ATTENTION": 3.0, "MATH": None}},
    "guided step": {"eager": {"ms per frame-step": 17.0, "mfu": 0.45, "peak, GB": 9.0}},
    "decoding, ms per frame": 12.0, "film, seconds by frames": {"16": 9.9, "300": 250.0},
}  # fmt: skip


def test_the_page_says_what_was_found(found):
    made = page.page(found)
    assert "| `fast` | 6 | 5 + 5 | 4.2 | 31.2 dB | 0.010 | 21.5 dB |" in made
    assert "| `exact` | 6 | 5 + 5 | 4.2 | itself | not measured | 21.5 dB |" in made
    assert "| guided attention block, 9,216 tokens: plain / ours | 1.60 | 1.50 to 1.70 |" in made
    assert "Not measured: `make bench`" in made
    assert all(len(line) <= 120 or line.startswith("|") for line in made.splitlines())
    with_gpu = page.page(found | {"gpu": GPU})
    assert "| eager | 17.0 | 0.45 | 9.0 |" in with_gpu and "| first level, told | 3.00 | none |" in with_gpu
    assert "Not measured:" not in with_gpu


def test_the_short_tables(found):
    made = summary(found)
    assert "| three photos beside one | " in made and "4.2 times as fast, 31.2 dB to the exact film" in made
    assert "| 1024x576 | 300 | 4.0 GB | 4.0 GB |" in memory(found["memory"])


def test_markdown():
    assert table(("a", "b"), [("1", "2")]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"
    assert max(map(len, paragraph(*["word word"] * 40).splitlines())) <= 120
    text = "x\n<!-- t -->\nold\n<!-- /t -->\ny\n"
    assert with_marked(text, "t", "new") == "x\n<!-- t -->\nnew\n<!-- /t -->\ny\n"
    assert with_marked("no marks", "t", "new") == "no marks"


def test_parts_that_are_not_measured_stay(tmp_path, monkeypatch, capsys):
    out = tmp_path / "bench.json"
    out.write_text(json.dumps({"ratios": {"a": 1}, "counters": {}}))
    monkeypatch.setattr(run, "counters", lambda full: {"counted": 2})
    monkeypatch.setattr(run, "gpu", lambda full, cost: None)
    monkeypatch.setattr(run, "step", lambda full: None)
    run.main(["--only", "counters", "gpu", "--out", str(out)])
    kept = json.loads(out.read_text())
    assert kept["ratios"] == {"a": 1} and kept["counters"] == {"counted": 2} and "gpu" not in kept and "machine" in kept
    assert "gpu: left out" in capsys.readouterr().err


def test_the_committed_pages_are_those_of_the_committed_figures():
    figures = page.ROOT / "docs" / "bench.json"
    if not figures.is_file():
        pytest.skip("docs/bench.json is not in this tree; `make bench` writes it")
    for name, text in page.texts(json.loads(figures.read_text(encoding="utf-8"))).items():
        assert (page.ROOT / name).read_text(encoding="utf-8") == text, name
