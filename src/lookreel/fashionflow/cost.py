"""What a step of the space-time U-Net costs, counted on meta tensors: python -m lookreel.fashionflow.cost.

Beside the published network: its convolutions as 2-D and as full 3-D ones, its attention over space or time alone.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace

import torch
from torch.utils.flop_counter import FlopCounterMode

from lookreel.fashionflow.config import FashionFlowConfig, NetConfig, paper
from lookreel.fashionflow.unet import SpaceTimeUNet


@dataclass(frozen=True)
class Cost:
    """parameters: of the U-Net. tflop: of one step for one whole film; a multiply and an add count as two."""

    parameters: int
    tflop: float


def cost(net: NetConfig, config: FashionFlowConfig) -> Cost:
    """The cost of `net` at the latent size and length of `config`."""
    with torch.device("meta"):
        network = SpaceTimeUNet(net)
        x = torch.empty(1, net.in_channels, config.frames, *config.latent_size)
        context = torch.empty(1, config.photo_tokens, net.context_width)
        t = torch.empty(1)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(x, t, context)
    return Cost(sum(p.numel() for p in network.parameters()), counter.get_total_flops() / 1e12)


def variants(net: NetConfig) -> dict[str, NetConfig]:
    """The network and what section 3.2 and the open questions compare it with."""
    convolutions = {f"convolution {kind}": replace(net, convolution=kind) for kind in ("pseudo3d", "2d", "3d")}
    over = ("both", "spatial", "temporal", "none")
    return convolutions | {f"attention {kind}": replace(net, attention=kind) for kind in over}


def main() -> None:
    config = paper()
    print(json.dumps({name: asdict(cost(net, config)) for name, net in variants(config.net).items()}, indent=2))


if __name__ == "__main__":
    main()
