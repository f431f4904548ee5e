"""Poses in JSON, in and out: OpenPose's own files, one a frame, and the single files that other tools make of them.

Read: OpenPose's folder of `*_keypoints.json`; one such object, or a list of them (DWPose nodes of ComfyUI,
sd-webui-controlnet: with `canvas_width` and `canvas_height`); COCO results and AlphaPose (a list of objects with
`image_id` and `keypoints`); COCO annotations; MMPose (`instance_info`). A person's joints are told by their number:
18 (OpenPose), 25 (BODY_25), 17 (COCO) or 133 (COCO-WholeBody). Written: OpenPose's 18.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lookreel.errors import InputError
from lookreel.outputs import whole
from lookreel.poses.draw import visible
from lookreel.poses.layout import from_body25, from_coco, to_openpose18
from lookreel.poses.people import area, boxes_of, one_of
from lookreel.poses.track import Track

EXPECTED = "expected OpenPose JSON (people with pose_keypoints_2d), COCO, AlphaPose or MMPose keypoints"
Size = tuple[int, int]


def read_json(path: Path, fps: float, size: Size | None = None, person: int | None = None) -> tuple[Track, list[str]]:
    """Poses of one person from a JSON file, or a folder with one file a frame -> (Track of 18 joints, notices).

    fps: of the frames, which no such file tells, except those that `write_json` wrote. size: (H, W) of the picture,
    where the file does not tell it. person: as for `lookreel.poses.people.one_of`.
    Raises InputError where the file is no JSON, of another layout, holds nobody, or its picture size is unknown.
    """
    files = sorted(path.glob("*.json"), key=natural) if path.is_dir() else [path]
    if not files:
        raise InputError(f"{path}: no .json in this folder; {EXPECTED}, one file a frame")
    frames, own_fps = [], None
    for file in files:
        content = _content(file)
        own_fps = content.get("fps", own_fps) if isinstance(content, dict) else own_fps
        found = _frames(content, file)
        if path.is_dir() and len(found) != 1:
            raise InputError(f"{file}: {len(found)} frames; in a folder each file holds one")
        frames += found
    size = next((known for known, _ in frames if known), None) or size
    if size is None:
        raise InputError(f"{path}: it does not tell the size of the picture; expected --size HxW of the video")
    people = [_largest_first(_in_pixels(persons, size)) for _, persons in frames]
    chosen, notices = one_of([boxes_of(there) for there in people], str(path), person)
    nobody = np.zeros((18, 3), np.float32)
    shown = zip(people, chosen, strict=True)
    keypoints = np.stack([nobody if i is None else there[i] for there, i in shown]).astype(np.float32)
    return Track(keypoints, size, _rate(own_fps, fps, path)), notices


def write_json(track: Track, path: Path) -> None:
    """Write a track as one JSON file: an object with `fps` and `frames`, each as OpenPose writes it, with the canvas.

    It appears whole or not at all. A track of 133 joints is written as OpenPose's 18.
    """
    content = {"fps": track.fps, "frames": _people(track)}
    with whole(path) as (temporary,):
        temporary.write_text(json.dumps(content) + "\n", encoding="utf-8")


def write_folder(track: Track, folder: Path, stem: str) -> None:
    """Write `stem_000000000000_keypoints.json` and so on into an existing folder, as OpenPose does."""
    for number, frame in enumerate(_people(track)):
        file = folder / f"{stem}_{number:012d}_keypoints.json"
        file.write_text(json.dumps(frame | {"fps": track.fps}) + "\n", encoding="utf-8")


def natural(path: Path) -> list[tuple[int, int, str]]:
    """A key that sorts frame2 before frame10."""
    parts = re.findall(r"\d+|\D+", path.name)
    return [(0, int(part), "") if part.isdigit() else (1, 0, part.lower()) for part in parts]


def _people(track: Track) -> list[dict[str, Any]]:
    """One OpenPose object for each frame; absent joints are 0, 0, 0, a frame without joints has no people."""
    height, width = track.size
    objects = []
    for pose in to_openpose18(track).keypoints.astype(np.float64):
        values = np.where(pose[:, 2:] > 0, pose, 0).round(4).ravel().tolist()
        people = [{"person_id": [-1], "pose_keypoints_2d": values}] if any(values) else []
        objects.append({"version": 1.3, "people": people, "canvas_width": width, "canvas_height": height})
    return objects


def _content(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{file}: not readable JSON ({error}); {EXPECTED}") from error


def _rate(own: Any, given: float, path: Path) -> float:
    """The file's own frame rate where it has one."""
    if own is None:
        return given
    if not isinstance(own, int | float) or not 0 < own < 1e6:
        raise InputError(f"{path}: fps is {own!r}; expected one positive number")
    return float(own)


