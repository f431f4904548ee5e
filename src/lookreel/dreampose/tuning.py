"""`lookreel tune`: a model made a subject's own, by one or several photos (section 4.3, second phase)."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from lookreel.dreampose import low_rank
from lookreel.dreampose.folder import parts
from lookreel.dreampose.presets import Tuning, tuning
from lookreel.dreampose.subject import Base, differences, save_subject
from lookreel.dreampose.system import DreamPoseSystem
from lookreel.dreampose.tuning_photos import TuningPhoto
from lookreel.dreampose.tuning_tasks import DecoderTask, SubjectTask
from lookreel.errors import InputError
from lookreel.training.run import run

Changes = dict[str, dict[str, Tensor]]


def tune(
    system: DreamPoseSystem,
    photos: Sequence[TuningPhoto],
    out: Path,
    base: Base,
    *,
    steps: int | None = None,
    decoder_steps: int | None = None,
    rank: int | None = None,
    seed: int = 0,
    numbers: Tuning | None = None,
) -> dict[str, Any]:
    """Tune a loaded model, which then is the subject's, and write what changed to the folder `out`.

    The work lies in a hidden folder beside `out` until it is done; the same call goes on where it was stopped.
    steps, decoder_steps: of the two trainings; None takes the model's own numbers, 0 leaves that part as it is.
    rank: of the changes; None stores whole weights. numbers: of the training; None takes the model's own.
    Returns what the subject's folder says of itself.
    Raises InputError for a model that is a subject already, and where unfinished work is of other photos or numbers.
    """
    if system.base is not None:
        raise InputError(f"{system.name}: a tuned subject already; expected the model that it was tuned from")
    numbers = with_steps(numbers or tuning(system.config), steps, decoder_steps, seed)
    record = describe(photos, numbers, rank)
    work = work_folder(out)
    cpu = system.device.type == "cpu"  # as it was asked for: `load` takes a faster device where there is one
    changes = learn(system, photos, numbers, rank, work, {"base": asdict(base)} | record, cpu)
    save_subject(out, base, changes, record)
    shutil.rmtree(work, ignore_errors=True)
    system.base = base
    return {"base": asdict(base)} | record


def work_folder(out: Path) -> Path:
    """Where an unfinished tuning lies."""
    return out.with_name(f".{out.name}.tuning")


def with_steps(numbers: Tuning, steps: int | None, decoder_steps: int | None, seed: int) -> Tuning:
    """The numbers with other counts of steps and another seed."""
    unet = replace(numbers.unet, steps=numbers.unet.steps if steps is None else steps, seed=seed)
    count = numbers.decoder.steps if decoder_steps is None else decoder_steps
    if unet.steps + count == 0:
        raise InputError("--steps, --decoder-steps: both are 0; expected something to learn")
    return replace(numbers, unet=unet, decoder=replace(numbers.decoder, steps=count, seed=seed))


def describe(photos: Sequence[TuningPhoto], numbers: Tuning, rank: int | None) -> dict[str, Any]:
    """What a subject was tuned with; JSON values."""
    return {
        "photos": [{"file": photo.name, "sha256": photo.sha256} for photo in photos],
        "rank": "full" if rank is None else rank,
        "seed": numbers.unet.seed,
        "unet": {"steps": numbers.unet.steps, "batch": numbers.unet.batch, "lr": _rate(numbers.unet.lr, numbers, rank)},
        "decoder": {
            "steps": numbers.decoder.steps,
            "batch": numbers.decoder.batch,
            "lr": _rate(numbers.decoder.lr, numbers, rank),
        },
    }


def learn(
    system: DreamPoseSystem,
    photos: Sequence[TuningPhoto],
    numbers: Tuning,
    rank: int | None,
    work: Path,
    told: dict[str, Any],
    cpu: bool = False,
) -> Changes:
    """Train both parts in the folder `work`, the system's own weights in place; returns what changed by component.

    told: what the work depends on; work with another is refused. cpu: stay on it where there is a faster device, too.
    """
    numbers = replace(
        numbers,
        unet=replace(numbers.unet, lr=_rate(numbers.unet.lr, numbers, rank)),
        decoder=replace(numbers.decoder, lr=_rate(numbers.decoder.lr, numbers, rank)),
    )
    vae = system.encoders.codec.vae
    networks = {**parts(system.model), "vae": vae}
    before = {name: _copy(network) for name, network in networks.items()} if rank is None else {}
    told = {"tuning": {key: value for key, value in told.items() if key not in ("unet", "decoder")}}
    for task in (SubjectTask, DecoderTask):
        made = task(system, photos, numbers, rank)
        if made.settings.steps:
            run(made, work / made.name.lower(), told, cpu)
    changes = {name: _changes(network, before.get(name)) for name, network in networks.items()}
    for network in networks.values():
        low_rank.settle(network)
        network.eval().requires_grad_(False)
    system.encoders = replace(
        system.encoders, shared={name: home for name, home in system.encoders.shared.items() if name != "vae"}
    )
    return {name: tensors for name, tensors in changes.items() if tensors}


def _changes(network: nn.Module, before: dict[str, Tensor] | None) -> dict[str, Tensor]:
    return low_rank.changes(network) if before is None else differences(before, network.state_dict())


def _copy(network: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().clone() for name, tensor in network.state_dict().items()}


def _rate(lr: float, numbers: Tuning, rank: int | None) -> float:
    """The learning rate: higher where the changes are of low rank."""
    return lr if rank is None else lr * numbers.low_rank_rate
