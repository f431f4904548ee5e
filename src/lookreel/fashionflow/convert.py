"""FashionFlow's published checkpoint to a model folder of ours: names and shapes are ours already."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lookreel.encoders import shared
from lookreel.errors import InputError
from lookreel.fashionflow.config import FashionFlowConfig, published
from lookreel.fashionflow.folder import component_config, fits, model_index, parts
from lookreel.fashionflow.model import FashionFlow
from lookreel.nets.conversion import OnPart, Part, check, shapes_of, whole_folder, write
from lookreel.nets.naming import Naming
from lookreel.nets.weights import write_json

PARALLEL = "module."  # what torch's parallel training puts before every name
ENTRIES = {"unet": "net", "adapter": "adapter"}  # our folder -> the checkpoint's entry


def read(path: Path) -> dict[str, dict[str, Tensor]]:
    """The tensors of the entries `net` and `adapter` of a published checkpoint; only tensors are read from the file.

    Raises InputError for a file that is missing, damaged, or another.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected FashionFlow's checkpoint (.pth)")
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch and the unpickler raise many kinds; each means that the file is of no use
        raise InputError(f"{path}: not a file of tensors, or damaged ({str(error).splitlines()[0]})") from error
    entries: dict[str, dict[str, Tensor]] = {}
    for name in ENTRIES.values():
        tensors = found.get(name) if isinstance(found, Mapping) else None
        if not isinstance(tensors, Mapping) or not all(isinstance(t, Tensor) for t in tensors.values()):
            raise InputError(
                f"{path}: no tensors under {name!r}; expected FashionFlow's checkpoint, with net and adapter"
            )
        entries[name] = {key.removeprefix(PARALLEL): tensor for key, tensor in tensors.items()}
    return entries


def convert(
    checkpoint: Path,
    encoders: Path,
    out: Path,
    *,
    dtype: torch.dtype | None = None,
    force: bool = False,
    on_part: OnPart | None = None,
    config: FashionFlowConfig | None = None,
) -> dict[str, Any]:
    """Write the model folder `out`; returns what came from where.

    encoders: a folder with `vae` (Stable Diffusion 1.4's) and `image_encoder` (CLIP ViT-B/32). dtype: of the stored
    tensors; None keeps the file's. config: by default the published sizes, with pictures rescaled twice.
    Raises InputError where a tensor is missing, left over or of another shape, and where the encoders do not fit.
    """
    config = config or published()
    tensors = read(checkpoint)
    with torch.device("meta"):
        networks = parts(FashionFlow(config, config.net))
    pieces = [
        Part(name, checkpoint, tensors[ENTRIES[name]], Naming(), shapes_of(network), component_config(network))
        for name, network in networks.items()
    ]
    check(pieces)
    found = shared.own(encoders)
    fits(found, config, encoders)
    with whole_folder(out, force, [checkpoint, encoders]) as folder:
        record = write(pieces, folder, dtype, on_part)
        entries = shared.write(found, folder, dtype or torch.float32)
        write_json(folder / "model_index.json", model_index(config, networks, entries))
    return record
