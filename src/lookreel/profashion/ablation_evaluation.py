"""Measure one row of an ablation, garment by garment; what is measured already stays."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from lookreel.assets import MODELS
from lookreel.encoders.vae import LatentCodec
from lookreel.nets.weights import write_json
from lookreel.outputs import whole
from lookreel.profashion.ablation_films import Made, Order, films
from lookreel.profashion.ablation_garments import Garments, yaws_of
from lookreel.profashion.ablation_measures import borrowed, figures, selected
from lookreel.profashion.ablation_recipe import Ablation, Row
from lookreel.profashion.ablation_training import model_folder
from lookreel.profashion.system import ProFashionSystem
from lookreel.progress import Progress

SELECTS = ("ppa", "full")  # aggregators whose weights depend on the pose
SHOWN = 8  # frames in a row's picture

Make = Callable[[list[int]], list[tuple[int, Tensor, dict[str, float]]]]  # seeds -> seed, film, its figures


def evaluate(ablation: Ablation, row: Row, garments: Garments, count: int, models: Path, rows: Path) -> None:
    """Measure the first `count` test garments into rows/NAME.json, and show the first one's film in rows/NAME.png.

    The file grows by a few garments at a time, so that an interrupted row goes on where it was. Films made in another
    way than the row now says are measured anew.
    """
    path, found = rows / f"{row.name}.json", measured(ablation, row, rows)
    seeds = garments.seeds(count)
    absent = [seed for seed in seeds if str(seed) not in found]
    if not absent:
        return
    make = _round_trips(garments) if row.training is None else _films(ablation, row, garments, models)
    with Progress(f"row {row.name}", count, count - len(absent)) as bar:
        for i in range(0, len(absent), ablation.at_once):
            part = absent[i : i + ablation.at_once]
            for seed, made, its_figures in make(part):
                found[str(seed)] = its_figures
                if seed == seeds[0]:
                    _show(made, path.with_suffix(".png"))
            write_json(path, {"row": row.name, "how": ablation.how(row), "garments": found})
            bar(count - len(absent) + i + len(part))


def measured(ablation: Ablation, row: Row, rows: Path) -> dict[str, dict[str, float]]:
    """Garment -> measure -> figure: what is measured of a row, made as it says now."""
    path = rows / f"{row.name}.json"
    found = json.loads(path.read_text()) if path.is_file() else {}
    return found["garments"] if found.get("how") == ablation.how(row) else {}


def _films(ablation: Ablation, row: Row, garments: Garments, models: Path) -> Make:
    """Films of the row's model."""
    assert row.training is not None
    system = ProFashionSystem.from_pretrained(model_folder(models, row.training), torch.device("cpu"))
    guidance = system.config.guidance if row.guidance is None else row.guidance
    selects = system.config.aggregator in SELECTS

    def make(seeds: list[int]) -> list[tuple[int, Tensor, dict[str, float]]]:
        orders = [Order(garments.photos(s, row), garments.motion(s, row).track, s) for s in seeds]
        made = films(system, orders, ablation.steps, guidance)
        return [(s, m.frames, _figures(m, s, row, garments, selects)) for s, m in zip(seeds, made, strict=True)]

    return make


def _figures(made: Made, seed: int, row: Row, garments: Garments, selects: bool) -> dict[str, float]:
    motion, photos = garments.motion(seed, row), garments.by_view(seed)
    found = (borrowed if row.another_motion else figures)(made.frames, motion, photos)
    return found | (selected(made.shares, motion.yaw, yaws_of(seed, row)) if selects else {})


def _round_trips(garments: Garments) -> Make:
    """The truth through the VAE, and beside it what the truth itself has."""
    codec = LatentCodec.from_pretrained(MODELS / "mini" / "vae")

    def make(seeds: list[int]) -> list[tuple[int, Tensor, dict[str, float]]]:
        made = []
        for seed in seeds:
            truth, photos = garments.truth(seed), garments.by_view(seed)
            coded = codec.pictures(codec.encode(truth.frames.float() / 127.5 - 1))
            own = {"warp_truth": figures(truth.frames, truth, photos)["warp"]}
            made.append((seed, coded, figures(coded, truth, photos) | own))
        return made

    return make


def _show(frames: Tensor, path: Path) -> None:
    """Write evenly spaced frames of uint8 (F, 3, H, W) side by side."""
    chosen = torch.linspace(0, len(frames) - 1, min(SHOWN, len(frames))).round().long()
    strip = torch.cat(list(frames[chosen]), dim=2).permute(1, 2, 0).numpy()
    with whole(path) as (temporary,):
        Image.fromarray(strip).save(temporary)
