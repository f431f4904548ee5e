"""FashionFlow's limits, measured on garments never seen in training: python -m lookreel.fashionflow.measure.

Printed: whether the film begins as the photo, keeps the garment's colour and flickers no more when it is doubled; skin
error by tone, colours over time, how far the photo's resolution matters, and how much the seed decides.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from lookreel.assets import MODELS
from lookreel.data import mannequin
from lookreel.data.mannequin.colors import SKINS
from lookreel.data.mannequin.physique import Physique
from lookreel.fashionflow.clips import Mannequins
from lookreel.fashionflow.measure_tables import tables
from lookreel.fashionflow.quality import chroma, colour_off, faded, jitter, motion, skin_error
from lookreel.fashionflow.system import FashionFlowSystem
from lookreel.marked import fill
from lookreel.metrics import picture
from lookreel.metrics.frechet import frechet
from lookreel.nets.weights import write_json
from lookreel.picture_file import MIN_SIDE
from lookreel.progress import Progress

REDUCED = (1, 2, 4, 8)  # the photo's sides are divided by these
Clips = dict[int, mannequin.Clip]
SEEDS = 4  # films of one photo, to see how much the seed decides


def measure(system: FashionFlowSystem, garments: int, steps: int | None = None) -> dict[str, Any]:
    """Measure on the first `garments` test seeds; JSON values.

    colour: how far the garment's colour is from the photo's (`quality.colour_off`), of the film and of true clips.
    first: PSNR of frame 0 to the photo. jitter: `quality.jitter` of films and of the same with twice the frames, where
    the model interpolates. skin_error: by tone, lightest first, mean Lab distance and its garments. chroma: mean over
    garments by frame, over the first frame's. faded, motion: means, of the film and of true clips. resolution: by
    reduction of the photo, similarity of the film's first quarter to the unreduced photo (cosine of the image encoder's
    embeddings) and the Frechet distance of all frames' embeddings to true clips'. spread: mean difference of the last
    frame between films of other seeds, 0 to 1.
    """
    seeds = range(mannequin.TEST.start, mannequin.TEST.start + garments)
    photos = {seed: mannequin.frames_at(seed, [0.0], system.size) for seed in seeds}
    true = {seed: true_film(system, seed) for seed in seeds}
    films = _films(system, photos, seeds, steps)
    tones = defaultdict(list)
    for seed in seeds:
        tone = int(np.abs(SKINS - Physique.of(seed).skin).sum(1).argmin())
        tones[tone].append(skin_error(films[seed], photos[seed], seed))
    return {
        "garments": garments,
        "steps": steps or system.config.steps,
        "colour": {"film": _colours(films, photos), "truth": _colours(true, photos)},
        "first": float(np.mean([_first(films[seed], photos[seed]) for seed in seeds])),
        "jitter": _jitter(system, films, photos, steps),
        "skin_error": {str(tone): {"mean": float(np.mean(v)), "garments": len(v)} for tone, v in sorted(tones.items())},
        "chroma": np.mean([chroma(f) / max(chroma(f)[0], 1e-6) for f in films.values()], axis=0).round(4).tolist(),
        "faded": {"film": _mean(faded, films), "truth": _mean(faded, true)},
        "motion": {"film": _mean(motion, films), "truth": _mean(motion, true)},
        "resolution": _resolution(system, photos, true, seeds, steps),
        "spread": _spread(system, photos[seeds[0]].frames[0], steps),
    }


def true_film(system: FashionFlowSystem, seed: int) -> Tensor:
    """A true clip of the mannequin `seed`, moving as those of the training do: uint8 (F, 3, H, W)."""
    config = system.config
    return Mannequins(config.size, config.frames, config.fps, count=1, first=seed).frames(0)


def embeddings(system: FashionFlowSystem, frames: Tensor) -> Tensor:
    """The image encoder's embeddings (F, D) of uint8 frames (F, 3, H, W), on the CPU."""
    pixels = frames.to(system.device).float() / 127.5 - 1
    return system.encoders.image_encoder.encode(pixels).float().cpu()


