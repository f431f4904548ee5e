"""The report of an ablation: ablation.json, ablation.md and its pictures. `lookreel ablate` writes it, and so does

    python -m lookreel.profashion.ablation_report RUN --docs docs

from a run that is already measured.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lookreel.nets.weights import write_json
from lookreel.outputs import whole
from lookreel.profashion.ablation_figures import write_figures
from lookreel.profashion.ablation_page import page
from lookreel.profashion.ablation_recipe import Ablation
from lookreel.profashion.ablation_summary import summary
from lookreel.profashion.ablation_table1 import ABLATIONS


def write_report(ablation: Ablation, found: dict[str, Any], rows: Path, docs: Path) -> None:
    """Write the report on a `summary` into the folder `docs`, made where it is not there."""
    docs.mkdir(parents=True, exist_ok=True)
    write_json(docs / "ablation.json", found)
    pictures = write_figures(found, rows, docs)
    path = docs / "ablation.md"
    with whole(path) as (temporary,):
        temporary.write_text(page(found, pictures), encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Write an ablation's report again from its measured rows.")
    parser.add_argument("run", type=Path, help="the --out of `lookreel ablate`")
    parser.add_argument("--docs", type=Path, help="where to write it; the default is RUN/report")
    options = parser.parse_args(arguments)
    path, rows = options.run / "recipe.json", options.run / "rows"
    if not path.is_file() or not list(rows.glob("*.json")):
        parser.error(f"{options.run}: no measured rows; expected the --out of `lookreel ablate`")
    name = json.loads(path.read_text())["name"]
    if name not in ABLATIONS:
        parser.error(f"{path}: recipe {name!r}; expected one of {', '.join(ABLATIONS)}")
    ablation = ABLATIONS[name]()
    write_report(ablation, summary(ablation, rows), rows, options.docs or options.run / "report")


if __name__ == "__main__":
    main()
