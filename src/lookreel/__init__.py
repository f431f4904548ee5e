"""lookreel: a fashion film from a few photographs of an outfit.

Dimension legend, used in every shape comment of the package:
    B batch   R references (photos)   F frames   J joints   L tokens   C channels
    H W picture pixels   h w latent cells
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lookreel.api import load
    from lookreel.errors import InputError
    from lookreel.film import Film
    from lookreel.photos import Photo
    from lookreel.poses.track import Track

__version__ = "0.1.0"
__all__ = ["Film", "InputError", "Photo", "Track", "load"]

_HOMES = {
    "load": "lookreel.api",
    "InputError": "lookreel.errors",
    "Film": "lookreel.film",
    "Photo": "lookreel.photos",
    "Track": "lookreel.poses.track",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that `import lookreel` stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module 'lookreel' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
