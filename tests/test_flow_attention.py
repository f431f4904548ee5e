"""FTA: what it does at the start, which way its offsets point, and what its loss counts (Eq. 11-13)."""

import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from lookreel.nets.position import waves
from lookreel.poses.flow import farneback_flow, keypoint_flow
from lookreel.profashion.flow_attention import FlowAttention, _on_grid, offset_loss, previous, warp
from toys import awake

WIDTH, FRAMES = 16, 3


def attention() -> FlowAttention:
    torch.manual_seed(0)
    return FlowAttention(WIDTH, 2)


def clips(count: int = 2, grid: tuple[int, int] = (6, 5)) -> torch.Tensor:
    return torch.randn(count * FRAMES, WIDTH, *grid, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_at_the_start_nothing_changes():
    x = clips()
    z, offsets = attention()(x, FRAMES)
    assert torch.equal(z, x) and offsets.shape == (6, 2, 6, 5) and not offsets.any()


@torch.no_grad()
def test_at_the_start_the_previous_frame_is_read_where_it_stands():
    """With the output projection awake and the offsets zero: plain attention to the tokens of the frame before."""
    net, x = attention(), clips(1)
    torch.nn.init.normal_(net.attention.to_out[0].weight)
    z, _ = net(x, FRAMES)
    tokens = net.norm(x.flatten(2).transpose(1, 2))
    for frame, before in ((0, 0), (1, 0), (2, 1)):
        seen = net.attention(tokens[frame : frame + 1], tokens[before : before + 1])
        assert_close(z[frame], x[frame] + seen[0].T.unflatten(1, (6, 5)))


@torch.no_grad()
def test_told_its_places_a_layer_begins_with_the_warped_cell_at_its_own_place():
    """Without places a warp only reorders the tokens, to which an attention is blind."""
    u = torch.randn(1, 32, 8, 6, generator=torch.Generator().manual_seed(2))
    moved = warp(u, torch.ones(1, 2, 8, 6)).flatten(2).transpose(1, 2)
    found = {}
    for octaves in (0, 4):
        attention = FlowAttention(32, 2, octaves).attention
        for projection in (attention.to_q, attention.to_k):
            torch.nn.init.zeros_(projection.weight)
        for projection in (attention.to_v, attention.to_out[0]):
            torch.nn.init.eye_(projection.weight)
        places = waves(8, 6, octaves, u) if octaves else None
        read = attention.attend(torch.zeros(1, 48, 32), moved, places)
        first_head = torch.stack([read[..., :16].flatten(), moved[..., :16].flatten()])
        found[octaves] = torch.corrcoef(first_head)[0, 1]
    assert found[4] > 0.6 and abs(found[0]) < 0.3


@torch.no_grad()
def test_an_awake_layer_reads_the_frame_before_and_no_other():
    net, x = awake(attention()), clips(1)
    z, offsets = net(x, FRAMES)
    assert offsets.abs().max() > 0.1
    x[0] += 1 + torch.rand_like(x[0])
    changed, _ = net(x, FRAMES)
    moved = (changed - z).flatten(1).abs().amax(1)
    assert moved[1] > 1e-3 and moved[2] == 0


@torch.no_grad()
def test_clips_do_not_look_into_each_other():
    net, x = awake(attention()), clips(2)
    both, offsets = net(x, FRAMES)
    alone, own = net(x[FRAMES:], FRAMES)
    assert_close(both[FRAMES:], alone)
    assert_close(offsets[FRAMES:], own)


def test_the_first_frame_is_its_own_predecessor():
    x = torch.arange(6)[:, None]
    assert previous(x, 3)[:, 0].tolist() == [0, 0, 1, 3, 3, 4]
    assert previous(x, 1)[:, 0].tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("grid", [(6, 5), (16, 9), (1, 7), (1, 1)])
def test_zero_offsets_sample_the_map_itself(grid):
    x = torch.randn(2, 3, *grid)
    assert_close(warp(x, torch.zeros(2, 2, *grid)), x, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("dx", "dy"), [(1, 0), (0, 1), (-2, 0), (1, -1), (0, 0.5), (-0.25, 1.5)])
def test_offsets_are_cells_to_where_the_content_was(dx, dy):
    """A linear map f(x, y) = 3x + 10y, read at p + o, is f(p) + 3 dx + 10 dy wherever p + o is inside."""
    rows, columns = torch.meshgrid(torch.arange(8.0), torch.arange(7.0), indexing="ij")
    f = (3 * columns + 10 * rows)[None, None]
    offset = torch.tensor([dx, dy])[None, :, None, None].expand(1, 2, 8, 7)
    found = warp(f, offset)[..., 2:-2, 2:-2]
    assert_close(found, (f + 3 * dx + 10 * dy)[..., 2:-2, 2:-2])


def test_beyond_the_border_the_nearest_cell_counts():
    x = torch.arange(5.0)[None, None, None]
    offset = torch.zeros(1, 2, 1, 5)
    offset[:, 0] = 3
    assert_close(warp(x, offset)[0, 0, 0], torch.tensor([3.0, 4, 4, 4, 4]))


def test_a_shifted_map_is_explained_by_one_cell():
    """Content moves one cell right and down: what stands at p was at p - (1, 1) in the frame before."""
    before = torch.randn(1, 4, 8, 7)
    now = before.roll((1, 1), (2, 3))
    assert_close(warp(before, torch.full((1, 2, 8, 7), -1.0))[..., 2:-2, 2:-2], now[..., 2:-2, 2:-2])


def walking(shift: tuple[float, float], size: tuple[int, int]) -> np.ndarray:
    """Keypoints (2, 18, 3): a body in the middle of the picture, moved by `shift` pixels (x, y) in frame 1."""
    angle = np.linspace(0, 2 * math.pi, 18, endpoint=False)
    circle = np.stack([np.sin(angle), np.cos(angle)], axis=1) * min(size) * 0.3 + np.array(size[::-1]) / 2
    points = np.stack([circle, circle + shift])
    return np.concatenate([points, np.ones((2, 18, 1))], axis=2).astype(np.float32)


@pytest.mark.parametrize("source", ["keypoints", "farneback"])
def test_keypoint_flow_points_as_the_offsets_do(source):
    """The drawn poses themselves as feature maps: sampling frame 0 at p + delta gives frame 1."""
    from lookreel.poses.draw import draw

    size, grid = (128, 96), (32, 24)
    points = walking((4, 8), size)  # one cell right, two cells down
    pictures = draw(points, size)
    flow = keypoint_flow(points, size, grid) if source == "keypoints" else farneback_flow(pictures, grid)
    delta, mask = (torch.from_numpy(part) for part in flow)
    assert mask[1].sum() > 20 and not mask[0].any()
    if source == "keypoints":
        cells = torch.tensor([-1.0, -2.0])[:, None].expand(-1, int(mask[1].sum()))
        assert_close(delta[1][:, mask[1]], cells, rtol=0, atol=1e-4)
    shown = torch.nn.functional.avg_pool2d(torch.from_numpy(pictures).float(), 4)
    right, still, wrong = (
        ((warp(shown[:1], sign * delta[1:]) - shown[1:]) * mask[1]).square().sum() for sign in (1, 0, -1)
    )
    assert right < 0.5 * still and right < 0.5 * wrong


def loss_of(offset: torch.Tensor, delta: torch.Tensor, mask: torch.Tensor) -> float:
    return offset_loss([offset], delta, mask).item()


def test_loss_is_the_mean_square_over_the_cells_that_supervise():
    delta, mask = torch.randn(2, 2, 4, 3), torch.rand(2, 4, 3) < 0.5
    offset = torch.randn(2, 2, 4, 3)
    error = (offset - delta).square()
    by_hand = torch.stack([error[i][:, mask[i]].mean() for i in range(2)]).mean()
    assert loss_of(offset, delta, mask) == pytest.approx(by_hand.item(), rel=1e-5)
    assert loss_of(delta, delta, mask) == 0


def test_cells_without_flow_do_not_count():
    delta, mask = torch.randn(1, 2, 4, 3), torch.zeros(1, 4, 3, dtype=torch.bool)
    mask[0, 1, 1] = True
    offset = delta + 1000 * ~mask[:, None]
    assert loss_of(offset, delta, mask) == 0
    assert loss_of(offset, torch.zeros_like(delta), torch.zeros_like(mask)) == 0  # repeated stills: no flow, no loss


def test_loss_reaches_only_supervised_cells():
    offset = torch.zeros(1, 2, 4, 3, requires_grad=True)
    mask = torch.rand(1, 4, 3, generator=torch.Generator().manual_seed(0)) < 0.5
    offset_loss([offset], torch.ones(1, 2, 4, 3), mask).backward()
    assert torch.equal(offset.grad.abs().sum(1) > 0, mask)


def test_sites_count_alike_and_none_gives_zero():
    delta, mask = torch.ones(1, 2, 4, 2), torch.ones(1, 4, 2, dtype=torch.bool)
    zero = torch.zeros(1, 2, 4, 2)
    assert offset_loss([zero, delta], delta, mask).item() == pytest.approx(0.5)
    assert offset_loss([], delta, mask).item() == 0


def test_coarser_grids_count_in_their_own_cells():
    """One cell of (8, 4) is half a cell of (4, 2): the same motion has half the number there."""
    delta, mask = torch.zeros(1, 2, 8, 4), torch.zeros(1, 8, 4, dtype=torch.bool)
    delta[0, :, 2, 1], mask[0, 2, 1] = torch.tensor([3.0, -1.0]), True
    delta[0, :, 3, 1] = 99  # not supervised, so it must not enter the mean
    target, weight = _on_grid(delta, mask, (4, 2))
    assert weight.sum() == 1 and weight[0, 1, 0] == 1
    assert_close(target[0, :, 1, 0], torch.tensor([1.5, -0.5]))
    same, everywhere = _on_grid(delta, mask, (8, 4))
    assert_close(same, delta * mask[:, None])
    assert torch.equal(everywhere, mask.float())


def test_each_axis_is_rescaled_by_its_own_ratio():
    delta, mask = torch.ones(1, 2, 6, 8), torch.ones(1, 6, 8, dtype=torch.bool)
    target, _ = _on_grid(delta, mask, (2, 4))
    assert_close(target[0, :, 0, 0], torch.tensor([0.5, 1 / 3]))


def test_loss_does_not_depend_on_how_a_batch_is_split():
    offsets = [torch.randn(6, 2, 4, 3), torch.randn(6, 2, 2, 2)]
    delta, mask = torch.randn(6, 2, 4, 3), torch.rand(6, 4, 3) < 0.3
    mask[0] = False  # a first frame: nothing supervises
    whole = offset_loss(offsets, delta, mask)
    halves = [offset_loss([o[part] for o in offsets], delta[part], mask[part]) for part in (slice(3), slice(3, 6))]
    assert_close(torch.stack(halves).mean(), whole)
