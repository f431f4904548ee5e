"""One picture file, read safely: upright, 8-bit RGB, alpha over white; anything else is refused in one line."""

from __future__ import annotations

import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from lookreel.errors import InputError

MIN_SIDE = 16
FORMATS = ("PNG", "JPEG", "MPO", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "PPM")
EXPECTED = "expected a photo (PNG, JPEG, WebP, TIFF, BMP)"
# What Pillow's parsers raise on damaged bytes, depending on the format.
DAMAGE = (
    *(OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, RuntimeError),
    *(struct.error, zlib.error),
)


def check_file(path: Path) -> None:
    """Raise InputError unless `path` is a file with something in it; the file is not opened."""
    if path.is_dir():
        raise InputError(f"{path}: a folder; {EXPECTED}")
    if not path.exists():
        raise InputError(f"{path}: no such file; {EXPECTED}")
    if path.is_file() and path.stat().st_size == 0:
        raise InputError(f"{path}: an empty file; {EXPECTED}")


def read_picture(path: Path) -> Image.Image:
    """The first picture of a file, upright, mode RGB.

    Raises InputError for a file that is no picture, is damaged, or has more pixels than Pillow holds safe.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd tags, which say nothing about the pixels
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with _opened(path) as picture:
            if picture.format not in FORMATS:
                raise InputError(f"{path}: a {picture.format} file; {EXPECTED}")
            try:
                picture.load()
            except DAMAGE as error:
                raise InputError(f"{path}: damaged or truncated ({_line(error)}); {EXPECTED}") from error
            return flatten(picture, str(path))


def _opened(path: Path) -> Image.Image:
    """The picture with its header read; what Pillow raises becomes InputError."""
    try:
        return Image.open(path)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        limit = (Image.MAX_IMAGE_PIXELS or 0) // 10**6
        raise InputError(f"{path}: too large a picture; expected at most {limit} million pixels") from error
    except Image.UnidentifiedImageError as error:
        raise InputError(f"{path}: not a picture that can be read; {EXPECTED}") from error
    except DAMAGE as error:
        raise InputError(f"{path}: cannot be opened ({_line(error)}); {EXPECTED}") from error


def flatten(picture: Image.Image, name: str) -> Image.Image:
    """A picture of any mode as upright 8-bit RGB; transparent parts become white, 16 bits become 8."""
    try:
        picture = ImageOps.exif_transpose(picture)
    except DAMAGE:
        pass  # a broken orientation tag is no reason to refuse a picture whose pixels are fine
    if picture.mode.startswith("I"):
        picture = _eight_bits(picture)
    if picture.mode == "F":
        raise InputError(f"{name}: a picture of floating-point numbers; expected 8 or 16 bits a channel")
    if picture.mode in ("RGBA", "LA", "PA", "RGBa") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    return picture.convert("RGB")


def _eight_bits(picture: Image.Image) -> Image.Image:
    """A grey picture of 16 bits (or of 32 that hold no more) as 8 bits."""
    values = np.asarray(picture).astype(np.float64)
    top = 65535 if picture.mode.startswith("I;16") or values.max(initial=0) > 255 else 255
    return Image.fromarray(np.clip(np.rint(values * (255 / top)), 0, 255).astype(np.uint8))


def _line(error: BaseException) -> str:
    """An exception's text on one line."""
    return " ".join(str(error).split()) or type(error).__name__
