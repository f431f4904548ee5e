"""What the configs of all papers share: words out of a list, the size of a film and its latents, and JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, is_dataclass
from types import UnionType
from typing import Any, ClassVar, Self, Union, get_args, get_origin, get_type_hints


@dataclass(frozen=True)
class Config:
    """Sizes and choices that are saved with a model and read back by `load`."""

    words: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Field -> the words that it may hold."""

    def __post_init__(self) -> None:
        """ValueError where a field holds another word."""
        for name, words in self.words.items():
            if getattr(self, name) not in words:
                raise ValueError(f"{name} is {getattr(self, name)!r}; expected one of {', '.join(words)}")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Self:
        """The config that `to_json` wrote; a field younger than the file takes its default.

        ValueError or TypeError where a word or a field is unknown, or a value is of another type than its field.
        """
        return read(cls, raw, "config")


@dataclass(frozen=True)
class FilmConfig(Config):
    """What every paper's config says of its films."""

    size: tuple[int, int] = (1024, 576)
    """(H, W) of the film."""
    vae_factor: int = 8
    """Picture pixels in a latent cell, each way: the VAE's."""

    def __post_init__(self) -> None:
        """ValueError where a word is not known, or the size does not fit."""
        super().__post_init__()
        if self.vae_factor < 1 or any(side < 1 or side % self.cell for side in self.size):
            raise ValueError(f"size {self.size}: must be multiples of {self.cell}")

    @property
    def cell(self) -> int:
        """Pixels of which both sides of a film must be multiples."""
        return self.vae_factor

    @property
    def latent_size(self) -> tuple[int, int]:
        """(h, w) of the latents."""
        return self.size[0] // self.vae_factor, self.size[1] // self.vae_factor


def read(kind: Any, value: Any, name: str) -> Any:
    """A JSON value as `kind`, the type of field `name`: of an object a dataclass, of a list a tuple, at every depth.

    TypeError where it is of another type.
    """
    options = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    for option in options:
        parts = get_args(option)
        if is_dataclass(option) and isinstance(value, dict):
            kinds = get_type_hints(option)
            return option(**{key: read(kinds.get(key, Any), part, key) for key, part in value.items()})
        if get_origin(option) is tuple and isinstance(value, list | tuple):
            each = parts[:1] * len(value) if parts[1:] == (...,) else parts
            if len(each) == len(value):
                return tuple(read(one, part, name) for one, part in zip(each, value, strict=True))
        if option is Any or _plain(option, value):
            return value
    raise TypeError(f"{name} is {value!r}; expected {getattr(kind, '__name__', kind)}")


def _plain(kind: Any, value: Any) -> bool:
    """Whether a value is of a type that JSON has: a whole number is also a number, a bool is none."""
    if isinstance(value, bool):
        return kind is bool
    return (kind in (int, float, str, type(None)) and isinstance(value, kind)) or (kind is float and type(value) is int)
