"""The systems side by side: the bundled models, a few steps of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lookreel import api
from lookreel.comparison.systems import compare, systems
from lookreel.errors import InputError


def test_the_systems_side_by_side(tmp_path):
    comparison = replace(systems(), frames=4, steps=1, garments=1)
    found = compare(comparison, tmp_path / "run", docs=tmp_path / "docs")
    rows = found["rows"]
    assert list(rows) == [row.name for row in comparison.rows] and found["faster"] > 0
    for name, row in rows.items():
        assert row["values"]["seconds"]["mean"] > 0
        assert ("psnr" in row["values"]) == (name != "FashionFlow")
        assert ("tuning" in row["values"]) == (name == "DreamPose, tuned")
        assert np.load(tmp_path / "run" / name.replace(", ", "-").replace(" ", "-") / "1000000.npy").shape[0] == 4
    page = (tmp_path / "docs/systems.md").read_text()
    assert "| FashionFlow |" in page and "9.3 times" in page and (tmp_path / "docs/systems.png").is_file()

    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*.npy")}
    assert compare(comparison, tmp_path / "run", docs=tmp_path / "docs") == found  # nothing is made twice
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*.npy")} == before
    with pytest.raises(InputError, match="other models or settings"):
        compare(replace(comparison, frames=6), tmp_path / "run")
    with pytest.raises(InputError, match="row 'Champ': unknown"):
        compare(comparison, tmp_path / "run", ["Champ"])


def test_it_is_an_ablation_for_users():
    assert "systems" in api.ablations()
