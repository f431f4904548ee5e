"""What an ablation measures on a film, and what its report makes of the figures."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from lookreel.data import mannequin
from lookreel.film import Film
from lookreel.profashion.ablation_figures import write_figures
from lookreel.profashion.ablation_garments import ANOTHER, Garments, loose, yaws_of
from lookreel.profashion.ablation_measures import MEASURES, borrowed, figures, selected
from lookreel.profashion.ablation_page import number, page
from lookreel.profashion.ablation_recipe import BY_VIEW, Claim
from lookreel.profashion.ablation_summary import paired, summary, verdict
from lookreel.profashion.ablation_table1 import photo_rows, table1
from lookreel.profashion.ppa_picture import picture

SIZE = (64, 48)
SEED = mannequin.TEST.start


@pytest.fixture(scope="module")
def garments() -> Garments:
    return Garments(SIZE, 8)


def test_the_truth_measures_as_perfect(garments):
    truth, photos = garments.truth(SEED), garments.by_view(SEED)
    found = figures(truth.frames, truth, photos)
    assert found["psnr"] == found["psnr_back"] == 100
    assert found["dtssd"] == 0 and found["warp"] > 0
    assert found["vgc_front"] > 0.5 and found["vgc_back"] > 0.5


def test_views_are_told_apart(garments):
    """The back frames painted over: only their figures fall."""
    truth, photos = garments.truth(SEED), garments.by_view(SEED)
    away = np.abs(np.angle(np.exp(1j * truth.yaw.numpy()))) > 0.75 * math.pi
    painted = truth.frames.clone()
    painted[torch.from_numpy(away)] = 128
    found = figures(painted, truth, photos)
    assert found["psnr_front"] == found["psnr_side"] == 100 > found["psnr_back"]
    assert found["psnr"] < 100


def test_a_flickering_film_is_measured_as_one(garments):
    truth, photos = garments.truth(SEED), garments.by_view(SEED)
    flicker = truth.frames.clone()
    flicker[::2] = (flicker[::2].int() + 25).clamp(max=255).byte()
    steady, found = (figures(frames, truth, photos) for frames in (truth.frames, flicker))
    assert found["warp"] > steady["warp"] and found["dtssd"] > steady["dtssd"]


def test_a_borrowed_motion_has_no_pixels_to_compare(garments):
    (row,) = [row for row in photo_rows() if row.another_motion]
    motion = garments.motion(SEED, row)
    assert torch.equal(motion.frames, garments.truth(SEED + ANOTHER).frames)
    found = borrowed(motion.frames, motion, garments.by_view(SEED))
    assert found and set(found) <= {"vgc_front", "vgc_back"}


def test_selection_counts_frames_with_a_clear_nearest_photo():
    yaws = torch.tensor([0.0, math.pi, math.pi / 2, math.pi / 4])  # the last is as near to the front as to the side
    right = torch.tensor([[0.9, 0.05, 0.05], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6], [0.0, 1.0, 0.0]])
    assert selected(right, yaws, BY_VIEW) == pytest.approx({"selection": 1.0, "weight": (0.9 + 0.8 + 0.6) / 3})
    wrong = right[:, [1, 0, 2]]
    assert selected(wrong, yaws, BY_VIEW)["selection"] == pytest.approx(1 / 3)
    assert selected(right[:, :1], yaws, (0.0,)) == {}


def test_photos_of_the_rows(garments):
    rows = {row.name: row for row in photo_rows()}
    assert yaws_of(SEED, rows["photos-no-back"]) == (0.0, math.pi / 2)
    assert [len(yaws_of(SEED, rows[f"photos-{n}"])) for n in (1, 2, 4, 5, 6)] == [1, 2, 4, 5, 6]
    drawn = yaws_of(SEED, rows["photos-random"])
    assert len(drawn) == 3 and drawn == yaws_of(SEED, rows["photos-random"]) != yaws_of(SEED + 1, rows["photos-random"])
    assert len(garments.photos(SEED, rows["photos-6"]).frames) == 6


def test_both_kinds_of_cloth_are_among_the_test_garments():
    hanging = [loose(seed) for seed in Garments.seeds(64)]
    assert 20 <= sum(hanging) <= 44


@pytest.mark.parametrize(
    ("difference", "better", "said"),
    [
        ([0.5, 0.6, 0.7, 0.4], 1, "holds"),
        ([0.5, 0.6, 0.7, 0.4], -1, "reversed"),
        ([-0.5, -0.6, -0.7], -1, "holds"),
        ([0.5, -0.6, 0.7, -0.4], 1, "undecided"),
        ([0.5], 1, "undecided"),
        ([], 1, "undecided"),
    ],
)
def test_verdicts(difference, better, said):
    assert verdict(difference, better) == said


def test_differences_are_of_the_same_garments():
    one, other = {"1": {"psnr": 3.0}, "2": {"psnr": 5.0}, "3": {}}, {"1": {"psnr": 1.0}, "3": {"psnr": 9.0}}
    assert paired(one, other, "psnr") == [2.0]


@pytest.fixture
def measured(tmp_path):
    """Rows with figures that were made up: PPA 1 dB above the mean on every garment, FTA no different from PPA."""
    recipe, own = table1(), np.linspace(12, 18, 12)
    wobble = 0.1 * np.resize([1, -1], 12)
    heights = {"vae": 6, "mean": -1, "ppa": 0, "fta": 0, "guidance-2.5": 0, "guidance-3.5": -2, "photos-1": -0.5}
    heights |= {"motion-another": 0}
    for row in recipe.rows:
        if row.name in heights:
            values = own + heights[row.name] + (0 if row.name == "ppa" else wobble)
            names = ("vgc_front",) if row.another_motion else [name for name in MEASURES if name != "vgc_back"]
            figures = {str(SEED + i): dict.fromkeys(names, value) for i, value in enumerate(values.tolist())}
            (tmp_path / f"{row.name}.json").write_text(json.dumps({"how": recipe.how(row), "garments": figures}))
    return recipe, tmp_path


def test_summary_tells_what_holds(measured):
    recipe, rows = measured
    found = summary(recipe, rows)
    by_name = {row["name"]: row["values"] for row in found["rows"]}
    assert list(by_name) == ["vae", "mean", "ppa", "fta", "guidance-2.5", "guidance-3.5", "photos-1", "motion-another"]
    low, high = by_name["mean"]["psnr"]["difference"]["interval"]
    assert low < by_name["mean"]["psnr"]["difference"]["mean"] < high < 0
    wide = by_name["mean"]["psnr"]["interval"]
    assert high - low < wide[1] - wide[0]  # paired: what the garments differ in is gone
    said = {(c["better"], c["worse"], c["measure"]): c["verdict"] for c in found["claims"]}
    assert said["ppa", "mean", "psnr"] == "holds"
    assert said["fta", "ppa", "psnr"] == "undecided"
    assert said["guidance-3.5", "guidance-2.5", "psnr"] == "reversed"
    assert {c["row"] for c in found["cloth"]} >= {"ppa", "fta"}


def test_rows_made_in_another_way_are_left_out(measured):
    recipe, rows = measured
    assert not summary(replace(recipe, steps=recipe.steps + 1), rows)["rows"]


def test_page_says_what_does_not_hold(measured, tmp_path):
    recipe, rows = measured
    found = summary(recipe, rows)
    text = page(found, write_figures(found, rows, tmp_path))
    assert "**reversed**" in text and "**undecided**" in text and "not the same metrics" in text
    assert f"Of {len(found['claims'])} expected orders" in text
    tables = [block.strip().split("\n") for block in text.split("\n\n") if block.startswith("|")]
    assert len(tables) >= 6
    for lines in tables:
        assert len({line.count("|") for line in lines}) == 1
    assert "22.67" in text and "| - |" in text
    assert sorted(path.name for path in tmp_path.glob("ablation-*")) == [
        "ablation-guidance.svg",
        "ablation-photos.svg",
        "ablation-table1.svg",
    ]


def test_figures_are_the_same_files_again(measured, tmp_path):
    recipe, rows = measured
    found = summary(recipe, rows)
    made = []
    for _ in range(2):
        write_figures(found, rows, tmp_path)
        made.append({path.name: path.read_bytes() for path in tmp_path.glob("*.svg")})
    assert made[0] == made[1]


def test_claims_are_readable():
    claims = table1().claims
    assert all(isinstance(claim, Claim) and claim.measure in MEASURES and claim.says for claim in claims)


def test_numbers_are_printed_in_their_unit():
    assert number({"mean": 0.01234, "interval": [0.01, 0.02]}, "warp") == "12.34 (10.00 to 20.00)"
    assert number({"mean": 1.0, "interval": [-0.5, 2.0]}, "psnr", signed=True) == "+1.00 (-0.50 to +2.00)"
    assert number(None, "psnr") == "-" and number({"mean": 1.0, "interval": None}, "psnr") == "1.00"


def test_the_picture_of_the_weights(tmp_path):
    frames = torch.randint(0, 256, (4, 3, 16, 12), dtype=torch.uint8)
    weights = torch.eye(3)[[0, 2, 1, 1]].tolist()
    figure = picture(Film(frames, 12.0, {"weights": weights}, references=list(frames[:3])))
    figure.savefig(tmp_path / "ppa.png")
    curves = [axis for part in figure.subfigs[1].subfigs for axis in part.axes if axis.lines][0]
    assert [line.get_label() for line in curves.lines] == ["front", "back", "side"]
    assert curves.lines[2].get_ydata().tolist() == [0, 1, 0, 0]