def _frames(content: Any, file: Path) -> list[tuple[Size | None, list[np.ndarray]]]:
    """For each frame the size of its picture, where told, and the keypoints (18, 3) of each person."""
    if isinstance(content, dict) and isinstance(content.get("frames"), list):
        content = content["frames"]
    if isinstance(content, dict) and isinstance(content.get("instance_info"), list):
        return [(None, [_mmpose(p, file) for p in _list(i, "instances", file)]) for i in content["instance_info"]]
    if isinstance(content, dict) and isinstance(content.get("annotations"), list):
        return _coco(content["annotations"], content.get("images"), file)
    frames = content if isinstance(content, list) else [content]
    if frames and all(isinstance(frame, dict) and "keypoints" in frame and "image_id" in frame for frame in frames):
        return _coco(frames, None, file)
    if not frames or not all(isinstance(frame, dict) and "people" in frame for frame in frames):
        raise InputError(f"{file}: JSON of another layout; {EXPECTED}")
    return [(_canvas(f), [_openpose(person, file) for person in _list(f, "people", file)]) for f in frames]


def _list(holder: Any, name: str, file: Path) -> list:
    values = holder.get(name) if isinstance(holder, dict) else None
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise InputError(f"{file}: {name} is no list of objects; {EXPECTED}")
    return values


def _canvas(frame: dict) -> Size | None:
    size = frame.get("canvas_height"), frame.get("canvas_width")
    return (int(size[0]), int(size[1])) if all(isinstance(s, int | float) and s >= 1 for s in size) else None


def _openpose(person: dict, file: Path) -> np.ndarray:
    return _joints(person.get("pose_keypoints_2d"), file)


def _mmpose(person: dict, file: Path) -> np.ndarray:
    places, scores = person.get("keypoints"), person.get("keypoint_scores")
    try:
        return _joints(np.column_stack([np.asarray(places, float)[:, :2], np.asarray(scores, float)]), file)
    except (ValueError, TypeError, IndexError) as error:
        raise InputError(f"{file}: keypoints and keypoint_scores do not go together; {EXPECTED}") from error


def _coco(rows: Sequence[Any], images: Any, file: Path) -> list[tuple[Size | None, list[np.ndarray]]]:
    """Annotations grouped by picture, in natural order; COCO marks a joint's visibility with 1 or 2."""
    sizes = {image.get("id"): image for image in images or () if isinstance(image, dict)}
    frames: dict[Any, list[np.ndarray]] = {key: [] for key in sizes}
    for row in rows:
        if not isinstance(row, dict):
            raise InputError(f"{file}: JSON of another layout; {EXPECTED}")
        joints = _joints(row.get("keypoints"), file)
        frames.setdefault(row.get("image_id"), []).append(joints)
    result = []
    for key in sorted(frames, key=lambda name: natural(Path(str(name)))):
        image = sizes.get(key, {})
        size = _canvas({"canvas_height": image.get("height"), "canvas_width": image.get("width")})
        result.append((size, frames[key]))
    return result


def _joints(values: Any, file: Path) -> np.ndarray:
    """A person's numbers -> (18, 3); a place of exactly 0, 0 is absent, as all of these tools write it."""
    try:
        flat = np.asarray(values, np.float64).ravel()
    except (ValueError, TypeError) as error:
        raise InputError(f"{file}: keypoints that are no numbers; {EXPECTED}") from error
    count = len(flat) // 3
    if len(flat) != count * 3 or count not in (17, 18, 25, 133) or not np.isfinite(flat).all():
        raise InputError(f"{file}: {len(flat)} numbers for a person; expected 3 for each of 17, 18, 25 or 133 joints")
    joints = flat.reshape(count, 3)
    joints[:, 2] = np.where((joints[:, :2] == 0).all(1), 0, np.clip(joints[:, 2], 0, 1))
    if count == 25:
        return from_body25(joints)
    return joints.astype(np.float32) if count == 18 else from_coco(joints)


def _in_pixels(people: list[np.ndarray], size: Size) -> list[np.ndarray]:
    """Some tools write places as shares of the picture; a person all of whose places lie within 0-1 has such."""
    return [person * [size[1], size[0], 1] if _in_shares(person) else person for person in people]


def _largest_first(people: list[np.ndarray]) -> list[np.ndarray]:
    """Those of whom a joint can be seen."""
    there = [person for person in people if visible(person).any()]
    return [there[i] for i in np.argsort(-area(boxes_of(there)), kind="stable")]


def _in_shares(person: np.ndarray) -> bool:
    places = person[person[:, 2] > 0, :2]
    return len(places) > 0 and bool(places.max() <= 1)