def make(system: FashionFlowSystem, photo: Tensor, seed: int, steps: int | None = None, interpolate: int = 1) -> Tensor:
    """The film of a photo uint8 (3, H, W): uint8 (F, 3, H, W); with `interpolate` 2 it has twice the frames."""
    return system.animate(photo.permute(1, 2, 0).numpy(), seed=seed, steps=steps, interpolate=interpolate).frames


def reduced(photo: Tensor, factor: int) -> Tensor:
    """A photo uint8 (3, H, W) with the detail of one whose sides are `factor` times as small.

    It is averaged over areas; what is then too small to be opened as a photo is enlarged by repeating pixels.
    """
    small = F.avg_pool2d(photo[None].float(), factor)[0].round().to(torch.uint8)
    times = -(-MIN_SIDE // min(small.shape[1:]))
    return small.repeat_interleave(times, 1).repeat_interleave(times, 2)


def _films(system: FashionFlowSystem, photos: Clips, seeds: range, steps: int | None) -> dict[int, Tensor]:
    films = {}
    with Progress("films", len(seeds)) as progress:
        for done, seed in enumerate(seeds, start=1):
            films[seed] = make(system, photos[seed].frames[0], seed, steps)
            progress(done)
    return films


def _first(film: Tensor, photo: mannequin.Clip) -> float:
    """PSNR of the first frame to the photo, dB."""
    made, given = (frames[:1].permute(0, 2, 3, 1).numpy() for frames in (film, photo.frames))
    return float(picture.psnr(made, given)[0])


def _colours(films: dict[int, Tensor], photos: Clips) -> float:
    return float(np.mean([colour_off(film, photos[seed]) for seed, film in films.items()]))


def _mean(figure: Callable[[Tensor], float], films: dict[int, Tensor]) -> float:
    return float(np.mean([figure(film) for film in films.values()]))


def _jitter(system: FashionFlowSystem, films: dict[int, Tensor], photos: Clips, steps: int | None) -> dict[str, float]:
    found = {"film": _mean(jitter, films)}
    if system.interpolates:
        found["doubled"] = _mean(jitter, {seed: make(system, photos[seed].frames[0], seed, steps, 2) for seed in films})
    return found


def _resolution(
    system: FashionFlowSystem, photos: Clips, true: dict[int, Tensor], seeds: range, steps: int | None
) -> dict[str, dict[str, float]]:
    truth = np.concatenate([embeddings(system, film).numpy() for film in true.values()])
    found = {}
    for factor in REDUCED:
        alike, features = [], []
        for seed in seeds:
            photo = photos[seed].frames[0]
            made = embeddings(system, make(system, reduced(photo, factor), seed, steps))
            alike.append(F.cosine_similarity(made[: max(len(made) // 4, 1)], embeddings(system, photo[None])).mean())
            features.append(made.numpy())
        distance = frechet(np.concatenate(features), truth)
        found[str(factor)] = {"similarity": float(torch.stack(alike).mean()), "frechet": distance}
    return found


def _spread(system: FashionFlowSystem, photo: Tensor, steps: int | None) -> float:
    last = torch.stack([make(system, photo, seed, steps)[-1].float() / 255 for seed in range(SEEDS)])
    apart = (last[:, None] - last[None]).abs().mean((2, 3, 4))
    return float(apart.sum() / (SEEDS * (SEEDS - 1)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=MODELS / "mini-fashionflow", help="a model folder")
    parser.add_argument("--garments", type=int, default=8)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--docs", type=Path, help="a folder: fashionflow-numbers.json, and the table in fashionflow.md")
    options = parser.parse_args()
    system = FashionFlowSystem.from_pretrained(options.model, torch.device("cpu"))
    numbers = measure(system, options.garments, options.steps)
    print(json.dumps(numbers, indent=2))
    if options.docs:
        write_json(options.docs / "fashionflow-numbers.json", numbers)
        fill(options.docs / "fashionflow.md", tables(numbers))


if __name__ == "__main__":
    main()
