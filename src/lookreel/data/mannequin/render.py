"""Render: pieces to pictures, masks, labels and flow, through one depth buffer per chunk of frames."""

from dataclasses import dataclass, fields

import numpy as np

from lookreel.data.mannequin.camera import FINE, Camera
from lookreel.data.mannequin.piece import Piece
from lookreel.data.mannequin.surface import Surface

CHUNK = 8  # frames at a time: memory stays bounded and the buffers stay in cache


@dataclass(frozen=True)
class Stage:
    """backdrop: RGB. light: unit vector (3,) towards the light. ambient: share of light without direction."""

    backdrop: np.ndarray
    light: np.ndarray
    ambient: float


@dataclass(frozen=True)
class Picture:
    """frames uint8 (F, 3, H, W); dense uint8 (F, 3, H, W); garment, person bool (F, H, W); flow float32 (F, 2, H, W);
    depth float32 (F, H, W), world z of the nearest surface, -inf for background."""

    frames: np.ndarray
    dense: np.ndarray
    garment: np.ndarray
    person: np.ndarray
    flow: np.ndarray
    depth: np.ndarray


def render(pieces: list[Piece], stage: Stage, camera: Camera, frames: int) -> Picture:
    """Pictures of all frames; only the columns that the figure ever reaches are worked on."""
    spans = [piece.solid.span for piece in pieces]
    narrow, columns = camera.window(min(low for low, _ in spans), max(high for _, high in spans))
    picture = _blank(stage, frames, camera.size)
    for start in range(0, frames, CHUNK):
        part = slice(start, min(start + CHUNK, frames))
        for field, values in zip(fields(Picture), _chunk(pieces, stage, narrow, part), strict=True):
            getattr(picture, field.name)[part, ..., columns] = values
    return picture


def _blank(stage: Stage, frames: int, size: tuple[int, int]) -> Picture:
    """Backdrop only."""
    color = np.floor(stage.backdrop * 255 + 0.5).astype(np.uint8)
    colors = np.empty((frames, 3, *size), np.uint8)
    colors[:] = color[:, None, None]
    dense, flow = np.zeros((frames, 3, *size), np.uint8), np.zeros((frames, 2, *size), np.float32)
    garment, person = np.zeros((frames, *size), bool), np.zeros((frames, *size), bool)
    return Picture(colors, dense, garment, person, flow, np.full((frames, *size), -np.inf, np.float32))


def _chunk(pieces: list[Piece], stage: Stage, camera: Camera, frames: slice) -> tuple[np.ndarray, ...]:
    count = (frames.stop - frames.start, *camera.shape)
    depth = np.full(count, -np.inf, np.float32)
    owner = np.full(count, -1, np.int8)
    met = [piece.solid.hits(camera, frames) for piece in pieces]
    for number, hits in enumerate(met):
        front = np.flatnonzero(hits.depth > depth.ravel()[hits.index])
        depth.ravel()[hits.index[front]] = hits.depth[front]
        owner.ravel()[hits.index[front]] = number
    color = np.empty((*count, 3), np.float32)
    color[:] = stage.backdrop
    dense, flow = np.zeros((*count, 3), np.uint8), np.zeros((*count, 2), np.float32)
    garment = np.zeros(count, bool)
    for number, (piece, hits) in enumerate(zip(pieces, met, strict=True)):
        seen = np.flatnonzero(owner.ravel()[hits.index] == number)
        index, surface = hits.index[seen], hits.surface(seen)
        color.reshape(-1, 3)[index] = _lit(piece, surface, stage)
        dense.reshape(-1, 3)[index] = piece.label(surface)
        flow.reshape(-1, 2)[index] = _moved(piece, surface, index, camera)
        garment.ravel()[index] = piece.garment
    return _settle(color, dense, garment, flow, depth)


def _lit(piece: Piece, surface: Surface, stage: Stage) -> np.ndarray:
    """Colour under the stage's light, darker where the surface turns away."""
    normal = surface.normal
    light = stage.ambient + (1 - stage.ambient) * np.maximum(stage.light @ normal, 0)
    light = light * (np.float32(0.84) + np.float32(0.22) * np.abs(normal[2]))
    if piece.shade is not None:
        light *= piece.shade(surface)
    return piece.paint(surface) * light[:, None].astype(np.float32)


def _moved(piece: Piece, surface: Surface, index: np.ndarray, camera: Camera) -> np.ndarray:
    """Flow (N, 2) in pixels from each sample to where its point was one frame earlier; zero in the first frame."""
    x, height = piece.solid.place(np.maximum(surface.frame - 1, 0), surface)
    line = index // camera.shape[1]
    x -= camera.xs[index - line * camera.shape[1]]
    height -= camera.heights[line % camera.shape[0]]
    return np.stack((x, -height), axis=1) * (np.float32(camera.scale) * (surface.frame > 0)[:, None])


def _settle(color: np.ndarray, dense: np.ndarray, garment: np.ndarray, flow: np.ndarray, depth: np.ndarray) -> tuple:
    """Samples to pixels: colours are averaged; everything else comes from the nearest of a pixel's samples.

    A pixel belongs to the person where at least half of its samples do.
    """
    frames, rows, columns = depth.shape
    height, width = rows // FINE, columns // FINE
    blocks = lambda array: array.reshape(frames, height, FINE, width, FINE, *array.shape[3:])  # noqa: E731
    mean = sum(blocks(color)[:, :, i, :, j] for i in range(FINE) for j in range(FINE)) / np.float32(FINE * FINE)
    pictures = np.clip(mean * 255 + 0.5, 0, 255).astype(np.uint8).transpose(0, 3, 1, 2)
    fine = blocks(depth).transpose(0, 1, 3, 2, 4).reshape(frames, height, width, -1)
    pick = fine.argmax(axis=3)
    person = (fine > -np.inf).sum(axis=3) * 2 >= FINE * FINE
    f, y, x = np.ogrid[:frames, :height, :width]
    y, x = y * FINE + pick // FINE, x * FINE + pick % FINE
    nearest = np.where(person, depth[f, y, x], -np.inf)
    labels = (dense[f, y, x] * person[..., None]).transpose(0, 3, 1, 2)
    moves = (flow[f, y, x] * person[..., None]).transpose(0, 3, 1, 2)
    return pictures, labels, garment[f, y, x] & person, person, moves, nearest
