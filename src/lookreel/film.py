"""A film: its frames, and the files it can become."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, PngImagePlugin

from lookreel.outputs import check_output, whole
from lookreel.sheet import contact_sheet, panels

if TYPE_CHECKING:
    import torch

SUFFIXES = (".mp4", ".webp", ".gif")
STATEMENT = "AI-generated film, made with lookreel from photographs"


@dataclass
class Film:
    """A generated film.

    frames: uint8 (F, 3, H, W) on the CPU.
    fps: frames per second.
    report: how it was made: model, inputs, seed, sizes, versions, seconds, warnings; JSON values only.
    references: the photos it was made from, each uint8 (3, H, W).
    poses: the drawn poses, uint8 (F, 3, H, W), of the frames' size.
    """

    frames: torch.Tensor
    fps: float
    report: dict[str, Any] = field(default_factory=dict)
    references: Sequence[torch.Tensor] | None = None
    poses: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.frames)

    def save(self, path: str | os.PathLike, force: bool = False) -> Path:
        """Write the film as mp4, webp or gif, by the suffix; the report travels inside.

        Raises InputError for another suffix, a missing folder, or an existing file without `force`.
        """
        return self._write(path, np.asarray(self.frames), force)

    def sheet(self, path: str | os.PathLike, force: bool = False) -> Path:
        """Write a contact sheet of at most 16 evenly spaced frames as png; errors as for `save`."""
        path = check_output(path, (".png",), force)
        notes = PngImagePlugin.PngInfo()
        notes.add_text("Comment", STATEMENT)
        with whole(path) as (temporary,):
            Image.fromarray(contact_sheet(np.asarray(self.frames))).save(temporary, pnginfo=notes)
        return path

    def side_by_side(self, path: str | os.PathLike, force: bool = False) -> Path:
        """Write references (stacked) | pose | film as mp4, webp or gif; what is not known is left out."""
        references = [np.asarray(reference) for reference in self.references or ()]
        poses = None if self.poses is None else np.asarray(self.poses)
        return self._write(path, panels(references, poses, np.asarray(self.frames)), force)

    def _write(self, path: str | os.PathLike, frames: np.ndarray, force: bool) -> Path:
        path = check_output(path, SUFFIXES, force)
        with whole(path) as (temporary,):
            if path.suffix.lower() == ".mp4":
                from lookreel.video import write_video

                write_video(temporary, iter(frames), self.fps, frames.shape[2:], self._tags())
            else:
                _write_animation(temporary, frames, self.fps)
        return path

    def _tags(self) -> dict[str, str]:
        """The report as mp4 tags: the statement, its plain numbers and words one by one, and the whole as JSON.

        How long it took is left out, so that the same film is the same file.
        """
        report = {key: value for key, value in self.report.items() if key != "seconds"}
        plain = {key: str(value) for key, value in report.items() if isinstance(value, str | int | float)}
        return plain | {"comment": STATEMENT, "description": json.dumps(report, default=str)}


def _write_animation(path: Path, frames: np.ndarray, fps: float) -> None:
    """Write frames (F, 3, H, W) as an endless webp or gif."""
    gif = path.suffix.lower() == ".gif"
    tick = 10 if gif else 1  # milliseconds: a gif counts hundredths of a second
    ends = np.rint(np.arange(len(frames) + 1) * (1000 / tick / fps)).astype(int) * tick
    pictures = [Image.fromarray(np.ascontiguousarray(frame.transpose(1, 2, 0))) for frame in frames]
    options = {"comment": STATEMENT} if gif else {"quality": 90, "method": 4, "xmp": _xmp()}
    durations = np.maximum(np.diff(ends), tick).tolist()
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=durations, loop=0, **options)


def _xmp() -> bytes:
    """The statement in the words that picture tools read: IPTC's digital source type."""
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia" '
        f'dc:source="{STATEMENT}"/></rdf:RDF></x:xmpmeta>'
    ).encode()
