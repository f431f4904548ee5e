"""Costs at Stable Diffusion 1.5's size, counted on meta tensors: nothing is computed."""

from dataclasses import replace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from lookreel.profashion.config import ProFashionConfig, sd15
from lookreel.profashion.model import ProFashion

FRAMES = 16


def guided_step(config: ProFashionConfig, references: int) -> float:
    """TFLOP of one guided step of a 16-frame window, reference work already done."""
    with torch.device("meta"):
        model = ProFashion(config)
        h, w = config.latent_size
        z, t = torch.empty(FRAMES, 4, h, w), torch.empty(FRAMES, dtype=torch.int64)
        widths, grids = model.denoiser.unet.attention_names(), model.grids()
        features = {n: torch.empty(1, references, grids[n][0] * grids[n][1], c) for n, c in widths.items()}
        m = torch.empty(1, FRAMES, references, *config.selection_grid)
        x = torch.empty(1, references, config.unet.cross_attention_dim)
        pose = torch.empty(FRAMES, config.unet.block_out_channels[0], h, w)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        z_R, x_R = model.prototypes(features, m), model.semantic(x, m)
        model.denoiser.video(z, t, x_R, z_R, pose, FRAMES)
        model.denoiser.video(z, t, torch.zeros_like(x_R), {}, pose, FRAMES)
    return counter.get_total_flops() / 1e12


@pytest.fixture(scope="module")
def three() -> float:
    return guided_step(sd15(), 3)


def test_a_guided_step_at_full_size_is_within_budget(three):
    assert 90 < three <= 104


def test_three_references_cost_hardly_more_than_one(three):
    assert three <= 1.02 * guided_step(sd15(), 1)


def test_concatenated_references_cost_much_more(three):
    assert guided_step(replace(sd15(), aggregator="concat"), 3) > 1.15 * three
