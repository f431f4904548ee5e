"""Makes the bundled motions and photos from the mannequin world: python -m lookreel.data.make_assets.

The photos show garments of test seeds, which no training has seen. The tracks carry the maps of a body without clothes:
a motion drives figures that wear something else.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

from PIL import Image

from lookreel.assets import HERE
from lookreel.data import mannequin
from lookreel.poses.densepose import of_body

MOTIONS = {"turn": 36, "half-turn": 24, "sway": 24, "walk": 24}  # frames
FPS = 12.0
MOTION_SEED = mannequin.TEST.start + 500  # whose body moves
MOTION_SIZE = (256, 192)
PHOTO_SIZE = (512, 384)
PHOTO_SEED = mannequin.TEST.start + 1
VIEWS = {"front": 0.0, "side": math.pi / 2, "back": math.pi}


def make(folder: Path) -> None:
    """Write motions/*.npz and photos/*.png with their tracks into `folder`."""
    for name in ("motions", "photos"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name, frames in MOTIONS.items():
        moves = mannequin.clip(MOTION_SEED, name, frames, MOTION_SIZE, FPS).track
        of_body(moves).save(folder / "motions" / f"{name}.npz")
    photos = mannequin.frames_at(PHOTO_SEED, list(VIEWS.values()), PHOTO_SIZE)
    for i, name in enumerate(VIEWS):
        picture = Image.fromarray(photos.frames[i].permute(1, 2, 0).numpy())
        picture.save(folder / "photos" / f"{name}.png", optimize=True)
        of_body(photos.track[i]).save(folder / "photos" / f"{name}.npz")


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
