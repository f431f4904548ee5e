"""What the README and the documents say is true: their code runs, their commands exist, their tables are the code's."""

import ast
import re
import shlex
import shutil
from pathlib import Path

import pytest
import torch
from typer.main import get_command

import lookreel
from lookreel import numbers_table
from lookreel.assets import PHOTOS
from lookreel.cli import app
from lookreel.marked import with_made

PACKAGE = Path(lookreel.__file__).parent
ROOT = PACKAGE.parents[1]
README = ROOT / "README.md"
DOCUMENTS = [README, *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in DOCUMENTS}
PUT_THERE_LATER = ("docs/demo.png", "docs/numbers.json")


def fenced(text: str, language: str) -> list[str]:
    """The blocks of code in one language; "" for those without."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [code for name, code in found if name == language]


BLOCKS = [
    pytest.param(code, id=f"{name}-{number}")
    for name, text in TEXTS.items()
    for number, code in enumerate(fenced(text, "python"))
]


@pytest.mark.parametrize("code", BLOCKS)
def test_python_runs(code, tmp_path, monkeypatch, request):
    if "lookreel.load(" in code:
        request.getfixturevalue("mini")  # skips, with the reason, where the bundled model is absent
    for path in PHOTOS.iterdir():
        shutil.copy(path, tmp_path)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README", "exec"), {"__name__": "__main__"})


def test_the_readme_shows_the_six_lines():
    (code,) = fenced(TEXTS["README.md"], "python")
    assert len([line for line in code.splitlines() if line]) <= 6
    assert "lookreel.load(" in code and ".animate(" in code and ".save(" in code


def commands(text: str) -> list[list[str]]:
    """The arguments of every `lookreel ...` in a block of shell lines, also behind `-m lookreel.cli`."""
    lines = [line for code in fenced(text, "") for line in code.replace("\\\n", " ").splitlines()]
    found = [re.match(r"(?:lookreel|accelerate launch .*-m lookreel\.cli) (.*)", line) for line in lines]
    return [shlex.split(match[1]) for match in found if match]


@pytest.mark.parametrize("arguments", [c for text in TEXTS.values() for c in commands(text)], ids=" ".join)
def test_commands_parse(arguments):
    group = get_command(app)
    command = group.commands[arguments[0]]
    command.make_context(arguments[0], list(arguments[1:]))  # raises for an unknown option or a missing one


def test_the_test_of_commands_can_fail():
    group = get_command(app)
    with pytest.raises(Exception, match="--photos"):
        group.commands["animate"].make_context("animate", ["--photos", "a.png", "--out", "a.mp4"])


@pytest.mark.parametrize("name", TEXTS)
def test_commands_that_do_not_exist_are_called_to_come(name):
    known = set(get_command(app).commands) | {"PRESET"}
    for paragraph in re.split(r"\n\s*\n|\n- ", TEXTS[name]):
        unknown = set(re.findall(r"`lookreel ([a-z]+)", paragraph)) - known
        assert not unknown or "to come" in paragraph, paragraph


def test_every_command_and_both_words_are_in_the_readme():
    shell = "\n".join(fenced(TEXTS["README.md"], ""))
    assert "make demo" in shell and "make test" in shell
    for name in get_command(app).commands:
        assert f"lookreel {name}" in shell
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    words = {word for text in TEXTS.values() for word in re.findall(r"`?make (\w+)`", text)}
    assert words | {"demo", "test"} <= set(targets)


def test_modules_that_are_run_exist():
    for text in TEXTS.values():
        for module in re.findall(r"-m (lookreel[\w.]*)", text):
            place = PACKAGE.parent / module.replace(".", "/")
            assert place.with_suffix(".py").is_file() or (place / "__main__.py").is_file(), module


@pytest.mark.parametrize("name", TEXTS)
def test_links_lead_somewhere(name):
    folder = (ROOT / name).parent
    for link in re.findall(r"\]\(([^)#]+)\)", TEXTS[name]):
        if not link.startswith("https://"):
            target = (folder / link).resolve()
            assert target.exists() or target.relative_to(ROOT).as_posix() in PUT_THERE_LATER, link


@pytest.mark.parametrize("name", TEXTS)
def test_files_that_are_named_exist(name):
    for path in re.findall(r"`((?:src|training|diffusion|profashion|poses)/[\w/.-]+)`", TEXTS[name]):
        assert (ROOT / path).exists() or (PACKAGE / path).exists(), path


def test_the_sheet_is_there():
    if not (ROOT / "docs/demo.png").is_file():
        pytest.skip("docs/demo.png is not in this tree; `make demo` makes it as out/demo.png")
    from PIL import Image

    with Image.open(ROOT / "docs/demo.png") as picture:
        assert picture.size[0] > picture.size[1] > 100


def defined(path: Path) -> set[str]:
    """Functions, classes and methods of a file, methods as Class.method."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{inner.name}" for inner in node.body if isinstance(inner, ast.FunctionDef)}
    return names


