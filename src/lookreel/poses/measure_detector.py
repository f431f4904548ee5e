"""How well a detector reads mannequins it has never seen: python -m lookreel.poses.measure_detector.

Clips of test garments in all motions, in pictures of several sizes; the largest person found counts. Printed:
- pck: share of seen joints that are reported (confidence from 0.3) within 0.05 of the body's height, which is that of
  its seen joints;
- view: share of frames whose side (front, side, back) is told right, more than 10 degrees off the 45-degree borders;
- found: share of frames with a person; one: share of frames with exactly one;
- ghosts: share of joints that cannot be seen but are reported;
- empty: share of empty backdrops in which nobody is found;
- frames_per_second at 128x96: by the clock, and by the time that the process itself had the processor.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from lookreel.data import mannequin
from lookreel.nets.weights import write_json
from lookreel.poses.detect import DEFAULT, Detector, load
from lookreel.poses.draw import VISIBLE, draw
from lookreel.poses.layout import from_coco
from lookreel.poses.track import Track
from lookreel.poses.view import view
from lookreel.progress import Progress

SIZES = ((128, 96), (192, 144), (256, 192), (512, 384), (256, 256), (180, 320))
NEAR = 0.05  # of the body's height
BORDERS = np.radians([45, 135])
CLEAR = np.radians(10)  # frames nearer to a border than this do not count for the view
SPEED_SIZE = (128, 96)  # the bundled model's


@dataclass(frozen=True)
class Numbers:
    """What `measure` returns; see the module."""

    frames: int
    pck: float
    view: float
    found: float
    one: float
    ghosts: float
    empty: float
    frames_per_second: float
    frames_per_processor_second: float
    threads: int | None


def measure(detector: Detector, garments: int, frames: int = 24, threads: int | None = None) -> Numbers:
    """Measure on the first `garments` test seeds, one clip each. threads: only noted."""
    rows = []
    with Progress("garments", garments) as progress:
        for number in range(garments):
            rows.append(_clip(detector, number, frames))
            progress(number + 1)
    joined = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    seconds, own = _speed(detector)
    return Numbers(
        frames=len(joined["found"]),
        **{name: float(values.mean()) for name, values in joined.items()},
        empty=_empty(detector),
        frames_per_second=1 / seconds,
        frames_per_processor_second=1 / own,
        threads=threads,
    )


def _clip(detector: Detector, number: int, frames: int) -> dict[str, np.ndarray]:
    """Rights and wrongs of one test garment's clip, by name."""
    size, motion = SIZES[number % len(SIZES)], mannequin.MOTIONS[number % len(mannequin.MOTIONS)]
    made = mannequin.clip(mannequin.TEST.start + number, motion, frames, size)
    people = detector.detect(made.frames.numpy())
    guess = np.stack([_joints(found[0].keypoints) if found else np.zeros((18, 3), np.float32) for found in people])
    truth = made.track.keypoints
    seen, reported = truth[..., 2] > 0, guess[..., 2] >= VISIBLE
    away = np.linalg.norm(guess[..., :2] - truth[..., :2], axis=2)
    near = reported & (away <= NEAR * _heights(truth)[:, None])
    yaw = made.yaw.numpy()
    sides = np.array([view(pose) == _side(angle) for pose, angle in zip(guess, yaw, strict=True)])
    turned = np.abs(np.angle(np.exp(1j * yaw)))
    clear = (np.abs(turned[:, None] - BORDERS) > CLEAR).all(1)
    return {
        "pck": near[seen],
        "view": sides[clear],
        "found": np.array([len(found) > 0 for found in people]),
        "one": np.array([len(found) == 1 for found in people]),
        "ghosts": reported[~seen],
    }


def _joints(keypoints: np.ndarray) -> np.ndarray:
    return keypoints if len(keypoints) == 18 else from_coco(keypoints)


def _heights(keypoints: np.ndarray) -> np.ndarray:
    """Height (F,) in pixels of the seen joints of (F, 18, 3)."""
    y = np.where(keypoints[..., 2] > 0, keypoints[..., 1], np.nan)
    return np.nanmax(y, axis=1) - np.nanmin(y, axis=1)


