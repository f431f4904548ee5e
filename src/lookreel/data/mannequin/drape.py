"""Drape: cloth that hangs round the whole body: shirts, the seat of trousers, skirts, dresses and coats."""

from collections.abc import Callable

import numpy as np

from lookreel.data.mannequin.bare import ANKLE, KNEE, THIGH
from lookreel.data.mannequin.column import column, heights, smooth
from lookreel.data.mannequin.fabric import Cloth
from lookreel.data.mannequin.physique import ANKLE as ANKLE_HEIGHT
from lookreel.data.mannequin.physique import HIP, HIP_HALF, OUTLINE_HEIGHTS, Physique
from lookreel.data.mannequin.physique import KNEE as KNEE_HEIGHT
from lookreel.data.mannequin.piece import Paint, Piece, plain
from lookreel.data.mannequin.pose import Pose
from lookreel.data.mannequin.stack import Keep, Stack
from lookreel.data.mannequin.surface import Surface
from lookreel.data.mannequin.wardrobe import Outfit

WAIST, COLLAR, ROUND = 0.645, 0.85, 0.092  # heights of waist and collar; cloth length per radian round the body


def _outline(at: np.ndarray, body: Physique, ease: float, straight: float, drop: bool) -> tuple[np.ndarray, ...]:
    """Half-widths, half-depths and forward shift of cloth over the trunk; `straight` cloth does not follow the waist,
    and cloth that drops keeps its width below the hips."""
    width, depth, forward = (smooth(at, OUTLINE_HEIGHTS, v) for v in (body.half_width, body.half_depth, body.forward))
    chest = at < 0.76
    for half in (width, depth):
        fall = half[np.argmax(at >= 0.755)] if at[-1] >= 0.755 else half.max()
        half[chest] += straight * np.maximum(fall - half[chest], 0)
        if drop:
            half[at < 0.54] = half[np.argmin(np.abs(at - 0.54))]
    room = ease * np.clip((COLLAR - at) / 0.05, 0.3, 1)
    return width + room, depth + room, forward


def _neck(depth: float) -> Keep:
    """Where cloth is kept below a neckline that dips by `depth` at the front."""

    def keep(theta: np.ndarray, height: np.ndarray) -> np.ndarray:
        return height < COLLAR - 0.012 - depth * np.clip(1 - np.abs(theta) / 1.1, 0, 1) * 1.2

    return keep


def _paint(cloth: Cloth) -> Paint:
    return lambda surface: cloth.color(surface.theta, surface.theta * ROUND, surface.along)


def seat(pose: Pose, body: Physique, cloth: Cloth) -> Piece:
    """The upper part of trousers, down to where the legs part."""
    at = heights(0.44, WAIST + 0.006)
    return Piece(column(pose, at, *_outline(at, body, 0.003, 0.0, False)), _paint(cloth), garment=True)


def shirt(pose: Pose, body: Physique, outfit: Outfit, cloth: Cloth, ease: float, hem: float) -> Piece:
    """A shirt from the collar to `hem`, with `ease` of room."""
    at = heights(hem, COLLAR)
    outline = _outline(at, body, ease, outfit.straight, True)
    hang = 0.3 * np.clip((WAIST - at) / 0.4, 0, 1)
    return Piece(column(pose, at, *outline, hang=hang, keep=_neck(outfit.neckline)), _paint(cloth), garment=True)


def gown(pose: Pose, body: Physique, outfit: Outfit, cloth: Cloth, top: float) -> Piece:
    """A dress from the collar or a skirt from the waist; below the hips it widens to the hem and lags behind."""
    hem = outfit.hem
    at = heights(hem - 0.008, top)
    dress = top == COLLAR
    straight, ease = (outfit.straight, max(outfit.ease, 0.008)) if dress else (0.0, 0.003)
    width, depth, forward = _outline(at, body, ease, straight, True)
    start = 0.62 if dress else 0.565
    fall = np.clip((start - at) / (start - hem), 0, 1)
    waves = outfit.folds if outfit.flare > 0.05 else 0
    legs_wide, legs_deep = _legs_need(pose, body, at)
    wide = np.maximum(width + outfit.flare * fall, legs_wide)
    deep = np.maximum(depth + outfit.flare * 0.8 * fall, legs_deep)
    neck = _neck(outfit.neckline)

    def keep(theta: np.ndarray, height: np.ndarray) -> np.ndarray:
        wave = 0.005 * np.cos(waves * theta) if waves else 0.0
        return neck(theta, height) & (height > hem + wave)

    solid = column(pose, at, wide, deep, forward, hang=fall**1.5, keep=keep)
    return Piece(solid, _paint(cloth), garment=True, shade=_folds(waves, 0.6, hem))


def _legs_need(pose: Pose, body: Physique, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Half-width (K,) and half-depth (F, K) that cloth needs below the hips to hold both legs."""
    apart = 0.5 * np.linalg.norm((pose.joints["left_ankle"] - pose.joints["right_ankle"])[:, ::2], axis=1).min()
    thick = np.interp(at, (ANKLE_HEIGHT, KNEE_HEIGHT, HIP), np.array([ANKLE, KNEE, THIGH]) * body.limb)
    grown = np.clip((0.6 - at) / 0.08, 0, 1)  # from nothing over the hips, so that no edge shows
    wide = np.interp(at, (ANKLE_HEIGHT, HIP), (apart, HIP_HALF)) + thick + 0.008
    deep = thick + 0.012 + 0.8 * np.clip((0.55 - at) / 0.3, 0, 1) * pose.spread[:, None]
    return grown * wide, grown * deep


def _folds(count: int, top: float, hem: float) -> Callable[[Surface], np.ndarray]:
    """Light and dark of folds that grow from `top` down to the hem."""

    def shade(surface: Surface) -> np.ndarray:
        grown = np.clip((top - surface.along) / (top - hem), 0, 1)
        return 1 + (0.16 if count else 0) * grown * np.cos(count * surface.theta)

    return shade


def coat(pose: Pose, body: Physique, outfit: Outfit) -> list[Piece]:
    """A long coat with its lining; open in front by `coat_open` radians, or buttoned."""
    hem = outfit.coat_hem
    at = heights(hem, COLLAR)
    width, depth, forward = _outline(at, body, 0.014 + 0.5 * outfit.ease, max(outfit.straight, 0.4), True)
    fall = np.clip((0.62 - at) / (0.62 - hem), 0, 1)
    legs_wide, legs_deep = _legs_need(pose, body, at)
    wide = np.maximum(width + (0.4 * outfit.flare + 0.01) * fall, legs_wide + 0.008)
    deep = np.maximum(depth + (0.4 * outfit.flare + 0.01) * fall, legs_deep + 0.01)
    neck, edge = _neck(outfit.neckline), outfit.coat_open

    def keep(theta: np.ndarray, height: np.ndarray) -> np.ndarray:
        return neck(theta, height) & (np.abs(theta) > edge * (1 + 0.4 * np.clip((0.65 - height) / 0.4, -0.5, 1)))

    def paint(surface: Surface) -> np.ndarray:
        rgb = outfit.top.color(surface.theta, surface.theta * ROUND, surface.along)
        if not edge:
            rgb[np.abs(surface.theta) * ROUND < 0.004] *= 0.6
        return rgb

    def walls(inner: bool) -> Stack:
        return column(pose, at, wide, deep, forward, hang=0.7 * fall**1.5, keep=keep, inner=inner)

    outside = Piece(walls(False), paint, garment=True)
    lining = Piece(walls(True), plain(outfit.top.back.base * np.float32(0.55)), garment=True)
    return [outside, lining] if edge else [outside]
