"""The tables of the report's page: all numbers, by side, by clip, what was left out, and the rules with every hash."""

from __future__ import annotations

from html import escape
from typing import Any

from lookreel.metrics.cards import card
from lookreel.metrics.charts import strip
from lookreel.metrics.page import number, table


def numbers(record: dict[str, Any]) -> str:
    """The table of all metrics with intervals, floors and baseline."""
    groups: dict[str, list[str]] = {}
    for name in (name for name in record["metrics"] if not name.endswith("_all")):
        groups.setdefault(_group(record, name), []).append(name)
    columns = ["Metric", "Generated", "95 % interval", "All frames", "Truth through H.264", "Truth itself"]
    columns += ["Reference copied", "From copied to H.264", "Counted"]
    rows = []
    for group, names in groups.items():
        rows.append(f'<tr class="group"><th colspan="{len(columns)}" scope="rowgroup">{escape(group)}</th></tr>')
        rows += [_row(record, name) for name in names]
    caption = (
        "↑ more is better, ↓ less is better. The floors show what no film can beat, the copied reference what a model "
        "reaches that moves nothing. Intervals are of clips drawn anew."
    )
    return table(columns, rows, caption)


def _row(record: dict[str, Any], name: str) -> str:
    found, ends = card(name), record["intervals"].get(name)
    arrow = {"higher": " ↑", "lower": " ↓", "": ""}[found.better]
    title = (
        f'{escape(found.title)}{arrow}<span class="soft">{escape(found.definition)} <code>{escape(name)}</code></span>'
    )
    cells = [
        f'<th scope="row">{title}</th>',
        f'<td class="main">{number(name, record["metrics"][name])}{" " + found.unit if found.unit else ""}</td>',
        f"<td>{f'{number(name, ends[0])} – {number(name, ends[1])}' if ends else '–'}</td>",
        f"<td>{number(name, record['metrics'].get(f'{name}_all'))}</td>",
        f"<td>{number(name, record['floors']['codec'].get(name))}</td>",
        f"<td>{number(name, record['floors']['truth'].get(name))}</td>",
        f"<td>{number(name, record['baselines']['reference'].get(name))}</td>",
        f'<td class="strip">{place(record, name)}</td>',
        f"<td>{record['samples'].get(name, '–')}</td>",
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _group(record: dict[str, Any], name: str) -> str:
    rule = record["rules"]
    if name in rule["film"]:
        return "Films as a whole"
    if name in (*rule["pictures"], *rule["networks"]):
        return f"Pictures, {_frames(rule)}"
    masked = any(name.startswith(f"{metric}_") for metric in rule["masked"])
    return f"Pictures within a mask, {_frames(rule)}" if masked else "Garment and motion"


def _frames(rule: dict[str, Any]) -> str:
    frames = rule["frames"]
    if frames["count"] is None:
        return "all frames but the references"
    return f"up to {frames['count']} frames, at least {frames['distance']} from a reference where one is known"


def by_view(record: dict[str, Any]) -> str:
    """The paired metrics for front, side and back, where the poses are known."""
    views = record["views"]
    if not views:
        return ""
    names = [name for name in next(iter(views.values())) if name != "frames"]
    rows = [
        f'<tr><th scope="row">{view}</th><td>{row["frames"]}</td>'
        + "".join(f"<td>{number(name, row.get(name))}</td>" for name in names)
        + "</tr>"
        for view, row in views.items()
    ]
    return table(["Side", "Frames", *(card(name).title for name in names)], rows)


def place(record: dict[str, Any], name: str) -> str:
    """The drawing between the baseline and the codec's floor, where both are known and lie apart the right way."""
    low, high = record["baselines"]["reference"].get(name), record["floors"]["codec"].get(name)
    better = card(name).better
    if low is None or high is None or not better or (high > low) != (better == "higher") or high == low:
        return ""
    ends = record["intervals"].get(name)
    return strip(record["metrics"][name], low, high, tuple(ends) if ends else None)


def clips(record: dict[str, Any]) -> str:
    """Every clip's own means, folded away."""
    names = [name for name in record["metrics"] if any(name in clip["metrics"] for clip in record["clips"])]
    names = [name for name in names if not name.endswith("_all")]
    rows = [
        f'<tr><th scope="row">{escape(clip["name"])}</th><td>{clip["frames"]}</td><td>{len(clip["counted"])}</td>'
        + "".join(f"<td>{number(name, clip['metrics'].get(name))}</td>" for name in names)
        + "</tr>"
        for clip in record["clips"]
    ]
    whole = table(["Clip", "Frames", "Counted", *(card(name).title for name in names)], rows)
    return f"<details><summary>{len(rows)} clips, one a line (also in report.csv)</summary>{whole}</details>"


def left_out(record: dict[str, Any]) -> str:
    """The metrics that are not in the table, with what they would need."""
    rows = [
        f'<tr><th scope="row">{escape(card(row["name"]).title)}</th>'
        f'<td class="text file"><code>{escape(row["file"] or "–")}</code></td>'
        f'<td class="text">{escape(row["source"] or row["reason"])}</td>'
        f'<td class="text"><code>{escape(row["identity"])}</code></td></tr>'
        for row in record["skipped"]
    ]
    return table(["Metric", "File", "Where it comes from, or why not", "Known by"], rows, words=True) if rows else ""


def rules(record: dict[str, Any]) -> str:
    """The protocol and every hash."""
    rule = record["rules"]
    facts = [
        ("Protocol", f"{record['protocol']}: {rule['source']}"),
        ("Size", "×".join(map(str, rule["size"] or ())) or "the generated clip's; the truth is cropped to it"),
        ("Resizer", rule["resizer"]),
        ("Frames of paired metrics", _frames(rule)),
        ("Runs of film metrics", rule["windows"]),
        ("Intervals", "95 %, percentiles of the bootstrap over clips; distances of sets are moved to their middle"),
        ("Versions", ", ".join(f"{name} {version}" for name, version in record["versions"].items())),
        *((f"Weights: {file}", digest) for file, digest in record["weights"].items()),
        *((f"Pose detector: {file}", digest) for file, digest in record["detector"].items()),
    ]
    rows = [
        f'<tr><th scope="row">{escape(k)}</th><td class="text"><code>{escape(v)}</code></td></tr>' for k, v in facts
    ]
    hashes = [
        f'<tr><th scope="row">{escape(clip["name"])}</th>'
        + "".join(f'<td class="text"><code>{clip["sha256"][side]}</code></td>' for side in ("generated", "truth"))
        + "</tr>"
        for clip in record["clips"]
    ]
    whole = table(["Clip", "sha256 of the generated clip", "sha256 of the truth"], hashes, words=True)
    return (
        f"{table(['Rule', 'Value'], rows, words=True)}<details><summary>Hashes of all clips</summary>{whole}</details>"
    )
