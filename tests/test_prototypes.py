"""PPA: what must hold of the weights m and of the prototypes, whatever the weights of the network (Eq. 5-9)."""

import pytest
import torch
from torch.nn import functional as F
from torch.testing import assert_close

from lookreel.nets.prototypes import global_prototype, prototype
from lookreel.profashion import prototypes
from lookreel.profashion.config import SelectorConfig
from lookreel.profashion.prototypes import PoseSelector, position_encoding
from toys import awake, batch, image_encoder, model

WIDTH = 8


def selector(**changes) -> PoseSelector:
    return awake(PoseSelector(SelectorConfig(**{"width": WIDTH, "groups": 2} | changes)))


def features(references: int = 3, frames: int = 4, grid: tuple[int, int] = (5, 3)) -> tuple[torch.Tensor, torch.Tensor]:
    """Pose features of two garments' frames and references."""
    g = torch.Generator().manual_seed(0)
    return torch.randn(2, frames, WIDTH, *grid, generator=g), torch.randn(2, references, WIDTH, *grid, generator=g)


@torch.no_grad()
def test_weights_over_references_sum_to_one_at_every_location():
    m = selector()(*features())
    assert m.shape == (2, 4, 3, 5, 3)
    assert_close(m.sum(2), torch.ones(2, 4, 5, 3))
    assert m.min() > 0 and m.std(2).mean() > 0.01


@torch.no_grad()
def test_equation_7_written_out():
    """One frame and one reference location by hand: softmax over references for each query, mean over queries."""
    net, (pose, references) = selector(), features()
    m = net(pose, references)
    q, k = net.queries(pose), net.keys(references)
    logits = q[1, 2] @ k[1, :, 7].T * 4 / WIDTH**0.5  # (queries, references)
    assert_close(m[1, 2, :, 7 // 3, 7 % 3], logits.softmax(1).mean(0))


@torch.no_grad()
def test_permuted_references_permute_the_weights_and_leave_the_prototypes():
    net, (pose, references), order = selector(), features(), [2, 0, 1]
    z, x = torch.randn(2, 3, 35, 6), torch.randn(2, 3, 5)
    m, permuted = net(pose, references), net(pose, references[:, order])
    assert_close(permuted, m[:, :, order])
    assert_close(prototype(z[:, order], permuted, (7, 5)), prototype(z, m, (7, 5)))
    assert_close(global_prototype(x[:, order], permuted), global_prototype(x, m))


@torch.no_grad()
def test_one_reference_gives_its_own_features():
    m = selector()(*features(references=1))
    z, x = torch.randn(2, 1, 12, 6), torch.randn(2, 1, 5)
    assert (m == 1).all()
    assert_close(prototype(z, m, (4, 3)), z.expand(-1, 4, -1, -1))
    assert_close(global_prototype(x, m), x[:, None].expand(-1, 4, -1, -1))


@torch.no_grad()
def test_chunks_of_queries_give_the_same(monkeypatch):
    net, given = selector(), features()
    whole = net(*given)
    monkeypatch.setattr(prototypes, "QUERIES_AT_ONCE", 4)
    assert_close(net(*given), whole)


@torch.no_grad()
def test_frames_are_independent_of_each_other():
    net, (pose, references) = selector(), features()
    assert_close(net(pose[:, 1:2], references), net(pose, references)[:, 1:2])


@torch.no_grad()
@pytest.mark.parametrize("grid", [(5, 3), (10, 6), (3, 2), (1, 1)])
def test_equation_8_on_every_grid(grid):
    m = selector()(*features())
    z = torch.randn(2, 3, grid[0] * grid[1], 6)
    m_j = F.interpolate(m[1], size=grid, mode="bilinear", align_corners=False).flatten(2)  # (F, R, L)
    found = prototype(z, m, grid)
    assert found.shape == (2, 4, grid[0] * grid[1], 6)
    assert_close(found[1, 3], sum(z[1, r] * m_j[3, r, :, None] for r in range(3)))


@torch.no_grad()
def test_equation_9_weighs_by_the_spatial_mean():
    m, x = selector()(*features()), torch.randn(2, 3, 5)
    assert_close(global_prototype(x, m)[1, 2, 0], m[1, 2].mean((1, 2)) @ x[1])


@torch.no_grad()
def test_keys_and_values_are_linear_in_the_mix():
    """K(sum m z) = sum m K(z) for the real keys of a denoiser, which lets reference keys be computed once."""
    net, made = awake(model()), batch()
    m = net.weights(made.poses, made.reference_poses)
    found = net.reference_encoder(made.reference_latents, made.reference_embeddings)
    for name, z in found.items():
        block = net.denoiser.unet.get_submodule(name).transformer_blocks[0].attn1
        for project in (block.to_k, block.to_v):
            grid = net.grids()[name]
            mixed_first, mixed_last = project(prototype(z, m, grid)), prototype(project(z), m, grid)
            assert_close(mixed_first, mixed_last, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_prototypes_have_the_shape_of_one_reference_at_every_block():
    net = model()
    for references in (1, 3):
        made = batch(references=references)
        m = net.weights(made.poses, made.reference_poses)
        found = net.reference_encoder(made.reference_latents, made.reference_embeddings)
        mixed = net.prototypes(found, m)
        assert list(mixed) == list(net.denoiser.unet.attention_names())
        for name, width in net.denoiser.unet.attention_names().items():
            h, w = net.grids()[name]
            assert mixed[name].shape == (2 * 3, h * w, width)
        assert net.semantic(made.reference_embeddings, m).shape == (2 * 3, 1, image_encoder().width)


@torch.no_grad()
def test_weights_depend_on_the_pose_before_any_training():
    """A selector that starts blind hardly learns: with the same references, m must move with the frame's pose."""
    net, made = model(), batch(targets=8)
    m = net.weights(made.poses, made.reference_poses)
    assert m.std(1).mean() > 1e-2
    assert_close(m.sum(2), torch.ones_like(m.sum(2)))


@torch.no_grad()
def test_a_frame_posed_like_a_reference_favours_it_from_the_start():
    net, made = model(), batch()
    m = net.weights(made.reference_poses, made.reference_poses).mean((3, 4))
    assert (m.argmax(2) == torch.arange(3)).all()


def test_positions_differ_everywhere_and_are_fixed():
    p = position_encoding(8, 6, 4).flatten(1)  # (8, 24)
    apart = (p[:, :, None] - p[:, None]).norm(dim=0) + torch.eye(24)
    assert apart.min() > 0.1
    row = position_encoding(8, 6, 4)[:4]  # sines and cosines of y do not change along x
    assert_close(row, row[:, :, :1].expand(-1, -1, 4))
