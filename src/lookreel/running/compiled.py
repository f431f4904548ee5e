"""Layers compiled one by one for the shapes they meet: the same networks, under the same names."""

from __future__ import annotations

import torch
from torch import nn

from lookreel.nets.attention import SpatialTransformer
from lookreel.nets.blocks import ResnetBlock
from lookreel.nets.temporal import TemporalTransformer

LAYERS = (ResnetBlock, SpatialTransformer, TemporalTransformer)
SHAPES = 64  # a class of layers meets that many shapes in one U-Net; torch gives up at 8 unless told


def compile_layers(network: nn.Module, backend: str = "inductor") -> int:
    """Let every residual block, spatial and temporal transformer be compiled at its next call; returns their number.

    Shapes are taken as static: a film of another length compiles its last window anew. Whole networks would take many
    times as long to compile and be no faster.
    """
    torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, SHAPES)
    layers = [module for module in network.modules() if isinstance(module, LAYERS)]
    for layer in layers:
        layer.compile(backend=backend, dynamic=False)
    return len(layers)
