"""ProFashion's claim, measured on garments never seen in training: python -m lookreel.profashion.measure.

For each test garment a turning clip is the truth; photos of front, back and side are rendered separately. Printed:
- back view (yaw beyond 135 degrees), garment pixels: PSNR with three photos, with the front alone, and of the VAE's
  own round trip;
- selection: how often the photo nearest in yaw has the largest mean weight, and that weight;
- flicker: the warp error along the exact flow, of the film, of the film without flow attention, of the truth and of
  the VAE's round trip.
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lookreel.assets import MODELS
from lookreel.data import mannequin
from lookreel.metrics import picture
from lookreel.metrics.clip import of_mannequin
from lookreel.metrics.warp import warp_error
from lookreel.nets.weights import write_json
from lookreel.photos import Photo
from lookreel.profashion.model import ProFashion
from lookreel.profashion.probes import selection
from lookreel.profashion.system import ProFashionSystem
from lookreel.progress import Progress

VIEWS = {"front": 0.0, "back": math.pi, "side": math.pi / 2}
BACK = math.radians(135)


@dataclass(frozen=True)
class Numbers:
    """What `measure` prints. PSNR in dB, the mean over garments; warp errors are mean squared errors on [0, 1]."""

    garments: int
    steps: int
    guidance: float
    back_three_photos: float
    back_front_alone: float
    back_vae: float
    selection_accuracy: float
    selection_weight: float
    selection_weight_everywhere: float
    warp_film: float
    warp_without_flow_attention: float
    warp_truth: float
    warp_vae: float


def measure(system: ProFashionSystem, garments: int, frames: int = 24, steps: int = 15) -> Numbers:
    """Measure on the first `garments` test seeds."""
    rows = []
    seeds = range(mannequin.TEST.start, mannequin.TEST.start + garments)
    with Progress("garments", garments) as progress:
        for done, seed in enumerate(seeds, start=1):
            rows.append(_garment(system, seed, frames, steps))
            progress(done)
    means = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    torso, whole = selection(system.model, seeds, box="torso"), selection(system.model, seeds, box="all")
    return Numbers(
        garments=garments,
        steps=steps,
        guidance=system.config.guidance,
        selection_accuracy=whole.sel_acc,
        selection_weight=torso.w_near,
        selection_weight_everywhere=whole.w_near,
        **means,
    )


def _garment(system: ProFashionSystem, seed: int, frames: int, steps: int) -> dict[str, float]:
    """The figures of one garment's turn."""
    truth = mannequin.clip(seed, "turn", frames, system.size)
    photos = photos_of(seed, system.size)
    film = system.animate(photos, truth.track, seed=seed, steps=steps).frames
    alone = system.animate(photos[:1], truth.track, seed=seed, steps=steps).frames
    still = without_flow_attention(system).animate(photos, truth.track, seed=seed, steps=steps).frames
    coded = round_trip(system, truth.frames)
    back = (truth.yaw.abs() % (2 * math.pi) - math.pi).abs() < math.pi - BACK
    known = of_mannequin(str(seed), truth)
    counts = known.masks["person"] & known.masks["unoccluded"]
    return {
        "back_three_photos": psnr(film[back], truth.frames[back], truth.masks["garment"][back]),
        "back_front_alone": psnr(alone[back], truth.frames[back], truth.masks["garment"][back]),
        "back_vae": psnr(coded[back], truth.frames[back], truth.masks["garment"][back]),
        "warp_film": warp_error(_pictures(film), known.flow, counts),
        "warp_without_flow_attention": warp_error(_pictures(still), known.flow, counts),
        "warp_truth": warp_error(_pictures(truth.frames), known.flow, counts),
        "warp_vae": warp_error(_pictures(coded), known.flow, counts),
    }


def photos_of(seed: int, size: tuple[int, int]) -> list[Photo]:
    """Photos of a mannequin's front, back and side, with their keypoints."""
    made = mannequin.frames_at(seed, list(VIEWS.values()), size)
    pictures = made.frames.permute(0, 2, 3, 1).numpy()
    return [Photo(*pair) for pair in zip(pictures, made.track.keypoints, strict=True)]


def without_flow_attention(system: ProFashionSystem) -> ProFashionSystem:
    """The same weights with the flow attention layers left out."""
    model = ProFashion(replace(system.config, flow_sites=())).to(system.device).eval()
    model.load_state_dict({k: v for k, v in system.model.state_dict().items() if ".motion.flow." not in k})
    return ProFashionSystem(system.codec, system.image_encoder, model, system.name)


def round_trip(system: ProFashionSystem, frames: Tensor) -> Tensor:
    """Frames uint8 (F, 3, H, W) through the VAE and back."""
    pixels = frames.to(system.device).float() / 127.5 - 1
    return torch.cat(list(system.codec.decode(system.codec.encode(pixels))))


def psnr(film: Tensor, truth: Tensor, mask: Tensor) -> float:
    """PSNR in dB of uint8 frames (F, 3, H, W) over the pixels of mask (F, H, W): per frame, then the mean."""
    return float(np.nanmean(picture.psnr(_pictures(film), _pictures(truth), mask.numpy())))


def _pictures(frames: Tensor) -> np.ndarray:
    """uint8 (F, 3, H, W) -> (F, H, W, 3)."""
    return np.ascontiguousarray(frames.permute(0, 2, 3, 1).cpu().numpy())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=MODELS / "mini", help="a model folder")
    parser.add_argument("--garments", type=int, default=24)
    parser.add_argument("--steps", type=int, default=15)
    parser.add_argument("--out", type=Path, help="also write the numbers to this JSON file")
    options = parser.parse_args()
    system = ProFashionSystem.from_pretrained(options.model, torch.device("cpu"))
    numbers = asdict(measure(system, options.garments, steps=options.steps))
    print(json.dumps({k: round(v, 5) for k, v in numbers.items()}, indent=2))
    if options.out:
        write_json(options.out, numbers)


if __name__ == "__main__":
    main()
