"""The preset `mini-detector`: the bundled person detector and pose network, trained together on mannequins."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from lookreel.data import mannequin
from lookreel.errors import InputError
from lookreel.poses.detector_model import PERSON_SIZE, POSE_SIZE, PersonNetwork, PersonOutputs, PoseNetwork
from lookreel.poses.draw import draw
from lookreel.poses.simcc import MEAN, STD
from lookreel.poses.yolox import decode, one_each, overlap
from lookreel.training.detector_export import check_onnx, export
from lookreel.training.detector_scenes import Figure, crop, figures, scene
from lookreel.training.person_loss import person_loss, targets
from lookreel.training.pose_loss import located, pose_loss
from lookreel.training.run import run
from lookreel.training.task import Settings, draws

CROPS, SCENES = 8, 4  # in a sample, all of one garment's four figures
HELD_OUT = 12  # garments

_PART = {
    "place": 1.0,
    "first": 0.5,
    "seen": 0.5,
    "facing": 2.0,
    "there": 0.5,
    "box": 0.5,
}  # weights of the loss's parts
_HIT = 0.5  # intersection over union with which a person counts as found
_NEAR = 0.05  # of the body's height: a joint this near counts as right


@dataclass(frozen=True)
class Batch:
    """crops (N, 3, 128, 96) RGB normalised, keypoints (N, 18, 3) in their pixels, yaw (N,) in radians; scenes
    (M, 3, 192, 192) BGR 0-255, there (M, A) and box_of (M, A, 4) as `person_loss.targets` gives them, boxes: M arrays
    (P, 4)."""

    crops: Tensor
    keypoints: Tensor
    yaw: Tensor
    scenes: Tensor
    there: Tensor
    box_of: Tensor
    boxes: list[np.ndarray]


class DetectorStage(nn.Module):
    """Both networks and the sum of their losses."""

    def __init__(self) -> None:
        super().__init__()
        self.person, self.pose = PersonNetwork(), PoseNetwork()

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        parts = pose_loss(self.pose(batch.crops), batch.keypoints, batch.yaw)
        parts |= person_loss(self.person(batch.scenes), batch.there, batch.box_of, PERSON_SIZE)
        return {"loss": sum(_PART[name] * part for name, part in parts.items())} | parts


class DetectorTask:
    """Trains on mannequins rendered as it goes; a sample is eight crops and four scenes of one training garment."""

    name = "mini-detector"

    def __init__(self, settings: Settings) -> None:
        self.network, self.settings = DetectorStage(), settings
        seeds = range(mannequin.VALIDATION.start, mannequin.VALIDATION.start + HELD_OUT)
        self.held_out = _gather([_sample(seed, np.random.default_rng([seed])) for seed in seeds])

    def prepare(self, out: Path, process: int, processes: int) -> None:
        """Nothing: the source renders as it goes."""

    def batch(self, step: int, samples: range, device: torch.device) -> Batch:
        made = []
        for i in samples:
            choices, _ = draws(self.settings.seed, step, i)
            made.append(_sample(int(choices.integers(mannequin.TRAIN.start, mannequin.TRAIN.stop)), choices))
        return _moved(_gather(made), device)

    def probe(self, network: nn.Module) -> dict[str, float]:
        """On held-out garments: share of seen joints within 0.05 of the body's height, of people found, of bodies
        whose yaw is told, of hidden and seen joints told apart, and boxes beside anybody in a scene."""
        batch = _moved(self.held_out, next(network.parameters()).device)
        answers = network.pose(batch.crops)
        shown = batch.keypoints[..., 2] > 0
        away = (located(answers.x, answers.y) - batch.keypoints[..., :2]).norm(dim=2)
        right = away <= _NEAR * _heights(batch.keypoints)[:, None]
        found, extra = _found(PersonOutputs(network.person)(batch.scenes).cpu().numpy(), batch.boxes)
        return {
            "pck": right[shown].float().mean().item(),
            "pixels": away[shown].mean().item(),
            "faced": self._faced(answers.facing, batch.yaw),
            "seen_right": ((answers.seen > 0) == shown).float().mean().item(),
            "found": found,
            "extra": extra,
        }

    @staticmethod
    def _faced(facing: Tensor, yaw: Tensor) -> float:
        """Share of bodies whose yaw is told to within 45 degrees."""
        away = torch.atan2(facing[:, 0], facing[:, 1]) - yaw
        return (away.cos() > math.cos(math.pi / 4)).float().mean().item()

    def picture(self, network: nn.Module) -> Tensor:
        """Held-out crops with the joints that were read."""
        batch = _moved(self.held_out, next(network.parameters()).device)
        answers = network.pose(batch.crops[::CROPS][:8])
        chance = answers.seen.sigmoid()[..., None]
        keypoints = torch.cat([located(answers.x, answers.y), chance], 2).cpu().numpy()
        crops = self.held_out.crops[::CROPS][:8] * torch.tensor(STD)[:, None, None]
        pictures = (crops + torch.tensor(MEAN)[:, None, None]).clamp(0, 255).to(torch.uint8)
        both = torch.maximum(pictures // 2, torch.from_numpy(draw(keypoints, POSE_SIZE)))
        return both.permute(1, 2, 0, 3).flatten(2)

    def save(self, folder: Path) -> None:
        """Write folder/person.onnx and folder/pose.onnx, in half precision."""
        export(self.network.person, self.network.pose, folder)


def _sample(seed: int, choices: np.random.Generator) -> Batch:
    """The crops and scenes of one garment."""
    people = figures(seed, choices)
    crops, keypoints, yaws = zip(*(_crop(people, i, choices) for i in range(CROPS)), strict=True)
    scenes, boxes = zip(*(scene(people, PERSON_SIZE, choices) for _ in range(SCENES)), strict=True)
    there, box_of = zip(*(targets(b, PERSON_SIZE) for b in boxes), strict=True)
    normal = (np.stack(crops).astype(np.float32) - np.float32(MEAN)) / np.float32(STD)
    return Batch(
        crops=torch.from_numpy(normal).movedim(3, 1),
        keypoints=torch.from_numpy(np.stack(keypoints).astype(np.float32)),
        yaw=torch.tensor(yaws),
        scenes=torch.from_numpy(np.stack(scenes)[..., ::-1].astype(np.float32)).movedim(3, 1),
        there=torch.from_numpy(np.stack(there)),
        box_of=torch.from_numpy(np.stack(box_of)),
        boxes=list(boxes),
    )


def _crop(people: list[Figure], number: int, choices: np.random.Generator) -> tuple[np.ndarray, np.ndarray, float]:
    beside = people[(number + int(choices.integers(1, len(people)))) % len(people)]
    return crop(people[number % len(people)], beside, POSE_SIZE, choices)


def _gather(samples: list[Batch]) -> Batch:
    """Several samples as one."""
    tensors = [torch.cat([getattr(sample, field.name) for sample in samples]) for field in fields(Batch)[:-1]]
    return Batch(*tensors, [boxes for sample in samples for boxes in sample.boxes])


def _moved(batch: Batch, device: torch.device) -> Batch:
    tensors = {name: value.to(device) for name, value in vars(batch).items() if isinstance(value, Tensor)}
    return replace(batch, **tensors)


def _heights(keypoints: Tensor) -> Tensor:
    """Height (N,) in pixels of what is seen of each body, over all joints of (N, 18, 3)."""
    y, shown = keypoints[..., 1], keypoints[..., 2] > 0
    return y.masked_fill(~shown, -1e9).amax(1) - y.masked_fill(~shown, 1e9).amin(1)


def _found(answers: np.ndarray, boxes: list[np.ndarray]) -> tuple[float, float]:
    """Share of the boxes that are found, and boxes found in excess per scene."""
    hits = people = extra = 0
    for raw, truth in zip(answers, boxes, strict=True):
        guess, scores = decode(raw, PERSON_SIZE)
        guess, _ = one_each(guess[scores > 0.3], scores[scores > 0.3])
        met = int((overlap(truth, guess).max(1, initial=0) > _HIT).sum()) if len(truth) else 0
        hits, people, extra = hits + met, people + len(truth), extra + max(len(guess) - met, 0)
    return hits / max(people, 1), extra / len(boxes)


SETTINGS = Settings(
    steps=2000,
    batch=4,
    lr=3e-3,
    warmup=50,
    decay=0.5,
    average=0.99,
    clip=5.0,
    precision="no",
    log_every=10,
    probe_every=100,
    save_every=50,
)


def _train(data: str, out: Path, steps: int | None, init: str | Path | None, stage: int | None) -> Path:
    if data != "mannequin":
        raise InputError(f"--data {data}: mini-detector learns from the mannequin world; expected --data mannequin")
    if stage not in (None, 1) or init is not None:
        raise InputError("preset 'mini-detector': it has one stage and starts from nothing; leave --stage, --init out")
    check_onnx()
    settings = SETTINGS if steps is None else replace(SETTINGS, steps=steps)
    torch.manual_seed(settings.seed)
    run(DetectorTask(settings), out, {"preset": "mini-detector", "data": data})
    return out / "model"


PRESETS: dict[str, Callable] = {"mini-detector": _train}
