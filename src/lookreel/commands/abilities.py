"""What a request asks of a model, and whether that model can do it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lookreel.errors import InputError

if TYPE_CHECKING:
    from lookreel.commands.animate import Request
    from lookreel.system import System


def scales(request: Request) -> dict[str, float | None]:
    """The strengths of guidance that are asked for, by the names that systems have for them."""
    return {name: getattr(request, name) for name in ("guidance", "image_scale", "pose_scale")}


def option_name(name: str) -> str:
    """An argument's name on the command line."""
    return f"--{name.replace('_', '-')}"


def check_able(request: Request, model: System) -> None:
    """InputError for the first thing that the model cannot do: frames between frames, a scale, a sampler, photos."""
    if request.interpolate == 2 and not model.interpolates:
        raise InputError(f"--interpolate: {request.model} has no interpolation network; mini-fashionflow has one")
    for name, scale in scales(request).items():
        if scale is not None and name not in model.scales:
            raise InputError(f"{option_name(name)}: found {scale:g}; {_told(request.model, model.scales)}")
    if request.sampler is not None and request.sampler not in model.samplers:
        known = f"one of {', '.join(model.samplers)}" if model.samplers else "none, since the model has its own only"
        raise InputError(f"--sampler: found {request.sampler}; expected {known}")
    if model.most_photos == 1 and len(request.photos) > 1 and not request.first:
        raise InputError(
            f"--photo: {len(request.photos)} given; {request.model} makes a film from exactly one (--first takes the "
            "first; lookreel tune learns from several)"
        )


def _told(name: str, known: tuple[str, ...]) -> str:
    if not known:
        return f"{name} is trained without guidance; expected none"
    return f"{name} has {' and '.join(map(option_name, known))} instead"
