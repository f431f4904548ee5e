"""docs/bench.md, printed too, and the tables elsewhere, all from docs/bench.json: python -m lookreel.bench.page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lookreel.bench.markdown import paragraph, table, with_marked
from lookreel.bench.tables import memory, summary
from lookreel.outputs import whole

ROOT = Path(__file__).parents[3]


def page(found: dict[str, Any]) -> str:
    """docs/bench.md."""
    sections = {"counters": _counters, "ratios": _ratios, "presets": _presets, "approximations": _rest, "gpu": _gpu}
    written = [write(found[name]) for name, write in sections.items() if name in found]
    if "gpu" not in found:
        no = "Not measured: `make bench` fills this section on a machine with a CUDA device."
        written.append(f"## On a GPU\n\n{no}")
    return "\n\n".join([_head(found["machine"]), *written]) + "\n"


def _head(machine: dict[str, Any]) -> str:
    words = paragraph(
        "Written by `python -m lookreel.bench.page` from `docs/bench.json`, which `make bench` measures.",
        "Counts are of meta tensors and the same on every machine. Times are ratios of processor time in one process,",
        "in ABBA order: the median over rounds, and the lowest and the highest. Measured with torch",
        f"{machine['torch']} on {machine['cores']} cores ({machine['processor']}), {machine['threads']} threads.",
    )
    return f"# What it costs\n\n{words}"


def _counters(c: dict[str, Any]) -> str:
    (height, width), least = c["size"], c["step"]["teraflop"]
    rows = []
    for name, s in c.items():
        if name.startswith("step"):
            title = "as it is computed" if name == "step" else name.removeprefix("step, ")
            flops = f"{s['teraflop']:.1f}", f"{s['teraflop'] / least:.3f}"
            rows.append((title, *flops, f"{s['gigabytes']:,.0f}", f"{s['kernels']:,}"))
    lengths = [(length, f"{n}", f"{n / int(length):.2f}") for length, n in c["frame evaluations"].items()]
    words = paragraph(
        f"A guided step of {c['frames']} frames at {height}x{width} (height x width), Stable Diffusion 1.5's width,",
        "three photos. Attention counts as one kernel; GB are what each kernel reads and writes at two bytes a number,",
        "nothing fused. Plain: photos are mixed and then projected, and every cross-attention is asked.",
    )
    remembered = f"{c['photos remembered, GB']:.2f} GB"
    return "\n\n".join(
        [
            f"## Counted, at full size\n\n{words}",
            table(("step", "TFLOP", "to ours", "GB moved", "kernels"), rows),
            "Frames that the network sees in each half of a step:",
            table(("frames of the film", "evaluated", "ratio"), lengths),
            f"Keys and values of three photos take {remembered} in half precision, whatever the film's length.",
        ]
    )


def _ratios(found: dict[str, Any]) -> str:
    timed = {name: r for name, r in found.items() if isinstance(r, dict)}
    rows = [(name, f"{r['median']:.2f}", f"{r['low']:.2f} to {r['high']:.2f}") for name, r in timed.items()]
    words = paragraph(
        "The attention block is the first level's at full size, everything else is of the bundled model's width, with",
        'random weights. "Plain" mixes photos before it projects them and asks every cross-attention; for the block it',
        "is the open Animate Anyone's formulation: the untold half reads the photos too and is then computed again.",
        f"The results differ by at most {found['largest relative difference']:.0e} of the largest value.",
    )
    return f"## Times beside each other\n\n{words}\n\n{table(('', 'ratio', 'range'), rows)}"


def _presets(found: dict[str, Any]) -> str:
    rows = []
    for name, p in found["presets"].items():
        exact = f"{p['psnr']:.1f} dB" if "psnr" in p else "itself"
        lpips = f"{p['lpips']:.3f}" if "lpips" in p else "not measured"
        work = f"{p['steps']:.0f}", f"{p['full']:.0f} + {p['shallow']:.0f}", f"{p['speed']:.1f}"
        rows.append((f"`{name}`", *work, exact, lpips, f"{p['truth']:.1f} dB"))
    words = paragraph(
        f"`lookreel animate --preset NAME` on the bundled model: {found['garments']} test garments,",
        f"{found['frames']} frames. Evaluations are of the network in full + of its last sites only; speed is of whole",
        "films beside the exact one, photos and decoding among it. PSNR and LPIPS are to the exact film, the last",
        "column is the PSNR to the truth. What each preset leaves out: `diffusion/pace.py`.",
    )
    head = ("preset", "steps", "evaluations", "times as fast", "PSNR", "LPIPS", "to the truth")
    return f"## Presets\n\n{words}\n\n{table(head, rows)}"


def _rest(found: dict[str, float]) -> str:
    rows = [(name, f"{value:.1f} dB") for name, value in found.items()]
    words = paragraph(
        "Precision and tiles change the film; everything else that `--memory` chooses changes it by rounding only.",
        "On the bundled model:",
    )
    return f"## What `--memory` may change\n\n{words}\n\n{table(('', 'PSNR to the exact film'), rows)}"


def _gpu(g: dict[str, Any]) -> str:
    top, backends = g["ceilings"], list(next(iter(g["attention, ms"].values())))
    steps = []
    for name, s in g["guided step"].items():
        steps.append((name, f"{s['ms per frame-step']:.1f}", f"{s['mfu']:.2f}", f"{s['peak, GB']:.1f}"))
    attention = []
    for name, row in g["attention, ms"].items():
        attention.append((name, *("none" if row[b] is None else f"{row[b]:.2f}" for b in backends)))
    films = ", ".join(f"{n} frames {s:.0f} s" for n, s in g["film, seconds by frames"].items())
    words = paragraph(
        f"{g['device']}; its own ceilings in the same run: {top['gemm, TFLOP/s']:.0f} TFLOP/s in a bfloat16 matrix",
        f"product, {top['copy, TB/s']:.1f} TB/s in a copy. Full size, bfloat16, random weights. Films: {films};",
        f"decoding takes {g['decoding, ms per frame']:.0f} ms a frame.",
    )
    return "\n\n".join(
        [
            f"## On a GPU\n\n{words}",
            table(("guided step", "ms per frame-step", "of the matrix product's rate", "peak GB"), steps),
            "Attention in milliseconds, by backend:",
            table(("", *(name.partition("_")[0].lower() for name in backends)), attention),
        ]
    )


def texts(found: dict[str, Any]) -> dict[str, str]:
    """File -> its text with what `found` holds for it."""
    made = {"docs/bench.md": page(found)}
    readme, models = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "docs/models.md"))
    if {"counters", "ratios", "presets"} <= set(found):
        made["README.md"] = with_marked(readme, "bench", summary(found))
    if "memory" in found:
        made["docs/models.md"] = with_marked(models, "memory", memory(found["memory"]))
    return made


def main() -> None:
    found = json.loads((ROOT / "docs" / "bench.json").read_text(encoding="utf-8"))
    for name, text in texts(found).items():
        with whole(ROOT / name) as (temporary,):
            temporary.write_text(text, encoding="utf-8")
    print(page(found))


if __name__ == "__main__":
    main()
