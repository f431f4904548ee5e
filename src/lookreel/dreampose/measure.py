"""What tuning brings, on figures never seen in training: python -m lookreel.dreampose.measure.

For each test figure a turning clip is the truth; the model sees its front photo, as it is and tuned to it. Measured:
PSNR of the frames turned away from the photo, tuned and not; the seconds that tuning takes; for some figures also
changes of low rank, with the size that each subject takes. The numbers go into a JSON file, figure by figure, so that
the same call goes on where it was stopped; with --docs also into the table of that page.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lookreel import model_folder
from lookreel.data import mannequin
from lookreel.dreampose.figures import figure, film_of, told
from lookreel.dreampose.presets import Tuning, tuning
from lookreel.dreampose.subject import Base, save_subject
from lookreel.dreampose.system import DreamPoseSystem
from lookreel.dreampose.tuning import learn
from lookreel.marked import fill
from lookreel.nets.weights import write_json

CPU = torch.device("cpu")
RANKS = (4, 16)
WANTED = {"mean": 1.0, "each": 0.5}  # dB that tuning is to bring


def measure(
    model: str,
    out: Path,
    subjects: int = 8,
    compared: int = 2,
    ranks: Sequence[int] = RANKS,
    frames: int = 24,
    numbers: Tuning | None = None,
) -> dict[str, Any]:
    """Measure on the first `subjects` test figures; JSON values, also written to the file `out`.

    compared: of these figures so many are tuned by changes of low rank, too. numbers: of the tuning; None takes the
    model's own. The result has "figures": by seed "untuned" and, by rank or "full", what `figures.told` tells, seconds
    and bytes; "summary": `summary`.
    """
    base = model_folder.find(model)
    key = {"model": model, "sha256": model_folder.weights_hash(base), "frames": frames}
    found = json.loads(out.read_text()) if out.is_file() else {}
    if any(found.get(name) != value for name, value in key.items()):
        found = key | {"figures": {}}
    for i, seed in enumerate(range(mannequin.TEST.start, mannequin.TEST.start + subjects)):
        rows = found["figures"].setdefault(str(seed), {})
        for how in ("untuned", "full", *(ranks if i < compared else ())):
            if str(how) not in rows:
                rows[str(how)] = _one(base, seed, frames, how, numbers, out)
                write_json(out, found)
    found["summary"] = summary(found["figures"])
    write_json(out, found)
    return found


def _one(base: Path, seed: int, frames: int, how: str | int, numbers: Tuning | None, out: Path) -> dict[str, float]:
    """One film of one figure. how: "untuned", "full" or a rank."""
    system = DreamPoseSystem.from_pretrained(base, CPU)
    shown, extra = figure(seed, system.size, frames), {}
    if how != "untuned":
        work, rank = out.with_name(f".{out.stem}.tuning"), None if how == "full" else int(how)
        shutil.rmtree(work, ignore_errors=True)  # so that the seconds are of a whole tuning
        began = time.monotonic()
        changes = learn(system, shown.photos, numbers or tuning(system.config), rank, work, {"seed": seed})
        extra["seconds"] = time.monotonic() - began
        save_subject(work / "subject", Base(str(base), ""), changes, {})
        extra["bytes"] = sum(path.stat().st_size for path in (work / "subject").iterdir())
        system = _stored(base, work / "subject")
        shutil.rmtree(work)
    return told(film_of(system, shown), shown, system) | extra


def _stored(base: Path, subject: Path) -> DreamPoseSystem:
    """The subject as it is read back: in half precision, as users have it."""
    from lookreel.dreampose.folder import parts
    from lookreel.dreampose.subject import apply, read_subject

    system = DreamPoseSystem.from_pretrained(base, CPU)
    networks = {**parts(system.model), "vae": system.encoders.codec.vae}
    for name, tensors in read_subject(subject).changes.items():
        apply(networks[name], tensors, subject)
    return system


def summary(figures: dict[str, dict[str, dict[str, float]]]) -> dict[str, Any]:
    """Means over figures: for "untuned", "full" and each rank, and what each tuning gains in PSNR; "least" is of the
    figure that gains least."""
    hows = list(dict.fromkeys(how for rows in figures.values() for how in rows))
    means: dict[str, Any] = {}
    for how in hows:
        rows = [found for found in figures.values() if how in found]
        values = {name: float(np.mean([found[how][name] for found in rows])) for name in rows[0][how]}
        gains = [found[how]["psnr"] - found["untuned"]["psnr"] for found in rows]
        means[how] = values | {"figures": len(rows), "gain": float(np.mean(gains)), "least": float(min(gains))}
    return means


def table(found: dict[str, Any], flicker: dict[str, float] | None) -> str:
    """The table of docs/dreampose.md. flicker: warp errors with five poses and with one, where they are measured."""
    lines = [
        "| tuned | figures | PSNR, new views | gain | least gain | L1 | SSIM | warp error | seconds | MiB |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for how, row in found["summary"].items():
        name = {"untuned": "not", "full": "whole weights"}.get(how, f"rank {how}")
        gains = ["", ""] if how == "untuned" else [f"{row[key]:+.2f} dB" for key in ("gain", "least")]
        cost = [f"{row['seconds']:.0f}", f"{row['bytes'] / 2**20:.2f}"] if "bytes" in row else ["", ""]
        cells = [name, str(row["figures"]), f"{row['psnr']:.2f} dB", *gains, f"{row['l1']:.3f}", f"{row['ssim']:.3f}"]
        lines.append("| " + " | ".join([*cells, f"{row['warp'] * 1000:.2f}", *cost]) + " |")
    told_of = f"`{found['model']}`, turns of {found['frames']} frames, front photo; warp errors in thousandths."
    full = found["summary"].get("full", {})
    met = full and full["gain"] >= WANTED["mean"] and full["least"] >= WANTED["each"]
    aim = (
        f"Aim: {WANTED['mean']:g} dB in the mean, {WANTED['each']:g} dB on every figure: {'met' if met else 'not met'}."
    )
    more = []
    if flicker:
        five, one = (f"{flicker[name] * 1000:.2f}" for name in ("full", "one pose"))
        more = ["", f"Flicker (Table 2's networks): warp error {five} with five poses, {one} with one."]
    return "\n".join([told_of, "", *lines, "", aim, *more])


def flicker_of(report: Path) -> dict[str, float] | None:
    """The mean warp errors of Table 2's rows, from the JSON that `lookreel ablate dreampose-table2` wrote."""
    if not report.is_file():
        return None
    rows = {row["name"]: row["values"]["warp"]["mean"] for row in json.loads(report.read_text())["rows"]}
    return rows if {"full", "one pose"} <= rows.keys() else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="mini-dreampose", help="a bundled model or a model folder")
    parser.add_argument("--subjects", type=int, default=8)
    parser.add_argument("--compared", type=int, default=2, help="of these, tuned by low rank as well")
    parser.add_argument("--out", type=Path, default=Path("dreampose.json"), help="the JSON file; it is resumed")
    parser.add_argument("--docs", type=Path, help="a folder with dreampose.md, whose table is written")
    options = parser.parse_args()
    found = measure(options.model, options.out, options.subjects, options.compared)
    print(json.dumps(found["summary"], indent=2))
    if options.docs:
        flicker = flicker_of(options.docs / "dreampose-table2.json")
        fill(options.docs / "dreampose.md", table(found, flicker))


if __name__ == "__main__":
    main()
