"""The rules of the house, kept by reading the source: layers, lightness, sizes, and the map in the README."""

import ast
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import lookreel

PACKAGE = Path(lookreel.__file__).parent
ROOT = PACKAGE.parent.parent
PAPERS = ("profashion", "animate_anyone", "dreampose", "fashionflow")
MAY_NAME_PAPERS = ("api.py", "cli.py", "commands", "comparison", "web")
LONGEST_FILE = 300
LONGEST_FUNCTION = 60
HEAVY = ("torch", "diffusers", "transformers", "av", "cv2", "numpy", "PIL", "accelerate", "skimage")
SOURCES = sorted(path for path in PACKAGE.rglob("*.py"))


def imported(path: Path) -> list[str]:
    """Every dotted name that a file imports, with what it takes from it: `from a.b import c` gives a.b.c."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import; write it out in full"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


def paper_of(name: str) -> str | None:
    """The paper whose folder an imported name lies in."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and parts[0] == "lookreel" and parts[1] in PAPERS else None


def forbidden(relative: Path, names: list[str]) -> list[str]:
    """The imports that a file of the package, named relative to it, may not have."""
    if relative.parts[0] in MAY_NAME_PAPERS:
        return []
    return [name for name in names if paper_of(name) not in (None, relative.parts[0])]


def test_only_what_serves_all_papers_names_one():
    found = {path: forbidden(path.relative_to(PACKAGE), imported(path)) for path in SOURCES}
    assert not {path: names for path, names in found.items() if names}


@pytest.mark.parametrize(
    ("file", "name", "allowed"),
    [
        ("api.py", "lookreel.profashion.system", True),
        ("web/page.py", "lookreel.dreampose", True),
        ("profashion/system.py", "lookreel.profashion.prototypes", True),
        ("profashion/system.py", "lookreel.animate_anyone.system", False),
        ("training/run.py", "lookreel.fashionflow.unet", False),
        ("system.py", "lookreel.profashion.config", False),
        ("nets/unet.py", "lookreel.nets.attention", True),
    ],
)
def test_the_rule_itself(file, name, allowed):
    assert forbidden(Path(file), [name]) == ([] if allowed else [name])


def test_torchvision_and_pickle_are_nowhere():
    for path in SOURCES:
        assert not {name.split(".")[0] for name in imported(path)} & {"torchvision", "pickle"}, path
    for name in ("pyproject.toml", "constraints.txt"):
        assert "torchvision" not in (ROOT / name).read_text(encoding="utf-8")


def test_no_file_and_no_function_is_too_long():
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") <= LONGEST_FILE, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno - node.lineno < LONGEST_FUNCTION, f"{path}: {node.name}"


def test_no_file_is_called_utils():
    assert not [path for path in SOURCES if path.stem in ("utils", "util", "helpers", "misc", "common")]


def test_everything_is_in_the_map_of_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    files = [path.name for path in PACKAGE.glob("*.py")]
    folders = [f"{path.name}/" for path in PACKAGE.iterdir() if path.is_dir() and any(path.glob("*.py"))]
    assert not [name for name in files + folders if name not in readme]


def fresh(*arguments: str) -> subprocess.CompletedProcess:
    """Run a fresh interpreter that sees the package as this one does."""
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=environment, check=True)


def test_help_imports_nothing_heavy():
    code = (
        "import sys, lookreel, lookreel.cli; lookreel.cli.main(['--help']);"
        f"print('HEAVY', [name for name in {HEAVY} if name in sys.modules])"
    )
    assert fresh("-c", code).stdout.endswith("HEAVY []\n")


def test_help_answers_within_a_second():
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        fresh("-m", "lookreel.cli", "--help")
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 1


def test_public_names_are_there():
    assert set(lookreel.__all__) == set(lookreel._HOMES)
    for name in ("Film", "InputError", "Photo", "Track"):
        assert getattr(lookreel, name).__name__ == name
    with pytest.raises(AttributeError, match="nothing_like_it"):
        _ = lookreel.nothing_like_it
