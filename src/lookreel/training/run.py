"""Run one task to its last step: processes, precision, resuming, log, progress."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from accelerate.state import AcceleratorState

from lookreel.errors import InputError
from lookreel.nets.weights import write_json
from lookreel.progress import Progress
from lookreel.training import checkpoint
from lookreel.training.average import Average
from lookreel.training.log import Log
from lookreel.training.loop import train
from lookreel.training.task import Task


def run(task: Task, out: Path, config: dict[str, Any], cpu: bool = False) -> None:
    """Train `task` in the folder `out`; the same call resumes from its newest checkpoint.

    config: what is written to out/config.json beside the settings. Several processes share a step's samples where
    `accelerate launch` started them. At the end out/model holds the averaged weights.
    cpu: stay on the CPU where there is a faster device, too.
    Raises InputError where the samples cannot be shared evenly, or where `out` holds a run of another config.
    """
    torch.set_flush_denormal(True)  # vanishing weights of the limb maps and softmaxes would slow a CPU
    settings = task.settings
    options = [DistributedDataParallelKwargs(find_unused_parameters=True)]
    AcceleratorState._reset_state()  # it would hold a second training of this process to the first one's precision
    accelerator = Accelerator(mixed_precision=settings.precision, kwargs_handlers=options, cpu=cpu)
    parts = settings.accumulate * accelerator.num_processes
    if settings.batch % parts:
        raise InputError(
            f"batch: {settings.batch} samples a step for {accelerator.num_processes} processes in "
            f"{settings.accumulate} parts; expected a multiple of {parts}"
        )
    out.mkdir(parents=True, exist_ok=True)
    if accelerator.is_main_process:
        _settle(out, config | {"settings": asdict(settings)})
    task.network.to(accelerator.device)
    task.prepare(out, accelerator.process_index, accelerator.num_processes)
    accelerator.wait_for_everyone()

    average = Average(task.network, settings.average)
    learning = [p for p in task.network.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learning, settings.lr, settings.betas, weight_decay=settings.weight_decay)
    found = checkpoint.latest(out)
    first = checkpoint.restore(found, task.network, average, optimizer) if found else 0
    network, optimizer = accelerator.prepare(task.network, optimizer)

    def batch(step: int, part: int) -> Any:
        size = settings.batch // parts
        start = (part * accelerator.num_processes + accelerator.process_index) * size
        return task.batch(step, range(start, start + size), accelerator.device)

    with Log(out, first, accelerator.is_main_process) as log, Progress(task.name, settings.steps, first) as bar:
        for step in train(network, batch, optimizer, accelerator, settings, first=first, last=settings.steps):
            average.update(step.number)
            bar(step.number, f"loss {step.losses['loss']:.4f}")
            if not accelerator.is_main_process:
                continue
            last = step.number == settings.steps
            if step.number % settings.log_every == 0 or last:
                log.figures(step.number, step.losses | {"norm": step.norm})
            if step.number % settings.probe_every == 0 or last:
                _probe(task, average, log, step.number)
                network.train()
            if step.number % settings.save_every == 0 or last:
                checkpoint.save(out, step.number, task.network, average, optimizer)
    if accelerator.is_main_process:
        with average.applied():
            task.network.eval()
            task.save(out / "model")
    accelerator.wait_for_everyone()


def _settle(out: Path, config: dict[str, Any]) -> None:
    """Write out/config.json; a run that goes on may only change how long it goes and how often it reports."""
    path, config = out / "config.json", json.loads(json.dumps(config))
    if path.is_file() and checkpoint.latest(out):
        before, now = _fixed(json.loads(path.read_text())), _fixed(config)
        differs = [name for name in now if before.get(name) != now[name]]
        if differs:
            raise InputError(f"{path}: a run with another {differs[0]}; expected the same to resume, or a new --out")
    write_json(path, config)


def _fixed(config: dict[str, Any]) -> dict[str, Any]:
    """The parts of a config, its settings among them, that a run keeps to its end."""
    free = ("steps", "log_every", "probe_every", "save_every")
    settings = {name: value for name, value in config["settings"].items() if name not in free}
    return {name: value for name, value in config.items() if name != "settings"} | settings


@torch.no_grad()
def _probe(task: Task, average: Average, log: Log, step: int) -> None:
    """Figures and a sample picture with the averaged weights."""
    task.network.eval()
    with average.applied():
        log.figures(step, task.probe(task.network))
        picture = task.picture(task.network)
    if picture is not None:
        log.picture(step, picture)
