"""Video files in and out, through PyAV."""

import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer, OutputContainer
from av.video import VideoStream
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from lookreel.errors import InputError
from lookreel.outputs import whole

_WANTED = "a video file (such as .mp4, .webm, .mov) is expected"
_WRITTEN = (".mp4", ".mov", ".m4v", ".mkv")
_BT709 = 1  # the number of BT.709 in H.264's colour tables
# Without these flags the scaler darkens every picture by about 1/255 on the way back to RGB.
_EXACT = Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP


def read_video(path: str | os.PathLike) -> tuple[np.ndarray, float]:
    """All frames of a video, upright, and its frame rate.

    Returns (uint8 (F, 3, H, W) RGB, frames per second).
    Raises InputError for a missing or truncated file, a folder, a picture, or anything else that is no video.
    """
    frames = list(stream_video(path))
    return np.stack(frames), video_header(path)[1]


def stream_video(path: str | os.PathLike) -> Iterator[np.ndarray]:
    """The frames of a video one after the other, upright, each uint8 (3, H, W) RGB; only one is held at a time.

    Raises InputError as `read_video` does, for a truncated file after its last good frame.
    """
    count = 0
    with _opened(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for frame in _decoded(path, container):
            count += 1
            yield frame
        rate, promised = _rate(stream), _promised(stream)
    if not count:
        raise InputError(f"{path}: no frame can be read, so it is truncated or damaged; {_WANTED}")
    if not rate:
        raise InputError(f"{path}: a video without a frame rate; {_WANTED}")
    missing = promised - count / rate
    if missing > 0.5 + 1 / rate:
        raise InputError(f"{path}: truncated, {missing:.1f} s are missing at the end; {_WANTED}")


def video_header(path: str | os.PathLike) -> tuple[int, float]:
    """What a video's header says: its frames and its frame rate, each 0 where it does not say. Nothing is decoded.

    Raises InputError as `read_video` does for what is no video.
    """
    with _opened(path) as container:
        stream = container.streams.video[0]
        return stream.frames, _rate(stream)


def frame_times(path: str | os.PathLike) -> np.ndarray:
    """Seconds (F,) at which a video's frames are shown, from the first, rising; empty where it does not say.

    Nothing is decoded. Raises InputError as `read_video` does for what is no video.
    """
    with _opened(path) as container:
        stream = container.streams.video[0]
        packets = [packet.pts for packet in container.demux(stream) if packet.size and not packet.is_discard]
        tick = stream.time_base
    shown = [float(pts * tick) for pts in packets if pts is not None and tick is not None]
    if not shown or len(shown) < len(packets):
        return np.zeros(0)
    times = np.sort(shown)
    return times - times[0]


def read_tags(path: str | os.PathLike) -> dict[str, str]:
    """The metadata tags of a video file. Raises InputError as `read_video` does."""
    with _opened(path) as container:
        return dict(container.metadata)


def write_video(
    path: str | os.PathLike,
    frames: Iterable[np.ndarray],
    fps: float,
    size: tuple[int, int],
    tags: Mapping[str, str] | None = None,
) -> None:
    """Write an H.264 video (yuv420p, BT.709); it appears whole or not at all. Equal input gives equal bytes.

    frames: each uint8 (3, H, W) RGB of `size` = (H, W); odd sizes are padded by repeating the last row or column.
    tags: metadata, kept under its own names in mp4.
    Raises InputError where there is no frame, the suffix is none of .mp4, .mov, .m4v and .mkv, or the file cannot be
    written there.
    """
    path = Path(path)
    if path.suffix.lower() not in _WRITTEN:
        raise InputError(f"{path}: suffix {path.suffix!r}; a video is written as {', '.join(_WRITTEN)}")
    # Without use_metadata_tags mp4 keeps only names that it knows.
    options = {} if path.suffix.lower() == ".mkv" else {"movflags": "use_metadata_tags+faststart"}
    try:
        with whole(path) as (temporary,), av.open(str(temporary), "w", options=options) as container:
            container.metadata.update(tags or {})
            if not _encode(container, frames, fps, size):
                raise InputError(f"{path}: no frames to write; at least one is expected")
    except (av.FFmpegError, OSError) as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); a writable place is expected") from error