def _side(yaw: float) -> str:
    """The side a figure at this yaw shows."""
    facing = np.cos(yaw)
    return "front" if facing >= np.cos(BORDERS[0]) else "back" if facing <= np.cos(BORDERS[1]) else "side"


def _empty(detector: Detector, count: int = 60) -> float:
    """Share of empty backdrops, plain, shaded and patterned, in which nobody is found."""
    from lookreel.training.detector_scenes import backdrop

    pictures = [backdrop((192, 144), np.random.default_rng([mannequin.TEST.start, i])) for i in range(count)]
    found = detector.detect(np.stack(pictures).transpose(0, 3, 1, 2))
    return float(np.mean([not people for people in found]))


def _speed(detector: Detector, frames: int = 48) -> tuple[float, float]:
    """Seconds for one frame by the clock, and of the processor's time."""
    pictures = mannequin.clip(mannequin.TEST.start, "turn", frames, SPEED_SIZE).frames.numpy()
    detector.detect(pictures[:4])
    clock, own = time.perf_counter(), time.process_time()
    detector.detect(pictures)
    return (time.perf_counter() - clock) / frames, (time.process_time() - own) / frames


def crowd(yaws: Sequence[float], heights: Sequence[int], size: tuple[int, int], seed: int) -> np.ndarray:
    """Test garments side by side in one picture uint8 (3, H, W), from seed `seed` on, in pictures of these heights."""
    height, width = size
    stage = np.empty((3, height, width), np.uint8)
    stage[:] = np.linspace((120, 140, 150), (190, 180, 200), height).astype(np.uint8).T[:, :, None]
    for number, (yaw, tall) in enumerate(zip(yaws, heights, strict=True)):
        wide = round(tall * 0.75)
        still = mannequin.frames_at(mannequin.TEST.start + seed + number, [yaw], (tall, wide))
        left = round((number + 0.5) * width / len(yaws) - wide / 2)
        shown = slice(max(-left, 0), min(wide, width - left))
        here = stage[:, height - tall :, max(left, 0) : left + wide]
        mask = still.masks["person"][0].numpy()[:, shown]
        here[:, mask] = still.frames[0].numpy()[:, :, shown][:, mask]
    return stage


def picture(detector: Detector) -> np.ndarray:
    """uint8 (3, H, W): a garment from four sides and three people, with the joints that the detector reads."""
    still = mannequin.frames_at(mannequin.TEST.start + 3, [0, 0.9, np.pi / 2, np.pi], (256, 192)).frames.numpy()
    people = crowd([0.2, -2.6, 0.6], [256, 208, 168], (256, 400), seed=20)
    return np.concatenate([_drawn(detector, frame) for frame in (*still, people)], axis=2)


def _drawn(detector: Detector, frame: np.ndarray) -> np.ndarray:
    """One picture uint8 (3, H, W) with the skeletons of all people found."""
    for person in detector.detect(frame[None])[0]:
        track = Track(_joints(person.keypoints)[None], frame.shape[1:])
        lit = draw(track.keypoints, track.size)[0]
        frame = np.where(lit.max(0) > 24, lit, frame)
    return frame


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure a pose detector on test mannequins.")
    parser.add_argument("--detector", default=DEFAULT, help="a name or a folder, as for lookreel poses")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--garments", type=int, default=48)
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--threads", type=int, help="of onnxruntime; by default all cores")
    parser.add_argument("--out", type=Path, help="also write the numbers to this JSON file")
    parser.add_argument("--picture", type=Path, help="only draw what it reads into this PNG")
    options = parser.parse_args()
    detector = load(options.detector, options.weights, threads=options.threads)
    if options.picture:
        Image.fromarray(picture(detector).transpose(1, 2, 0)).save(options.picture, optimize=True)
        return
    numbers = asdict(measure(detector, options.garments, options.frames, options.threads))
    if options.out:
        write_json(options.out, numbers)
    print(json.dumps(numbers, indent=2))


if __name__ == "__main__":
    main()
