"""Small videos of mannequins and of what a dataset cannot use, for the tests of `lookreel prepare`."""

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from lookreel.data import mannequin
from lookreel.poses.measure_detector import crowd
from lookreel.video import write_video

SIZE = (128, 96)
FPS = 12.0


def figure(seed: int, motion: str = "turn", frames: int = 15, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Frames uint8 (F, 3, H, W) of a test garment."""
    return mannequin.clip(mannequin.TEST.start + seed, motion, frames, size, FPS).frames.numpy()


def film(path: Path, frames: np.ndarray, fps: float = FPS) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(path, iter(frames), fps, frames.shape[2:])
    return path


def figures(folder: Path, count: int, frames: int = 15) -> Path:
    """A folder with that many videos, each of another garment."""
    for seed in range(count):
        film(folder / f"{seed:02d}.mp4", figure(seed, mannequin.MOTIONS[seed % 4], frames))
    return folder


def two_people(frames: int = 15) -> np.ndarray:
    return np.stack([crowd([0.1, 0.2], [120, 119], (128, 192), 40)] * frames)


def face(frames: int = 15) -> np.ndarray:
    return np.ascontiguousarray(figure(31, "sway", frames, (384, 288))[:, :, 10:106, 96:192])


def nobody(frames: int = 15) -> np.ndarray:
    return np.full((frames, 3, *SIZE), 90, np.uint8)


def audio_only(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100, layout="mono")
        for number in range(20):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 44100, number * 1024
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def without_frames(path: Path) -> Path:
    with av.open(str(path), "w", options={"movflags": "empty_moov"}) as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        container.start_encoding()
    return path


def uneven(path: Path, frames: np.ndarray) -> Path:
    """Shown for 1/24, 1/12 or 1/4 of a second each."""
    ticks = np.random.default_rng(0).choice([25, 50, 150], size=len(frames), p=[0.7, 0.2, 0.1])
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.height, stream.width, stream.pix_fmt = *frames.shape[2:], "yuv420p"
        stream.codec_context.time_base = Fraction(1, 600)
        for picture, at in zip(frames, np.cumsum(ticks), strict=True):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture.transpose(1, 2, 0)), format="rgb24")
            frame = frame.reformat(format="yuv420p")
            frame.pts, frame.time_base = int(at), Fraction(1, 600)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def rotated(path: Path, frames: np.ndarray) -> Path:
    """Stored on its side, upright by the matrix in its track header."""
    film(path, np.rot90(frames, 1, (2, 3)).copy())
    content = bytearray(path.read_bytes())
    plain = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    at = content.index(plain, content.index(b"tkhd"))
    content[at : at + 36] = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    return path


def cut_off(path: Path, whole: Path) -> Path:
    content = whole.read_bytes()
    path.write_bytes(content[: len(content) * 6 // 10])
    return path


def tree(folder: Path) -> dict[str, bytes]:
    """Every file of a folder by its relative path."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
