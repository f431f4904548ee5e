"""Writes the bundled detector's two networks as ONNX files, with the contracts of YOLOX and of RTMPose."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from lookreel.errors import InputError
from lookreel.outputs import whole
from lookreel.poses.detector_model import PERSON_SIZE, POSE_SIZE, PersonNetwork, PersonOutputs, PoseNetwork, PoseOutputs

_OPSET = 17


def export(person: PersonNetwork, pose: PoseNetwork, folder: Path) -> None:
    """Write folder/person.onnx and folder/pose.onnx; any number of pictures at a time, weights in half precision.

    Raises InputError where the package onnx is missing.
    """
    check_onnx()
    folder.mkdir(parents=True, exist_ok=True)
    with whole(folder / "person.onnx", folder / "pose.onnx") as (person_file, pose_file):
        _write(PersonOutputs(person), torch.zeros(1, 3, *PERSON_SIZE), person_file, ["output"])
        _write(PoseOutputs(pose), torch.zeros(1, 3, *POSE_SIZE), pose_file, ["simcc_x", "simcc_y"])


def check_onnx() -> None:
    """Raise InputError unless networks can be exported here."""
    if find_spec("onnx") is None:
        raise InputError("mini-detector: onnx is not installed; expected the extra: pip install 'lookreel[train]'")


def _write(network: nn.Module, example: Tensor, path: Path, answers: list[str]) -> None:
    names = ["input", *answers]
    with warnings.catch_warnings():
        # torch's newer exporter needs a further package and writes the same graph.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # sizes become constants, as they should
        torch.onnx.export(
            network.cpu().eval(),
            (example,),
            str(path),
            dynamo=False,
            opset_version=_OPSET,
            input_names=names[:1],
            output_names=answers,
            dynamic_axes={name: {0: "pictures"} for name in names},
        )
    _halve(path)


def _halve(path: Path) -> None:
    """Store the weights as float16, cast back to float32 when the file is loaded."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load(path)
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT or numpy_helper.to_array(tensor).size < 64:
            continue
        name, half = tensor.name, numpy_helper.to_array(tensor).astype("float16")
        tensor.CopyFrom(numpy_helper.from_array(half, f"{name}.half"))
        casts.append(onnx.helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT))
    for node in reversed(casts):
        graph.node.insert(0, node)
    onnx.checker.check_model(model)
    onnx.save(model, path)
