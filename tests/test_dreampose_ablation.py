"""DreamPose's ablations and measures from start to end at toy width, and what their figures tell."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from dreampose_toys import CONFIG, GRID, system
from lookreel import api
from lookreel.data import mannequin
from lookreel.dreampose import ablation_recipe, measure
from lookreel.dreampose.ablation import ablate, variant
from lookreel.dreampose.ablation_grid import run_grid
from lookreel.dreampose.ablation_recipe import CLIP_ONLY, COLUMNS, FULL, GRIDS, ONE_POSE, PAPER
from lookreel.dreampose.figures import VIEWS, figure, smoothed, told
from lookreel.dreampose.presets import toy_tuning
from lookreel.errors import InputError

FIGURES = {"l1", "ssim", "psnr", "embedding", "psnr_front", "psnr_side", "psnr_back", "facing", "warp"}


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("base") / "toy"
    system().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def shown():
    return figure(mannequin.TEST.start, (128, 96), 12, 3)


def test_photos_lie_round_the_figure():
    for count, yaws in VIEWS.items():
        assert len(yaws) == count and yaws[0] == 0
        around = np.sort(np.array(yaws) % (2 * math.pi))
        np.testing.assert_allclose(np.diff(around), 2 * math.pi / count)
    assert len(figure(1, CONFIG.size, 3, 5).photos) == 5


def test_the_truth_is_without_fault_and_the_photo_is_not(shown):
    made = system()
    true = told(shown.truth.frames, shown, made)
    assert true["l1"] == 0 and true["psnr"] == 100 and true["ssim"] == pytest.approx(1)
    assert true["facing"] == 1 and true["embedding"] == pytest.approx(0, abs=1e-6)
    still = told(shown.stills.frames[:1].expand(12, -1, -1, -1), shown, made)
    assert set(still) == FIGURES
    assert still["psnr_front"] > still["psnr_back"] and still["facing"] == 0 and still["l1"] > 0.01


def test_flicker_is_told(shown):
    noise = torch.randint(-40, 41, shown.truth.frames.shape, generator=torch.Generator().manual_seed(0))
    shaking = (shown.truth.frames.int() + noise).clamp(0, 255).to(torch.uint8)
    made = system()
    assert told(shaking, shown, made)["warp"] > 1.2 * told(shown.truth.frames, shown, made)["warp"]
    assert told(smoothed(shaking), shown, made)["warp"] < told(shaking, shown, made)["warp"]


def test_smoothing_is_the_mean_of_neighbours():
    frames = torch.tensor([0, 30, 90], dtype=torch.uint8).view(3, 1, 1, 1).expand(3, 3, 2, 2)
    assert smoothed(frames)[:, 0, 0, 0].tolist() == [10, 40, 70]
    assert torch.equal(smoothed(frames[:1]), frames[:1])


def test_one_pose_does_what_five_equal_poses_do():
    five, one = system(), variant(system(), ONE_POSE)
    g = torch.Generator().manual_seed(0)
    x, pose = torch.randn(2, 4, *GRID, generator=g), torch.randn(2, 2, *GRID, generator=g)
    t, context = torch.tensor([3, 700]), torch.randn(2, 5, 16, generator=g)
    assert one.config.poses == 1
    with torch.no_grad():
        assert_close(one.model(x, t, context, pose), five.model(x, t, context, pose.repeat(1, 5, 1, 1)))
    assert not variant(system(), CLIP_ONLY).config.vae_tokens
    full = variant(system(), FULL)
    assert all(torch.equal(a, b) for a, b in zip(full.model.parameters(), five.model.parameters(), strict=True))


def test_recipes_ask_table_2s_questions():
    rows = {row.name: row for row in ablation_recipe.table2().rows}
    assert set(PAPER) < set(rows) and rows[CLIP_ONLY].network == CLIP_ONLY and rows[ONE_POSE].network == ONE_POSE
    assert not rows["no VAE tuning"].decoder and rows["no VAE tuning"].tuned
    assert rows["one pose, smoothed"].smoothed and rows["one pose, smoothed"].network == ONE_POSE
    assert rows[FULL].published == dict(zip(COLUMNS, (0.019, 0.900, 0.207, 0.056), strict=True))
    assert [row.photos for row in ablation_recipe.photos().rows] == [1, 1, 3, 5]
    assert {"dreampose-table2", "dreampose-photos", "dreampose-guidance"} < set(api.ablations())
    assert (2.0, 2.0) in GRIDS["dreampose-guidance"]().pairs().values()


def test_table_2_from_start_to_end(tmp_path, base):
    recipe = ablation_recipe.toy(str(base))
    found = ablate(recipe, tmp_path / "run")
    assert [row["name"] for row in found["rows"]] == [CLIP_ONLY, "one pose, smoothed", FULL]
    assert set(found["rows"][0]["values"]) == FIGURES and found["rows"][0]["figures"] == 2
    assert len(found["rows"][0]["values"]["psnr"]["interval"]) == 2
    page = (tmp_path / "run/report/toy.md").read_text()
    assert "| CLIP only |" in page and "paper's LPIPS" in page and "0.502" in page
    assert (tmp_path / "run/report/toy.png").is_file() and not list((tmp_path / "run/work").iterdir())
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "run/models").rglob("*.safetensors")}
    assert ablate(recipe, tmp_path / "run") == found  # nothing is done twice
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "run/models").rglob("*.safetensors")} == before
    more = ablate(recipe, tmp_path / "run", [FULL], 3, tmp_path / "docs")
    assert [row["figures"] for row in more["rows"]] == [2, 2, 3] and (tmp_path / "docs/toy.json").is_file()
    with pytest.raises(InputError, match="row 'none': unknown"):
        ablate(recipe, tmp_path / "run", ["none"])
    with pytest.raises(InputError, match="another recipe or another base"):
        ablate(replace(recipe, settings=None), tmp_path / "run")
    with pytest.raises(InputError, match="not found; expected a bundled model"):
        ablate(replace(recipe, base="absent"), tmp_path / "other")


def test_the_grid_of_scales(tmp_path, base):
    grid = ablation_recipe.toy_grid(str(base))
    found = run_grid(grid, tmp_path / "run")
    assert set(found["cells"]) == {"1x1", "1x3", "2x1", "2x3"} and found["best"] in found["cells"]
    assert found["cells"]["1x1"] != found["cells"]["2x3"]
    page = (tmp_path / "run/report/toy-grid.md").read_text()
    assert "| s_I \\ s_P | 1 | 3 |" in page and (tmp_path / "run/report/toy-grid.png").is_file()
    assert run_grid(grid, tmp_path / "run") == found
    with pytest.raises(InputError, match="another recipe"):
        run_grid(replace(grid, frames=5), tmp_path / "run")


def test_what_tuning_brings_is_measured(tmp_path, base):
    out = tmp_path / "numbers.json"
    found = measure.measure(str(base), out, subjects=2, compared=1, ranks=(2,), frames=4, numbers=toy_tuning())
    assert set(found["summary"]) == {"untuned", "full", "2"} and found["summary"]["2"]["figures"] == 1
    full = found["summary"]["full"]
    gains = [rows["full"]["psnr"] - rows["untuned"]["psnr"] for rows in found["figures"].values()]
    assert full["gain"] == pytest.approx(np.mean(gains)) and full["least"] == min(gains)
    assert full["seconds"] > 0 and found["summary"]["2"]["bytes"] < full["bytes"]
    assert json.loads(out.read_text()) == json.loads(json.dumps(found))
    again = measure.measure(str(base), out, subjects=2, compared=1, ranks=(2,), frames=4, numbers=toy_tuning())
    assert again["figures"] == found["figures"]  # the seconds too: nothing is done twice
    made = measure.table(found, {"full": 0.002, "one pose": 0.0031})
    assert "| rank 2 | 1 |" in made and "2.00 with five poses, 3.10 with one" in made
    full |= {"gain": 1.2, "least": 0.6}
    assert "on every figure: met" in measure.table(found, None)
    full["least"] = 0.4
    assert "on every figure: not met" in measure.table(found, None)


def test_flicker_is_read_from_the_report(tmp_path):
    assert measure.flicker_of(tmp_path / "absent.json") is None
    rows = [{"name": name, "values": {"warp": {"mean": mean}}} for name, mean in (("full", 0.1), ("one pose", 0.2))]
    (tmp_path / "report.json").write_text(json.dumps({"rows": rows}))
    assert measure.flicker_of(tmp_path / "report.json") == {"full": 0.1, "one pose": 0.2}
    (tmp_path / "report.json").write_text(json.dumps({"rows": rows[:1]}))
    assert measure.flicker_of(tmp_path / "report.json") is None
