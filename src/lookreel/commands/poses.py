"""`lookreel poses`: poses from anything, mended, cut, fitted to a photo, and written in the form that is wanted."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookreel.commands.fitting import Finding, Fit, told_in
from lookreel.errors import InputError
from lookreel.outputs import check_output, whole, whole_folder
from lookreel.ranges import real_number, whole_number

if TYPE_CHECKING:
    import numpy as np

    from lookreel.photos import Photo
    from lookreel.poses.align import Aligned
    from lookreel.poses.finder import Finder
    from lookreel.poses.source import Source
    from lookreel.poses.track import Track

FILES = (".npz", ".json")


@dataclass(frozen=True)
class Request:
    """One conversion as asked for on the command line."""

    source: str
    out: Path | None = None
    overlay: Path | None = None
    finding: Finding = field(default_factory=Finding)
    fit: Fit = field(default_factory=Fit)
    align_to: Path | None = None
    photo_pose: Path | None = None
    smooth: bool | None = None
    fps: float | None = None
    start: float = 0.0
    end: float | None = None
    loop: int = 1
    size: str | None = None
    densepose: Path | None = None
    force: bool = False


def poses(request: Request, as_json: bool = False) -> None:
    """Read, mend, cut, fit and write; says on stderr what was done. Raises InputError where the request cannot be met,
    and then nothing is written."""
    from lookreel.photos import Photo

    size = check(request)
    finder = request.finding.finder()
    with ExitStack() as stack:
        source = _read(request, finder, size, told_in(stack))
    track, at = _timed(request, _mended(request, source))
    behind = None if source.frames is None else source.frames[at]
    aligned, told = None, list(source.notices)
    if request.align_to is not None:
        aligned, behind = _aligned(request, Photo(request.align_to, request.photo_pose), track, finder)
        track = aligned.track
        told += _fit_told(aligned)
    _write(request, track, behind)
    for line in told:
        print(f"lookreel: {line}", file=sys.stderr)
    facts = _facts(request, track, source, aligned, finder, told)
    print(json.dumps(facts) if as_json else _summary(facts))


def check(request: Request) -> tuple[int, int] | None:
    """The size that --size names, or InputError for the first option that is wrong; no picture is opened."""
    from lookreel.poses.motions import bundled
    from lookreel.poses.overlay import SUFFIXES

    real_number("--fps", request.fps, 0.1, 1000)
    real_number("--start", request.start, 0, 1e6)
    real_number("--end", request.end, 0, 1e6)
    whole_number("--loop", request.loop, 1, 1000)
    request.fit.arguments()
    request.finding.finder()
    if request.out is None and request.overlay is None:
        raise InputError("--out: none given; expected a track.npz, a poses.json or a folder (or --overlay alone)")
    if request.align_to is None:
        named = {"--align": request.fit.align, "--shift": request.fit.shift, "--photo-pose": request.photo_pose}
        unused = [name for name, value in named.items() if value is not None]
        if unused or request.fit.scale != 1 or request.fit.strict:
            raise InputError(f"{(*unused, '--scale, --strict')[0]}: expected --align-to PHOTO with it")
    if bundled(request.source) is None and not Path(request.source).exists():
        raise InputError(f"{request.source}: no such file or folder; expected a picture, video, track or JSON poses")
    _check_outputs(request, SUFFIXES)
    return _size(request.size)


def _check_outputs(request: Request, suffixes: tuple[str, ...]) -> None:
    if request.out is not None and request.out.suffix:
        check_output(request.out, FILES, request.force)
    elif request.out is not None:
        _check_folder(request.out, request.force)
    if request.overlay is not None:
        check_output(request.overlay, suffixes, request.force)
    inputs = [Path(request.source), *(path for path in (request.align_to, request.photo_pose) if path)]
    for path in (request.out, request.overlay):
        if path is not None and path.resolve() in [given.resolve() for given in inputs]:
            raise InputError(f"{path}: would be written over an input; name it otherwise")


def _check_folder(folder: Path, force: bool) -> None:
    """A folder for OpenPose's files may be replaced where nothing else lies in it."""
    if not folder.parent.is_dir():
        raise InputError(f"{folder}: the folder {folder.parent} does not exist; make it first")
    if folder.is_file():
        raise InputError(f"{folder}: a file; expected a folder, or a name ending in .npz or .json")
    if not folder.exists():
        return
    if not force and any(folder.iterdir()):
        raise InputError(f"{folder}: exists already and is not empty; --force replaces OpenPose's files in it")
    other = [path.name for path in folder.iterdir() if not path.name.endswith("_keypoints.json")]
    if other:
        raise InputError(f"{folder}: holds {other[0]}, which is no OpenPose file; expected a folder of its own")


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isdigit() and 0 < int(part) < 100_000 for part in parts):
        raise InputError(f"--size: found {text}; expected HxW in pixels, such as 1024x576")
    return int(parts[0]), int(parts[1])


