"""What a shop sees, without any network: consistency, flicker, pose, legibility and drift of one film.

`measure` gathers them; where something that a metric needs is not known, it says what, instead of a number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace

import numpy as np

from lookreel.metrics.canonical import keypoints_of
from lookreel.metrics.clip import Clip, check_pair
from lookreel.metrics.consistency import consistency
from lookreel.metrics.drift import drift, slope
from lookreel.metrics.flicker import dtssd
from lookreel.metrics.keypoints import pose_scores
from lookreel.metrics.legibility import find_boxes, legibility
from lookreel.metrics.ocr import Reader, same_text
from lookreel.metrics.warp import dis_flow, warp_error
from lookreel.poses.skeleton import L_HIP, L_SHOULDER, R_HIP, R_SHOULDER
from lookreel.poses.track import Track

Detector = Callable[[np.ndarray, float], Track]  # frames uint8 (F, H, W, 3) and fps -> the poses found in them


@dataclass(frozen=True)
class Garment:
    """values: by name; what could not be measured is not in it. skipped: why, by the metric's name, one line each.
    curves: by name the times (F,) in seconds and the distances (F,), NaN where there is none."""

    values: dict[str, float] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    curves: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)


def measure(
    generated: Clip,
    truth: Clip,
    references: Clip | None = None,
    detector: Detector | None = None,
    reader: Reader | None = None,
) -> Garment:
    """All garment metrics of a film against its truth, frames uint8 of one shape.

    references: the photographs that the generator was shown, with their poses; by default the truth's frames of that
    name. detector: finds the poses in the film where it brings none. reader: reads the text in the boxes, if given.
    Masks, flow and boxes are the truth's.
    Raises InputError where the two do not match.
    """
    check_pair(generated.frames, truth.frames)
    found = Garment()
    _add_flicker(found, generated, with_flow(truth))
    _add_pose(found, generated, truth, detector)
    _add_legibility(found, generated, truth, reader)
    photos = references or truth.reference_clip()
    # Without poses of its own a film is taken to move as it was told; whether it does is the pose metrics' matter.
    posed = generated if generated.track else replace(generated, track=truth.track)
    _add_consistency(found, posed, truth, photos)
    _add_drift(found, posed, truth, photos)
    return found


def with_flow(truth: Clip) -> Clip:
    """The clip with flow and "unoccluded": its own, or DIS flow of its frames."""
    if truth.flow is not None or len(truth) < 2:
        return truth
    flow, seen = dis_flow(truth.frames)
    return replace(truth, flow=flow, masks={**truth.masks, "unoccluded": seen})


def _add_flicker(found: Garment, generated: Clip, truth: Clip) -> None:
    if truth.flow is None or len(truth) < 2:
        found.skipped.update(dict.fromkeys(("ewarp", "dtssd"), "a film of one frame does not flicker"))
        return
    counts = truth.masks.get("unoccluded")
    if counts is not None and "person" in truth.masks:
        counts = counts & truth.masks["person"]
    ours, theirs = (warp_error(clip.frames, truth.flow, counts) for clip in (generated, truth))
    _add(
        found, "ewarp", {"ewarp": ours, "ewarp_truth": theirs}, "no pixel is seen in two frames that follow each other"
    )
    if theirs > 0:
        _add(found, "ewarp", {"ewarp_ratio": ours / theirs}, "")
    _add(found, "dtssd", {"dtssd": dtssd(generated.frames, truth.frames)}, "")


def _add_pose(found: Garment, generated: Clip, truth: Clip, detector: Detector | None) -> None:
    track = generated.track
    if track is None and detector is not None and truth.track is not None:
        track = detector(generated.frames, generated.fps)
    if truth.track is None or track is None:
        missing = "the truth brings no poses" if truth.track is None else "the film brings no poses and no detector is"
        found.skipped["pose"] = missing + (" given" if track is None and truth.track is not None else "")
        return
    scores = pose_scores(track, truth.track, truth.size)
    _add(found, "pose", asdict(scores), "no joint of the truth is confident")


def _add_legibility(found: Garment, generated: Clip, truth: Clip, reader: Reader | None) -> None:
    boxes = truth.boxes if truth.boxes is not None else find_boxes(truth, _cloth(truth))
    scores = legibility(generated, truth, boxes)
    if scores is None:
        found.skipped["text"] = "no text or print was found on the truth"
    else:
        _add(found, "text", {f"text_{name}": value for name, value in asdict(scores).items()}, "")
    if reader is not None:
        _add(
            found, "text_ocr", {"text_ocr": same_text(generated, truth, boxes, reader)}, "nothing was read on the truth"
        )


def _add_consistency(found: Garment, generated: Clip, truth: Clip, photos: Clip) -> None:
    ours, theirs = consistency(generated, photos), consistency(truth, photos)
    if ours is None or theirs is None:
        found.skipped["vgc"] = "no poses are known"
        return
    values = {f"vgc_{name}": value for name, value in asdict(ours).items()}
    own = {f"vgc_{name}_truth": value for name, value in asdict(theirs).items()}
    _add(found, "vgc", values | own, "no frame shows a printed side of which there is a reference")


def _add_drift(found: Garment, generated: Clip, truth: Clip, photos: Clip) -> None:
    curves = {"": drift(generated, photos), "_truth": drift(truth, photos)}
    for ending, curve in curves.items():
        if curve is None:
            found.skipped["drift"] = "no poses are known"
            continue
        for part, distances in (("color", curve.color), ("face", curve.face)):
            name = f"drift_{part}"
            known = distances[~np.isnan(distances)]
            values = {name + ending: float(known.mean()) if known.size else float("nan")}
            values |= {f"{name}_slope{ending}": slope(curve.times, distances)}
            _add(found, name, values, "no frame shows a side, or a face, of which there is a reference")
            found.curves[name + ending] = curve.times, distances


def _cloth(truth: Clip) -> np.ndarray | None:
    """Where print may be: the garment's mask, else the boxes of the torsos, else everywhere."""
    if "garment" in truth.masks:
        return truth.masks["garment"]
    keypoints = keypoints_of(truth)
    if keypoints is None:
        return None
    inside = np.zeros(truth.frames.shape[:3], bool)
    for mask, points in zip(inside, keypoints, strict=True):
        corners = points[[R_SHOULDER, L_SHOULDER, L_HIP, R_HIP]]
        if (corners[:, 2] > 0).all():
            (x0, y0), (x1, y1) = corners[:, :2].min(0).astype(int).clip(0), np.ceil(corners[:, :2].max(0)).astype(int)
            mask[y0 : y1 + 1, x0 : x1 + 1] = True
    return inside


def _add(found: Garment, metric: str, values: dict[str, float], otherwise: str) -> None:
    """Add the numbers; where there is none at all, the reason."""
    known = {name: float(value) for name, value in values.items() if np.isfinite(value)}
    found.values.update(known)
    if not known:
        found.skipped[metric] = otherwise
