"""The flow of the body's surface from dense maps, against the mannequin world's exact optical flow."""

import numpy as np
import pytest
import torch
from torch.nn.functional import avg_pool2d
from torch.testing import assert_close

from lookreel.data import mannequin
from lookreel.poses.densepose import of_body
from lookreel.poses.flow import keypoint_flow
from lookreel.poses.surface_flow import surface_flow

SIZE, GRID = (128, 96), (32, 24)


def turning(seed: int = 0, frames: int = 16) -> mannequin.Clip:
    return mannequin.clip(mannequin.TEST.start + seed, "turn", frames, SIZE)


def errors(clip: mannequin.Clip, delta: np.ndarray, mask: np.ndarray) -> tuple[float, float]:
    """Mean length, in cells, of truth less delta and of the truth, where the garment fills a supervised cell."""
    truth = avg_pool2d(clip.flow, 4) / 4
    counts = torch.from_numpy(mask) & (avg_pool2d(clip.masks["garment"].float()[:, None], 4)[:, 0] > 0.8)
    return (truth - torch.from_numpy(delta)).norm(dim=1)[counts].mean().item(), truth.norm(dim=1)[counts].mean().item()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_is_the_way_a_turning_garment_moves(seed):
    clip = turning(seed)
    ours, still = errors(clip, *surface_flow(clip.track.dense, GRID))
    joints, there = errors(clip, *keypoint_flow(clip.track.keypoints, SIZE, GRID))
    assert ours < 0.35 * still and ours < 0.35 * joints
    assert joints > 0.8 * there  # the joints' flow is little better than none


def test_a_body_fitted_to_the_joints_turns_too():
    clip = turning()
    ours, still = errors(clip, *surface_flow(of_body(clip.track).dense, GRID))
    assert ours < 0.6 * still


def test_a_surface_that_stands_still_is_told_so_and_one_that_was_hidden_is_not_told():
    dense = turning(frames=2).track.dense  # the front, then the back
    delta, mask = surface_flow(dense[[0, 0, 1]], GRID)
    body = avg_pool2d(torch.from_numpy(dense[:1, :1] > 0).float(), 4)[0, 0].numpy() > 0.5
    assert not delta[:2].any() and not mask[0].any() and np.array_equal(mask[1], body)
    assert mask[2].sum() < 0.35 * mask[1].sum()


def test_a_translation_is_found_in_cells_of_any_grid():
    dense = turning(frames=1).track.dense[0]
    moved = np.roll(dense, (4, -8), axis=(1, 2))
    for grid, expected in ((GRID, (2.0, -1.0)), ((16, 12), (1.0, -0.5)), ((128, 96), (8.0, -4.0))):
        delta, mask = surface_flow(np.stack([dense, moved]), grid)
        assert delta.shape == (2, 2, *grid) and delta.dtype == np.float32 and mask.dtype == bool
        found = torch.from_numpy(delta[1]).permute(1, 2, 0)[torch.from_numpy(mask[1])].median(0).values
        assert_close(found, torch.tensor(expected), atol=0.1, rtol=0)


def test_no_body_no_flow():
    track = turning(frames=3).track
    delta, mask = surface_flow(np.zeros_like(track.dense), GRID)
    assert not delta.any() and not mask.any()