def _read(request: Request, finder: Finder, size: tuple[int, int] | None, progress: Any) -> Source:
    from lookreel.poses.motions import bundled
    from lookreel.poses.source import read_source

    path = bundled(request.source) or Path(request.source)
    if request.densepose is not None:
        from lookreel.poses.densepose_network import DensePoseNetwork
        from lookreel.poses.densepose_source import read_dense

        return read_dense(path, DensePoseNetwork(request.densepose), finder, request.fps, progress)
    source = read_source(path, finder, request.fps, size, progress)
    if source.doubted:
        doubt = (
            f"{path}: warning: these poses are not to be relied on; the bundled detector knows mannequins, and is not "
            "sure here or sees another pose when it looks again (--detector dwpose knows people; look at --overlay)"
        )
        source = replace(source, notices=(*source.notices, doubt))
    return source


def _body(track: Track) -> np.ndarray:
    from lookreel.poses.layout import to_openpose18

    return to_openpose18(track).keypoints


def _mended(request: Request, source: Source) -> Track:
    from lookreel.poses.mend import mend

    wanted = source.kind == "detected" if request.smooth is None else request.smooth
    return mend(source.track) if wanted else source.track


def _timed(request: Request, track: Track) -> tuple[Track, np.ndarray]:
    """The track cut, at its new rate, looped; and for each of its frames the nearest one of the source."""
    from lookreel.poses.resample import retime

    return retime(track, request.start, request.end, request.fps, request.loop)


def _aligned(request: Request, photo: Photo, track: Track, finder: Finder) -> tuple[Aligned, np.ndarray]:
    """The track fitted to the photo, in the photo's pixels, and the photo (1, 3, h, w) to show behind it."""
    from lookreel.inputs import fit_to_photo

    aligned, picture = fit_to_photo(track, photo, finder, **request.fit.arguments())
    if request.fit.strict and not (aligned.after and aligned.after.fits):
        found = f"mismatch {aligned.after.told()}" if aligned.after else "nothing can be told of it"
        raise InputError(f"--strict: the motion's body does not fit {request.align_to}: {found}")
    return aligned, picture


def _fit_told(aligned: Aligned) -> list[str]:
    if aligned.before is None or aligned.after is None:
        return ["mismatch unknown: shoulders and hips are not visible in both"]
    lines = [f"mismatch with the photo: {aligned.before.told()}; aligned: {aligned.how}"]
    if aligned.after is not aligned.before and aligned.after.score != aligned.before.score:
        lines.append(f"mismatch after it: {aligned.after.told()}")
    if not aligned.after.fits:
        lines.append("warning: the motion's body does not fit the photographed one")
    return lines


def _write(request: Request, track: Track, behind: np.ndarray | None) -> None:
    """Write the track and the overlay; they appear together, or none does."""
    from lookreel.poses.openpose_json import write_folder, write_json
    from lookreel.poses.overlay import overlay, write_overlay

    files = [path for path in (request.out, request.overlay) if path is not None and path.suffix]
    with ExitStack() as stack:
        for path, place in zip(files, stack.enter_context(whole(*files)), strict=True):
            if path is request.overlay:
                write_overlay(overlay(track, behind), track.fps, place)
            elif path.suffix.lower() == ".npz":
                track.save(place)
            else:
                write_json(track, place)
        if request.out is not None and not request.out.suffix:
            write_folder(track, stack.enter_context(whole_folder(request.out)), Path(request.source).stem)


def _facts(
    request: Request, track: Track, source: Source, aligned: Aligned | None, finder: Finder, told: list[str]
) -> dict[str, Any]:
    """What was made, as JSON values."""
    from lookreel.poses.draw import visible

    return {
        "source": request.source,
        "kind": source.kind,
        "out": None if request.out is None else str(request.out),
        "overlay": None if request.overlay is None else str(request.overlay),
        "frames": len(track),
        "fps": track.fps,
        "size": list(track.size),
        "layout": track.layout,
        "visible": round(float(visible(_body(track)).mean()), 4),
        "detector": finder.record(),
        "alignment": None if aligned is None else aligned.record(),
        "notices": told,
    }


def _summary(facts: dict[str, Any]) -> str:
    """What was made, for a reader."""
    height, width = facts["size"]
    frames = "1 frame" if facts["frames"] == 1 else f"{facts['frames']} frames, {facts['fps']:g} fps"
    lines = [f"{facts['out']}  {frames}, {width}x{height}, {facts['layout']}"] if facts["out"] else []
    return "\n".join([*lines, *([f"{facts['overlay']}  overlay"] if facts["overlay"] else [])])
