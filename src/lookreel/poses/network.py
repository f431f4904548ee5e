"""One ONNX file, ready to run: pictures in, arrays out.

onnxruntime runs it. rtmlib, which wraps the same networks, is not used: it requires opencv-python and
opencv-contrib-python, GUI builds whose files overwrite those of opencv-python-headless, and downloads weights unasked.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from lookreel.errors import InputError

PROVIDERS = {
    "cuda": "CUDAExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
_QUIET = 3  # onnxruntime's log level "error"


class Network:
    """An ONNX network that takes pictures (N, 3, H, W) of one fixed size.

    providers: of "cuda", "openvino" and "cpu", in the order of preference; None takes the best that is installed.
    threads: on the CPU; None leaves it to onnxruntime, which takes all cores.
    Raises InputError where onnxruntime or a provider is missing, or the file is missing, damaged or of another kind.
    """

    def __init__(self, path: Path, providers: Sequence[str] | None = None, threads: int | None = None) -> None:
        self.path = path
        if not path.is_file():
            raise InputError(f"{path}: no such file; expected an ONNX network")
        self.session = _session(path, _wanted(providers), threads)
        self.providers = [name for name, long in PROVIDERS.items() if long in self.session.get_providers()]
        absent = [name for name in providers or () if name not in self.providers]
        if absent:
            raise InputError(f"provider {absent[0]}: onnxruntime has it, but it does not start on this machine")
        inputs = self.session.get_inputs()
        if len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].shape[1] != 3 or inputs[0].type not in _TYPES:
            found = ", ".join(f"{i.type} {i.shape}" for i in inputs)
            raise InputError(f"{path}: takes {found}; expected one input of pictures, float (N, 3, H, W)")
        self.input = inputs[0]

    def picture_size(self) -> tuple[int, int]:
        """(H, W) of the pictures it takes. Raises InputError where the file leaves it open."""
        height, width = self.input.shape[2:]
        if not (isinstance(height, int) and isinstance(width, int)):
            raise InputError(f"{self.path}: takes pictures of {self.input.shape}; expected a fixed height and width")
        return height, width

    def takes_several(self) -> bool:
        """Whether one call may hold more than one picture."""
        return not isinstance(self.input.shape[0], int)

    @cached_property
    def answer_shapes(self) -> list[tuple[int, ...]]:
        """What it really answers to one grey picture. Raises InputError where it fails at that."""
        try:
            return [answer.shape for answer in self.run(np.full((1, 3, *self.picture_size()), 114, np.float32))]
        except InputError:
            raise
        except Exception as error:  # onnxruntime's errors have no common base of their own
            raise InputError(f"{self.path}: does not run ({_line(error)})") from error

    def run(self, pictures: np.ndarray) -> list[np.ndarray]:
        """Pictures (N, 3, H, W) -> its answers, in the file's order; floats as float32."""
        pictures = np.ascontiguousarray(pictures, _TYPES[self.input.type])
        answers = self.session.run(None, {self.input.name: pictures})
        return [a.astype(np.float32) if a.dtype == np.float16 else a for a in answers]


def _wanted(providers: Sequence[str] | None) -> list[str]:
    """onnxruntime's names of the providers to try, in order."""
    if find_spec("onnxruntime") is None:
        raise InputError("poses: onnxruntime is not installed; expected the extra: pip install 'lookreel[pose]'")
    import onnxruntime

    there = onnxruntime.get_available_providers()
    if providers is None:
        return [long for long in PROVIDERS.values() if long in there]
    for name in providers:
        if PROVIDERS.get(name) not in there:
            known = ", ".join(name for name, long in PROVIDERS.items() if long in there)
            raise InputError(f"provider {name!r}: not available here; this onnxruntime has {known}")
    return [PROVIDERS[name] for name in providers]


def _session(path: Path, providers: list[str], threads: int | None):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = _QUIET
    if threads is not None:
        options.intra_op_num_threads = threads
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # as above
        raise InputError(f"{path}: not a readable ONNX network ({_line(error)})") from error


def _line(error: Exception) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:200] if text else type(error).__name__
