"""What stands behind the person: the photo's own background, a colour, or a picture."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from PIL import Image, ImageColor

from lookreel.errors import InputError
from lookreel.framing import Window, fit
from lookreel.picture_file import read_picture

Color = tuple[int, int, int]
WHITE: Color = (255, 255, 255)


def backdrop(given: str | os.PathLike | Image.Image | np.ndarray) -> Color | Image.Image:
    """A background as a user names it: a colour (`white`, `#e0e0e0`, `rgb(...)`), a file, a PIL picture or an array.

    Raises InputError where it is neither a known colour nor a readable picture.
    """
    if isinstance(given, Image.Image):
        return given.convert("RGB")
    if isinstance(given, np.ndarray):
        return Image.fromarray(np.ascontiguousarray(given)).convert("RGB")
    if isinstance(given, str):
        try:
            red, green, blue = ImageColor.getrgb(given)[:3]
            return red, green, blue
        except ValueError:
            pass  # no colour, so a file
    path = Path(given)
    if not path.is_file():
        raise InputError(f"background {str(given)!r}: neither a colour (white, #e0e0e0) nor a picture file")
    return read_picture(path)


def framed(
    picture: Image.Image,
    mask: Image.Image | None,
    behind: Color | Image.Image | None,
    size: tuple[int, int],
    window: Window,
    source_size: tuple[int, int],
) -> np.ndarray:
    """A picture (RGB or RGBA) through its window at `size`, its background replaced: uint8 (H, W, 3).

    mask: L, 255 on the person, of the picture's shape; with alpha both count. behind: None keeps the background, and
    puts white behind alpha; a picture is fitted to the film by its short side.
    """
    cover = _cover(picture, mask if behind is not None else None)
    if not isinstance(behind, Image.Image) or cover is None:
        return fit(_over(picture, cover, behind or WHITE), size, window, source_size)
    # Over black the picture is weighed by its cover, and stays so when it is resized.
    front = fit(_over(picture, cover, (0, 0, 0)), size, window, source_size).astype(np.float32)
    share = fit(cover, size, window, source_size).astype(np.float32)[..., None] / 255
    return np.rint(np.clip(front + (1 - share) * fit(behind, size), 0, 255)).astype(np.uint8)


def _cover(picture: Image.Image, mask: Image.Image | None) -> Image.Image | None:
    """How much of each pixel is the person: alpha, mask, or the lesser of both; None where neither is known."""
    alpha = picture.getchannel("A") if picture.mode == "RGBA" else None
    if mask is None or alpha is None:
        return alpha if mask is None else mask
    return Image.fromarray(np.minimum(np.asarray(alpha), np.asarray(mask)))


def _over(picture: Image.Image, cover: Image.Image | None, color: Color) -> Image.Image:
    if cover is None:
        return picture.convert("RGB")
    behind = Image.new("RGB", picture.size, color)
    behind.paste(picture.convert("RGB"), mask=cover)
    return behind
