"""Which detectors there are, where their files come from, and where they lie on this machine.

Nothing is ever downloaded: a missing file is an error that says where to get it and where to put it.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from lookreel.assets import DETECTORS
from lookreel.errors import InputError

DEFAULT = "mini"


@dataclass(frozen=True)
class DetectorFile:
    """One ONNX file. part: "person" or "pose". sha256: None where none is published."""

    name: str
    part: str
    bytes: int
    sha256: str | None


@dataclass(frozen=True)
class DetectorCard:
    """A detector by name: where it comes from, its licence, one line about it, its files.

    bundled: whether its files lie in the package.
    """

    name: str
    bundled: bool
    source: str
    licence: str
    note: str
    files: tuple[DetectorFile, ...]

    @property
    def mebibytes(self) -> float:
        """The files' size together."""
        return round(sum(file.bytes for file in self.files) / 2**20, 1)


# Sizes and hashes are those that several public projects record for revision f7c16a3d of the repository.
DWPOSE = DetectorCard(
    name="dwpose",
    bundled=False,
    source="https://huggingface.co/yzd-v/DWPose",
    licence="Apache-2.0",
    note="YOLOX-L and DWPose-L 384x288: 133 joints of people in photographs",
    files=(
        DetectorFile(
            name="yolox_l.onnx",
            part="person",
            bytes=216_746_733,
            sha256="7860ae79de6c89a3c1eb72ae9a2756c0ccfbe04b7791bb5880afabd97855a411",
        ),
        DetectorFile(
            name="dw-ll_ucoco_384.onnx",
            part="pose",
            bytes=134_399_116,
            sha256="724f4ff2439ed61afb86fb8a1951ec39c6220682803b4a8bd4f598cd913b1843",
        ),
    ),
)


def cards() -> list[DetectorCard]:
    """The detectors that are known by name, the bundled ones first."""
    return [*(_bundled(path.parent) for path in sorted(DETECTORS.glob("*/card.json"))), DWPOSE]


def check_named(name: str | Path | None, weights: Path | None) -> None:
    """InputError for a name that is neither a detector nor a folder, and for weights that are no folder; None is right.

    Its files are looked at when it is loaded.
    """
    known = [card.name for card in cards()]
    if name is not None and str(name) not in known and not Path(name).is_dir():
        raise InputError(
            f"detector {str(name)!r}: unknown; expected {', '.join(known)}, or a folder with its two .onnx files"
        )
    if weights is not None and not Path(weights).is_dir():
        raise InputError(f"--weights: {weights}: no such folder; expected the folder of the detector's files")


def _bundled(folder: Path) -> DetectorCard:
    card = json.loads((folder / "card.json").read_text())
    parts = (("person", folder / "person.onnx"), ("pose", folder / "pose.onnx"))
    files = tuple(DetectorFile(path.name, part, path.stat().st_size, sha256(path)) for part, path in parts)
    return DetectorCard(folder.name, True, "bundled with lookreel", card["licence"], card["note"], files)


def sha256(path: Path) -> str:
    """The file's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cache() -> Path:
    """Where weights are looked for: $LOOKREEL_CACHE, else ~/.cache/lookreel."""
    given = os.environ.get("LOOKREEL_CACHE")
    return Path(given) if given else Path.home() / ".cache" / "lookreel"


def locate(card: DetectorCard, weights: Path | None) -> dict[str, Path]:
    """Paths of a detector's files by part. weights: the folder they lie in; None takes cache()/NAME.

    Raises InputError where a file is missing or is another file than the one that was published.
    """
    if card.bundled:
        if weights is not None:
            raise InputError(f"--weights {weights}: detector {card.name} is bundled; leave it out, or name another")
        return {file.part: DETECTORS / card.name / file.name for file in card.files}
    folder = cache() / card.name if weights is None else Path(weights)
    return {file.part: _published(folder / file.name, file, card, weights is None) for file in card.files}


def _published(path: Path, file: DetectorFile, card: DetectorCard, hint: bool) -> Path:
    if not path.is_file():
        elsewhere = ", or name its folder with --weights" if hint else ""
        raise InputError(
            f"{path}: no such file; get {file.name} ({file.bytes / 2**20:.0f} MiB, {card.licence}) from "
            f"{card.source} and put it there{elsewhere}"
        )
    found = sha256(path)
    if file.sha256 is not None and found != file.sha256:
        raise InputError(
            f"{path}: sha256 is {found}; expected {file.sha256}, the file of {card.source} "
            "(another network is named by its folder, not by the name of this one)"
        )
    return path
