"""The three papers' bundled models side by side: `lookreel ablate systems`.

The same garments and lengths for all, one after the other in one run, so that their seconds can be compared. DreamPose
and ProFashion are given a turn's poses, and their films are compared with it frame by frame; FashionFlow moves as it
likes, so what stands for it are figures that need no true frames.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from lookreel import api, model_folder
from lookreel.comparison.report import write_report
from lookreel.data import mannequin
from lookreel.dreampose.figures import figure
from lookreel.dreampose.presets import tuning
from lookreel.dreampose.system import DreamPoseSystem
from lookreel.dreampose.tuning import learn, with_steps
from lookreel.fashionflow.clips import Mannequins
from lookreel.fashionflow.quality import faded, motion, skin_error
from lookreel.metrics import picture
from lookreel.nets.weights import write_json
from lookreel.photos import Photo
from lookreel.poses.densepose import of_body
from lookreel.poses.track import Track
from lookreel.profashion.ablation_measures import figures
from lookreel.progress import Progress
from lookreel.recipe_run import chosen, claim
from lookreel.system import System

FRONT, BACK, SIDE = 0.0, math.pi, math.pi / 2
FPS = 8.0


@dataclass(frozen=True)
class Row:
    """One way of making the films. photos: their yaws in radians. tuned: to each garment's photo first."""

    name: str
    model: str
    photos: tuple[float, ...] = (FRONT,)
    tuned: bool = False
    published: dict[str, str] = field(default_factory=dict)
    """SSIM, LPIPS and FVD on UBC Fashion, as the ProFashion paper prints them."""

    @property
    def file_name(self) -> str:
        return self.name.replace(", ", "-").replace(" ", "-")


@dataclass(frozen=True)
class Comparison:
    """Rows that make the same turns. steps: of the sampler and of tuning; None takes each model's own."""

    name: str
    rows: tuple[Row, ...]
    garments: int = 4
    frames: int = 16
    steps: int | None = None

    def describe(self) -> dict[str, Any]:
        """What the films depend on."""
        rows = {row.name: asdict(row) | {"published": None} for row in self.rows}
        hashes = {row.model: model_folder.weights_hash(model_folder.find(row.model)) for row in self.rows}
        return {"rows": rows, "models": hashes, "frames": self.frames, "steps": self.steps}


def systems() -> Comparison:
    """The bundled models."""
    published = {
        "ProFashion": {"SSIM": ".909", "LPIPS": ".068", "FVD": "86.2"},
        "DreamPose": {"SSIM": ".879", "LPIPS": ".111", "FVD": "279.6"},
        "tuned": {"SSIM": ".885", "LPIPS": ".068", "FVD": "238.7"},
    }
    rows = (
        Row("ProFashion, three photos", "mini", (FRONT, BACK, SIDE), published=published["ProFashion"]),
        Row("ProFashion, the front alone", "mini"),
        Row("DreamPose", "mini-dreampose", published=published["DreamPose"]),
        Row("DreamPose, tuned", "mini-dreampose", tuned=True, published=published["tuned"]),
        Row("FashionFlow", "mini-fashionflow"),
    )
    return Comparison("systems", rows)


def compare(
    comparison: Comparison,
    out: Path,
    only: Sequence[str] = (),
    garments: int | None = None,
    docs: Path | None = None,
) -> dict[str, Any]:
    """Make the films into `out`, measure them, report into `docs` (default: out/report); what is there stays.

    Raises InputError for an unknown row, and where `out` holds films of other models or settings.
    """
    rows = chosen(comparison.rows, only)
    claim(out, comparison.describe(), "films of other models or settings")
    count = comparison.garments if garments is None else garments
    seeds = range(mannequin.TEST.start, mannequin.TEST.start + count)
    for row in rows:
        with Progress(row.name, count) as progress:
            for done, seed in enumerate(seeds, start=1):
                _one(comparison, row, seed, out / row.file_name / f"{seed}.json")
                progress(done)
    return write_report(comparison.name, comparison.rows, out, docs or out / "report")


def _one(comparison: Comparison, row: Row, seed: int, path: Path) -> None:
    """One garment's film: its figures into a JSON file, its frames beside."""
    if path.is_file():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    system = api.load(row.model, "cpu")
    stills = mannequin.frames_at(seed, row.photos, system.size)
    turn = mannequin.clip(seed, "turn", comparison.frames, system.size, FPS)
    tuning_seconds = _tune(comparison, seed, system, path.with_suffix(".work")) if row.tuned else None
    photos, track = _asked(system, stills, turn.track)
    began = time.monotonic()
    film = system.animate(photos, track, seed=seed, steps=comparison.steps, frames=comparison.frames).frames
    seconds = {"seconds": time.monotonic() - began}
    if tuning_seconds is not None:
        seconds["tuning"] = tuning_seconds
    truth = turn.frames if system.takes_motion else Mannequins(system.size, len(film), FPS, 1, seed).frames(0)
    told = _told(film, truth, mannequin.frames_at(seed, (FRONT,), system.size), seed)
    if system.takes_motion:
        told |= _paired(film, turn, mannequin.frames_at(seed, (FRONT, BACK, SIDE), system.size))
    np.save(path.with_suffix(".npy"), film.numpy())
    write_json(path, seconds | told)


def _asked(system: System, stills: mannequin.Clip, track: Track) -> tuple[list[Photo] | np.ndarray, Track | None]:
    """Photos and motion as the system takes them."""
    pictures = stills.frames.permute(0, 2, 3, 1).numpy()
    if not system.takes_motion:
        return pictures[0], None
    if isinstance(system, DreamPoseSystem):
        return pictures[0], of_body(track)
    return [Photo(*pair) for pair in zip(pictures, stills.track.keypoints, strict=True)], track


def _tune(comparison: Comparison, seed: int, system: System, work: Path) -> float:
    """Tune a DreamPose in place to the garment's front photo; the seconds that it takes."""
    assert isinstance(system, DreamPoseSystem)
    shutil.rmtree(work, ignore_errors=True)  # so that the seconds are of a whole tuning
    photos = figure(seed, system.size, 1).photos
    numbers = with_steps(tuning(system.config), comparison.steps, comparison.steps, seed)
    began = time.monotonic()
    learn(system, photos, numbers, None, work, {"seed": seed})
    shutil.rmtree(work)
    return time.monotonic() - began


def _told(film: Tensor, truth: Tensor, front: mannequin.Clip, seed: int) -> dict[str, float]:
    """What any film tells. faded, motion: over the truth's."""
    return {
        "skin": skin_error(film, front, seed),
        "faded": faded(film) / max(faded(truth), 1e-6),
        "motion": motion(film) / max(motion(truth), 1e-6),
    }


def _paired(film: Tensor, turn: mannequin.Clip, photos: mannequin.Clip) -> dict[str, float]:
    """What a film tells that is to show a known turn: over garment pixels, but ssim over whole frames."""
    made, true = (np.ascontiguousarray(frames.permute(0, 2, 3, 1).numpy()) for frames in (film, turn.frames))
    found = figures(film, turn, photos)
    kept = {name: found[name] for name in ("psnr", "psnr_front", "psnr_side", "psnr_back", "warp") if name in found}
    return kept | {"ssim": float(picture.ssim(made, true).mean())}


def _recipe(make: Callable[[], Comparison], out: Path, only: Sequence[str], seeds: int | None, docs: Path | None):
    return compare(make(), out, only, seeds, docs)


ABLATIONS = {"systems": partial(_recipe, systems)}
