"""Where a conversion of the open Animate Anyone reads from: its checkpoint files and the folders around them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from lookreel.errors import InputError
from lookreel.nets.checkpoint import read_checkpoint

# Our component -> the open implementation's file, with either suffix.
FILES = {
    "denoising_unet": "denoising_unet",
    "temporal": "motion_module",
    "reference_unet": "reference_unet",
    "pose_guider": "pose_guider",
}
SUFFIXES = (".pth", ".safetensors")
# Where the open implementation keeps the rest of what it downloads, beside its own files.
BASE, VAE, IMAGE_ENCODER = "stable-diffusion-v1-5", "sd-vae-ft-mse", "image_encoder"


@dataclass(frozen=True)
class Sources:
    """Folders to convert from.

    checkpoint: holds the four files of FILES. base: Stable Diffusion 1.5's, of which unet/config.json is read.
    vae, image_encoder: components in the layout of diffusers and transformers.
    """

    checkpoint: Path
    base: Path
    vae: Path
    image_encoder: Path

    def folders(self) -> list[Path]:
        return [self.checkpoint, self.base, self.vae, self.image_encoder]


def find(checkpoint: Path, base: Path | None, vae: Path | None, image_encoder: Path | None) -> Sources:
    """What is given, else what lies beside the checkpoint, else what the base holds. Raises InputError."""
    if not checkpoint.is_dir():
        expected = ", ".join(f"{stem}.pth" for stem in FILES.values())
        raise InputError(f"{checkpoint}: no such folder; expected the one with {expected}")
    base = base or checkpoint / BASE
    if not (base / "unet" / "config.json").is_file():
        raise InputError(f"{base}: no unet/config.json in it; give Stable Diffusion 1.5's folder with --base")
    return Sources(
        checkpoint,
        base,
        vae or _first("--vae", checkpoint / VAE, base / "vae"),
        image_encoder or _first("--image-encoder", checkpoint / IMAGE_ENCODER, base / "image_encoder"),
    )


def _first(option: str, *folders: Path) -> Path:
    """The first of the folders that is there."""
    for folder in folders:
        if folder.is_dir():
            return folder
    raise InputError(f"{option}: not given, and there is no folder {' or '.join(map(str, folders))}")


def read(checkpoint: Path) -> tuple[dict[str, Path], dict[str, dict[str, Tensor]]]:
    """The file and the tensors of each of our components.

    The motion modules come from motion_module, else from denoising_unet, where some trainings keep them.
    Raises one InputError that names every file that is missing or unreadable.
    """
    files, tensors, faults = {}, {}, []
    for name, stem in FILES.items():
        found = [checkpoint / f"{stem}{suffix}" for suffix in SUFFIXES if (checkpoint / f"{stem}{suffix}").is_file()]
        files[name] = found[0] if found else checkpoint / f"{stem}{SUFFIXES[0]}"
        try:
            tensors[name] = read_checkpoint(files[name])
        except InputError as error:
            faults.append((name, str(error)))
    if [name for name, _ in faults] == ["temporal"] and not files["temporal"].exists():
        if any(".motion_modules." in key for key in tensors["denoising_unet"]):
            files["temporal"], tensors["temporal"] = files["denoising_unet"], tensors["denoising_unet"]
            faults = []
    if faults:
        raise InputError("; ".join(text for _, text in faults))
    return files, tensors