@pytest.mark.parametrize("name", TEXTS)
def test_functions_that_are_named_exist(name):
    missing = []
    for file, function in re.findall(r"`([\w/]+\.py):([\w.]+)`", TEXTS[name]):
        path = PACKAGE / file
        if not path.is_file() or function not in defined(path):
            missing.append(f"{file}:{function}")
    assert not missing


def test_every_equation_has_its_function():
    rows = re.findall(r"^\| (\d+) \|.*\| (.*) \|$", TEXTS["docs/papers.md"], re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 14))
    assert all(re.search(r"`[\w/]+\.py:\w+", where) for _, where in rows)


def test_the_map_has_one_line_for_each_file_and_folder():
    (drawing,) = [code for code in fenced(TEXTS["README.md"], "") if code.startswith("src/lookreel/")]
    drawn = [re.match(r"[├└]── (\S+) +\S", line)[1] for line in drawing.splitlines()[1:]]
    files = [path.name for path in PACKAGE.glob("*.py")]
    folders = [f"{path.name}/" for path in PACKAGE.iterdir() if path.is_dir() and any(path.glob("*.py"))]
    assert sorted(drawn) == sorted(files + folders)


def test_every_recipe_is_in_the_table_of_docs_training():
    from lookreel.profashion.presets import mini, profashion_sd15
    from lookreel.training.encoders import RECIPES

    recipes = {f"`{name}`": settings for name, (_, settings) in RECIPES.items()}
    for name, made in (("profashion-sd15", profashion_sd15()), ("mini", mini())):
        recipes |= {f"`{name}`, stage 1": made.stage1, f"`{name}`, stage 2": made.stage2}
    for name, s in recipes.items():
        assert f"| {name} | {s.steps:,} | {s.batch} | {s.lr:.0e} |" in TEXTS["docs/training.md"]
    assert f"{mini().mannequins:,} garments" in TEXTS["docs/training.md"]
    assert f"checkpoint-{mini().stage1.steps:07d}" in TEXTS["docs/training.md"]
    parts = profashion_sd15().stage1.batch // profashion_sd15().stage1.accumulate
    assert f"in 16 parts of {parts} samples" in TEXTS["docs/training.md"]


def test_the_size_of_mini_is_as_said():
    from lookreel.profashion.config import mini
    from lookreel.profashion.model import ProFashion

    with torch.device("meta"):
        millions = sum(p.numel() for p in ProFashion(mini()).parameters()) / 1e6
    assert f"{millions:.1f} million" in TEXTS["docs/models.md"]


def test_the_bundled_motions_are_as_said():
    from lookreel.poses.motions import names

    listed = re.search(r"a bundled name: (.*);", TEXTS["README.md"])[1]
    assert sorted(re.findall(r"`([\w-]+)`", listed)) == names()


NUMBERS = {
    "garments": 24, "steps": 15, "guidance": 2.5, "back_three_photos": 18.0, "back_front_alone": 14.5, "back_vae": 27.0,
    "selection_accuracy": 0.97, "selection_weight": 0.9, "selection_weight_everywhere": 0.8, "warp_film": 0.0021,
    "warp_without_flow_attention": 0.0025, "warp_truth": 0.0012, "warp_vae": 0.0014,
}  # fmt: skip


def test_the_table_of_numbers():
    made = numbers_table.table(NUMBERS)
    assert "24 garments of the test seeds, 15 steps, guidance 2.5." in made
    assert "| what two more photos bring | +3.50 dB | +2.73 dB |" in made
    assert "| 2.50, 2.10 warp error | 196.95, 126.92 FVD |" in made
    rows = [line for line in made.splitlines() if line.startswith("|")]
    assert all(row.count("|") == 4 for row in rows)
    text = "a\n<!-- numbers -->\nold\n<!-- /numbers -->\nb\n"
    once = with_made(text, made, "README.md")
    assert once == with_made(once, made, "README.md") and "old" not in once
    assert once.startswith("a\n") and once.endswith("\nb\n")
    with pytest.raises(ValueError, match="README"):
        with_made("no marks", made, "README.md")


def test_the_keys_are_those_that_measure_writes():
    from dataclasses import fields

    from lookreel.profashion.measure import Numbers

    assert set(NUMBERS) == {field.name for field in fields(Numbers)}


def test_the_short_ablation():
    values = {"psnr": {"mean": 14.0}, "psnr_back": {"mean": 15.5}, "dtssd": {"mean": 0.0284}}
    rows = [
        {"name": name, "garments": 64, "values": values, "published": {"PSNR": "20.84", "FVD": "268.50"}}
        for name in numbers_table.ABLATED
    ]
    made = numbers_table.short_ablation({"size": [64, 48], "rows": rows})
    assert "64x48, 64 garments" in made
    assert "| PPA | 14.00 dB | 15.50 dB | 28.40 | 20.84 dB | 268.50 |" in made


def test_the_readme_shows_the_measured_numbers():
    assert TEXTS["README.md"] == with_made(TEXTS["README.md"], numbers_table.made(ROOT / "docs"), "README.md")
