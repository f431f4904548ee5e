"""One picture file, read safely: upright, 8-bit RGB in sRGB's colours; anything else is refused in one line."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps

from lookreel.errors import InputError

MIN_SIDE = 16
FORMATS = ("PNG", "JPEG", "MPO", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "PPM")
EXPECTED = "expected a photo (PNG, JPEG, WebP, TIFF, BMP)"
# What Pillow's parsers raise on damaged bytes, depending on the format.
DAMAGE = (
    *(OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, RuntimeError),
    *(struct.error, zlib.error),
)
_TURNED = (5, 6, 7, 8)  # orientation tags that exchange height and width
_SHRINKABLE = ("JPEG", "MPO")  # decoded at a half, a quarter or an eighth without ever holding the whole


def check_file(path: Path) -> None:
    """Raise InputError unless `path` is a file with something in it; the file is not opened."""
    if path.is_dir():
        raise InputError(f"{path}: a folder; {EXPECTED}")
    if not path.exists():
        raise InputError(f"{path}: no such file; {EXPECTED}")
    if path.is_file() and path.stat().st_size == 0:
        raise InputError(f"{path}: an empty file; {EXPECTED}")


def read_picture(path: Path) -> Image.Image:
    """The first picture of a file, upright, mode RGB, transparent parts white.

    Raises InputError for a file that is no picture, is damaged, or has more pixels than Pillow holds safe.
    """
    return flatten(read_upright(path), str(path))


def read_upright(path: Path, least: tuple[int, int] | None = None) -> Image.Image:
    """The first picture of a file, upright, mode RGB, or RGBA where parts are transparent; errors as `read_picture`.

    least: (H, W) of which more is not needed: a JPEG of at least twice that is read at a half, a quarter or an eighth
    of its size, never under `least`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd tags, which say nothing about the pixels
        with _opened(path) as picture:
            if least is not None and picture.format in _SHRINKABLE:
                height, width = least[::-1] if _turned(picture) else least
                picture.draft(None, (width, height))
            try:
                picture.load()
            except DAMAGE as error:
                raise InputError(f"{path}: damaged or truncated ({_line(error)}); {EXPECTED}") from error
            return upright(picture, str(path))


def upright_size(path: Path) -> tuple[int, int]:
    """(H, W) of the upright picture, from its header; errors as for `read_picture`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with _opened(path) as picture:
            return (picture.width, picture.height) if _turned(picture) else (picture.height, picture.width)


def _turned(picture: Image.Image) -> bool:
    """Whether the orientation tag lays the stored picture on its side."""
    try:
        return picture.getexif().get(0x0112) in _TURNED
    except DAMAGE:
        return False


def _opened(path: Path) -> Image.Image:
    """The picture with its header read; what Pillow raises becomes InputError, and so does what is too large."""
    try:
        picture = Image.open(path)
    except Image.DecompressionBombError as error:
        raise InputError(_too_large(path)) from error
    except Image.UnidentifiedImageError as error:
        raise InputError(f"{path}: not a picture that can be read; {EXPECTED}") from error
    except DAMAGE as error:
        raise InputError(f"{path}: cannot be opened ({_line(error)}); {EXPECTED}") from error
    if picture.format not in FORMATS:
        picture.close()
        raise InputError(f"{path}: a {picture.format} file; {EXPECTED}")
    # Between its limit and twice that, Pillow only warns; a JPEG of that size can be read smaller.
    if picture.format not in _SHRINKABLE and picture.width * picture.height > (Image.MAX_IMAGE_PIXELS or np.inf):
        picture.close()
        raise InputError(_too_large(path))
    return picture


def _too_large(path: Path) -> str:
    limit = (Image.MAX_IMAGE_PIXELS or 0) // 10**6
    return f"{path}: too large a picture; expected at most {limit} million pixels ({2 * limit} in a JPEG)"


def upright(picture: Image.Image, name: str) -> Image.Image:
    """A picture of any mode as upright 8-bit RGB, or RGBA where parts are transparent; in the colours of sRGB."""
    try:
        picture = ImageOps.exif_transpose(picture)
    except DAMAGE:
        pass  # a broken orientation tag is no reason to refuse a picture whose pixels are fine
    if picture.mode.startswith("I"):
        picture = _eight_bits(picture)
    if picture.mode == "F":
        raise InputError(f"{name}: a picture of floating-point numbers; expected 8 or 16 bits a channel")
    if picture.mode in ("RGBA", "LA", "PA", "RGBa") or "transparency" in picture.info:
        return _in_srgb(picture.convert("RGBA"), picture.info.get("icc_profile"))
    return _in_srgb(picture, picture.info.get("icc_profile")).convert("RGB")


def flatten(picture: Image.Image, name: str) -> Image.Image:
    """A picture of any mode as upright 8-bit RGB; transparent parts become white, 16 bits become 8."""
    picture = upright(picture, name)
    if picture.mode == "RGBA":
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    return picture.convert("RGB")


def _in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """The colours that the picture's profile (Display P3, Adobe RGB, a printer's CMYK) means, in sRGB's numbers."""
    if not profile or picture.mode not in ("RGB", "RGBA", "CMYK", "L"):
        return picture
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(source).lower():
            return picture
        mode = "RGBA" if picture.mode == "RGBA" else "RGB"
        return ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode=mode) or picture
    except (ImageCms.PyCMSError, *DAMAGE):
        return picture  # a broken profile is no reason to refuse a picture, and no other viewer would


def _eight_bits(picture: Image.Image) -> Image.Image:
    """A grey picture of 16 bits (or of 32 that hold no more) as 8 bits."""
    values = np.asarray(picture).astype(np.float64)
    top = 65535 if picture.mode.startswith("I;16") or values.max(initial=0) > 255 else 255
    return Image.fromarray(np.clip(np.rint(values * (255 / top)), 0, 255).astype(np.uint8))


def _line(error: BaseException) -> str:
    """An exception's text on one line."""
    return " ".join(str(error).split()) or type(error).__name__
