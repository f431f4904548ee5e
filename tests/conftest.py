"""Markers with their reasons, and the pictures that several tests start from."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import lookreel

ASSETS = Path(lookreel.__file__).parent / "assets"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the tests marked slow too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what cannot or need not run here, and say why."""
    slow = pytest.mark.skip(reason="slow: runs with --slow")
    gpu = pytest.mark.skip(reason="gpu: this machine has no CUDA device")
    marked_gpu = [item for item in items if item.get_closest_marker("gpu")]
    if marked_gpu and not _has_cuda():
        for item in marked_gpu:
            item.add_marker(gpu)
    if not config.getoption("--slow"):
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(slow)


def _has_cuda() -> bool:
    import torch

    return torch.cuda.is_available()


@pytest.fixture
def mini() -> str:
    """The name of the bundled model; the test is skipped where it is not in the tree."""
    if not list(ASSETS.glob("**/mini/model_index.json")):
        pytest.skip("the bundled model mini is not in this tree")
    return "mini"


@pytest.fixture
def picture() -> np.ndarray:
    """A smooth picture, uint8 (128, 96, 3), different in every corner."""
    rows, columns = np.mgrid[0:128, 0:96]
    return np.stack([rows * 2, columns * 2, 255 - rows], axis=2).astype(np.uint8)


@pytest.fixture
def photo(tmp_path: Path, picture: np.ndarray) -> Path:
    """That picture as a file, `front.png`."""
    path = tmp_path / "front.png"
    Image.fromarray(picture).save(path)
    return path