def _encode(container: OutputContainer, frames: Iterable[np.ndarray], fps: float, size: tuple[int, int]) -> int:
    """Encode all frames; returns their number."""
    height, width = size
    bottom, right = height % 2, width % 2
    rate = Fraction(fps).limit_denominator(1001)
    # chromaloc=1: the scaler puts colour in the middle of its four pixels, while H.264 by default means their left.
    # mbtree=0: on narrow pictures x264's macroblock tree reads memory it did not write (seen with AVX-512), and equal
    # frames become different files.
    options = {"crf": "17", "preset": "medium", "x264-params": "chromaloc=1:mbtree=0"}
    stream = container.add_stream("libx264", rate=rate, options=options)
    stream.width, stream.height, stream.pix_fmt = width + right, height + bottom, "yuv420p"
    context = stream.codec_context
    context.time_base = 1 / rate
    context.thread_count = 1  # the number of threads changes the bytes
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    context.color_range = ColorRange.MPEG
    count = 0
    for count, picture in enumerate(frames, 1):  # noqa: B007
        pixels = np.pad(np.asarray(picture, np.uint8).transpose(1, 2, 0), ((0, bottom), (0, right), (0, 0)), "edge")
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
        frame = frame.reformat(
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            interpolation=_EXACT,
        )
        frame.pts, frame.time_base = count - 1, 1 / rate
        container.mux(stream.encode(frame))
    if count:
        container.mux(stream.encode())
    return count


@contextmanager
def _opened(path: str | os.PathLike):
    """The container of a video file; PyAV's own errors become InputError."""
    if not Path(path).exists():
        raise InputError(f"{path}: no such file; {_WANTED}")
    if not Path(path).is_file():
        raise InputError(f"{path}: a folder; {_WANTED}")
    try:
        # explode: a sample that lies beyond the end of a truncated file is an error, not a shorter film.
        with av.open(str(path), container_options={"err_detect": "explode"}) as container:
            name = container.format.name
            if not container.streams.video or name == "tty":
                raise InputError(f"{path}: no video in it, or truncated before it ({name}); {_WANTED}")
            if name.endswith("_pipe") or name == "image2":
                raise InputError(f"{path}: a picture ({name}); {_WANTED}")
            yield container
    except (av.FFmpegError, OSError) as error:
        raise InputError(f"{path}: damaged, truncated or no video ({error.strerror}); {_WANTED}") from error


def _rate(stream: VideoStream) -> float:
    """Frames per second; 0 where the file does not say."""
    rate = float(stream.average_rate or stream.guessed_rate or 0)
    return rate if math.isfinite(rate) else 0.0


def _promised(stream: VideoStream) -> float:
    """Seconds that a Matroska header promises; 0 where it, as in other formats, does not say."""
    found = re.fullmatch(r"(\d+):(\d+):(\d+\.?\d*)", stream.metadata.get("DURATION", ""))
    return sum(float(part) * unit for part, unit in zip(found.groups(), (3600, 60, 1), strict=True)) if found else 0.0


def _decoded(path: str | os.PathLike, container: InputContainer):
    """Upright RGB frames (3, H, W) of the size of the first."""
    size = None
    for packet in container.demux(video=0):
        if packet.is_corrupt:
            raise InputError(f"{path}: truncated or damaged; {_WANTED}")
        for frame in packet.decode():
            size = size or (frame.width, frame.height)
            pixels = frame.reformat(*size, format="rgb24", interpolation=_EXACT).to_ndarray()
            upright = np.rot90(pixels, round(frame.rotation / 90))
            yield np.ascontiguousarray(upright.transpose(2, 0, 1))
