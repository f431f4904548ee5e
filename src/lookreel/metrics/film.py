"""FVD, KVD, FID, FID-VID, VFID-I3D and the Inception Score: each network, what it is shown, and how sets are compared.

docs/metrics.md has the table with sources. `load_all` gives the metrics whose weight files are there, sharing networks
and features, and says of the others what is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from lookreel.metrics import checkpoint, fid_vid, fvd, inception, inception_score, vfid, weights, windows
from lookreel.metrics.clip import Clip
from lookreel.metrics.film_metric import FilmMetric, Score, measure, value
from lookreel.metrics.frechet import frechet
from lookreel.metrics.i3d import I3D, I3DConfig
from lookreel.metrics.kernel import kernel_distance
from lookreel.metrics.resnet3d import ResNet3D
from lookreel.metrics.result import Skipped

__all__ = ["FILM", "FilmMetric", "load", "load_all", "measure", "value"]

DRAWS = 100  # BDMM's random runs a truth film
Network = Callable[[Path, str], Any]  # weight file, device -> what `features` is given


@dataclass(frozen=True)
class Recipe:
    """weights: the file's key in the register. features: of (clip, network=, device=); `reads` names what they read.

    The other fields are those of FilmMetric.
    """

    weights: str
    network: Network
    reads: str
    features: Callable[..., np.ndarray]
    score: Score
    truth_features: Callable[..., np.ndarray] | None = None
    first: bool = False
    alone: bool = False
    least: int = 2048


def load(name: str, weights_dir: str | Path | None, device: str = "cpu") -> FilmMetric | Skipped:
    """The metric of one of FILM, or why it is skipped. Raises InputError for a damaged or foreign weight file."""
    return load_all((name,), weights_dir, device)[0]


def load_all(names: Sequence[str], weights_dir: str | Path | None, device: str = "cpu") -> list[FilmMetric | Skipped]:
    """The metrics of those names of FILM, in order; each network is read once. Raises InputError as `load` does."""
    paths = {key: weights.find(weights_dir, key) for key in dict.fromkeys(FILM[name].weights for name in names)}
    hashes = {key: weights.sha256_of(path) for key, path in paths.items() if path is not None}
    networks: dict[tuple[str, Network], Any] = {}
    found: list[FilmMetric | Skipped] = []
    for name in names:
        recipe = FILM[name]
        path, mark = paths[recipe.weights], (recipe.weights, recipe.network)
        if path is None:
            found.append(weights.skipped(name, recipe.weights))
            continue
        if mark not in networks:
            networks[mark] = recipe.network(path, device)
        found.append(_metric(name, recipe, networks[mark], device, {path.name: hashes[recipe.weights]}))
    return found


def _metric(name: str, recipe: Recipe, network: Any, device: str, used: dict[str, str]) -> FilmMetric:
    of_truth = recipe.truth_features
    return FilmMetric(
        name=name,
        shares=f"{recipe.weights}: {recipe.reads}",
        features=partial(recipe.features, network=network, device=device),
        score=recipe.score,
        weights=used,
        truth_features=None if of_truth is None else partial(of_truth, network=network, device=device),
        first=recipe.first,
        alone=recipe.alone,
        fewest=inception_score.SPLITS if recipe.alone else 2,
        least=recipe.least,
    )


def _tensors(build: Callable[[], nn.Module], path: Path, device: str) -> nn.Module:
    """A network of ours with the file's tensors."""
    return checkpoint.fill(build(), checkpoint.read_tensors(path), path).to(device)


def _i3d_script(path: Path, device: str) -> Callable[[torch.Tensor], torch.Tensor]:
    return fvd.script(checkpoint.read_script(path, device))


def _frames(clip: Clip, network: Any, device: str, head: Callable, prepare: Callable) -> np.ndarray:
    """Inception's features of every frame but the references."""
    frames = clip.frames[~np.isin(np.arange(len(clip)), clip.references)]
    return inception.features(frames, head(network), prepare, device) if len(frames) else np.empty((0, 0))


def _pooled(distance: Callable[[np.ndarray, np.ndarray], float]) -> Score:
    """All films' features together."""
    return lambda generated, truth: distance(np.concatenate(generated), np.concatenate(truth))


def _score_alone(generated: Sequence[np.ndarray], truth: Sequence[np.ndarray]) -> float:
    return inception_score.inception_score(np.concatenate(generated))


_FD, _MMD = _pooled(frechet), _pooled(kernel_distance)
_BDMM = partial(fvd.mean_over_draws, distance=partial(frechet, ddof=0))
_RANDOM = partial(windows.random_runs, count=DRAWS)
_I3D = partial(_tensors, I3D)
_I3D_EPS = partial(_tensors, partial(I3D, I3DConfig(eps=1e-3)))  # piergiaj's and DisCo's modules
_RESNET3D = partial(_tensors, ResNet3D)


def _video(key: str, network: Network, prepare: fvd.Prepare, bicubic: fvd.Prepare, disco: Network) -> dict[str, Recipe]:
    """FVD and KVD by one of the two files that hold TF-hub's I3D."""
    run = partial(fvd.features, prepare=prepare)
    ours = partial(Recipe, key, network, "runs", partial(run, windows=windows.non_overlapping))
    opening = partial(run, windows=windows.opening)
    ending = "sgv" if key == "i3d_torchscript" else "400"
    return {
        f"fvd16_{ending}": ours(_FD),
        f"fvd16_n100_{ending}": ours(_FD, first=True),
        f"kvd16_{ending}": ours(_MMD),
        f"fvd16_bdmm_{ending}": Recipe(key, network, "opening", opening, _BDMM, partial(run, windows=_RANDOM)),
        f"fvd16_disco_{ending}": Recipe(
            key, disco, "every start", partial(fvd.features, prepare=bicubic, windows=windows.every), _FD
        ),
    }


def _inception(reads: str, head: Callable, prepare: Callable, score: Score, alone: bool = False) -> Recipe:
    features = partial(_frames, head=head, prepare=prepare)
    return Recipe("inception", checkpoint.read_script, reads, features, score, alone=alone)


FILM: dict[str, Recipe] = {
    **_video("i3d_torchscript", _i3d_script, fvd.raw, fvd.bicubic_raw, _i3d_script),
    **_video("i3d_400", _I3D, fvd.bilinear, fvd.bicubic, _I3D_EPS),
    "fid": _inception("frames", inception.pool3, inception.antialiased, _FD),
    "fid_pytorch": _inception("frames as pytorch-fid", inception.pool3, inception.aliased, _FD),
    "fid_vid": Recipe("resnet3d", _RESNET3D, "every start", fid_vid.each_start, _FD),
    "fid_vid_film": Recipe("resnet3d", _RESNET3D, "films", fid_vid.mean_of_film, _FD),
    "vfid_i3d_eval": Recipe("i3d_imagenet", _I3D_EPS, "films", vfid.evaluated, _FD, least=1024),
    "vfid_i3d_as_published": Recipe("i3d_imagenet", _I3D_EPS, "films, train mode", vfid.as_published, _FD, least=1024),
    "is_frame": _inception("classes", inception.probabilities, inception.antialiased, _score_alone, alone=True),
    "is_video_c3d": Recipe(
        "c3d", checkpoint.read_script, "runs", inception_score.c3d_probabilities, _score_alone, alone=True
    ),
}
