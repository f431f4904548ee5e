"""The ways to make prototypes, behind one interface, and what tells them apart."""

from inspect import signature

import pytest
import torch
from torch.testing import assert_close

from lookreel.profashion.aggregators import AGGREGATORS
from lookreel.profashion.config import SelectorConfig
from toys import awake, batch, model

GRID, CELLS, FRAMES = (6, 4), 24, 2


def given(references: int = 3) -> tuple[torch.Tensor, ...]:
    """pose, reference poses, tokens z on GRID and embeddings x of two garments."""
    g = torch.Generator().manual_seed(0)
    pose, poses = torch.randn(2, FRAMES, 8, 3, 2, generator=g), torch.randn(2, references, 8, 3, 2, generator=g)
    return pose, poses, torch.randn(2, references, CELLS, 5, generator=g), torch.randn(2, references, 7, generator=g)


def aggregator(name: str) -> torch.nn.Module:
    return awake(AGGREGATORS[name](SelectorConfig(width=8, groups=2)))


def test_the_names_are_the_designs():
    assert list(AGGREGATORS) == ["ppa", "mean", "concat", "first", "full"]


@pytest.mark.parametrize("name", AGGREGATORS)
def test_one_interface(name):
    for method in ("weights", "prototype", "semantic"):
        ppa = signature(getattr(AGGREGATORS["ppa"], method)).parameters
        assert list(signature(getattr(AGGREGATORS[name], method)).parameters) == list(ppa)


@torch.no_grad()
@pytest.mark.parametrize("name", AGGREGATORS)
def test_shapes_of_tokens(name):
    pose, poses, z, x = given()
    net = aggregator(name)
    m = net.weights(pose, poses)
    many = 3 if name == "concat" else 1
    assert m.shape[:2] == (2, FRAMES)
    assert net.prototype(z, m, GRID).shape == (2, FRAMES, many * CELLS, 5)
    assert net.semantic(x, m).shape == (2, FRAMES, many, 7)


@torch.no_grad()
@pytest.mark.parametrize("name", ["ppa", "mean", "first", "concat"])
def test_one_reference_gives_its_own_features(name):
    pose, poses, z, x = given(references=1)
    net = aggregator(name)
    m = net.weights(pose, poses)
    assert_close(net.prototype(z, m, GRID), z.expand(-1, FRAMES, -1, -1))
    assert_close(net.semantic(x, m), x[:, None].expand(-1, FRAMES, -1, -1))


@torch.no_grad()
@pytest.mark.parametrize("name", ["ppa", "mean", "first", "full"])
def test_weights_sum_to_one(name):
    pose, poses, _, _ = given()
    m = aggregator(name).weights(pose, poses)
    over = (3, 4, 5) if name == "full" else 2  # full: over all keys of all references, for each query
    assert_close(m.sum(over), torch.ones_like(m.sum(over)))
    assert m.min() >= 0


@torch.no_grad()
def test_mean_is_the_mean():
    pose, poses, z, x = given()
    net = aggregator("mean")
    m = net.weights(pose, poses)
    assert_close(net.prototype(z, m, GRID)[:, 0], z.mean(1))
    assert_close(net.semantic(x, m)[:, 1, 0], x.mean(1))


@torch.no_grad()
def test_first_ignores_the_others():
    pose, poses, z, x = given()
    net = aggregator("first")
    m = net.weights(pose, poses)
    assert_close(net.prototype(z, m, GRID)[:, 0], z[:, 0])
    z[:, 1:], x[:, 1:] = 100, 100
    assert_close(net.prototype(z, m, GRID)[:, 0], z[:, 0])
    assert_close(net.semantic(x, m)[:, 0, 0], x[:, 0])


@torch.no_grad()
def test_concat_lists_the_tokens_of_every_reference():
    pose, poses, z, x = given()
    net = aggregator("concat")
    m = net.weights(pose, poses)
    tokens = net.prototype(z, m, GRID)
    for r in range(3):
        assert_close(tokens[:, 1, r * CELLS : (r + 1) * CELLS], z[:, r])
    assert_close(net.semantic(x, m)[:, 1], x)


@torch.no_grad()
def test_full_attention_on_its_own_grid_written_out():
    """On the selection grid nothing is resized: a query's cell is the mix of all reference cells by its map."""
    pose, poses, _, x = given()
    z = torch.randn(2, 3, 6, 5, generator=torch.Generator().manual_seed(1))
    net = aggregator("full")
    m = net.weights(pose, poses)  # (2, F, Q, R, 3, 2)
    q, k = net.selector.queries(pose), net.selector.keys(poses)
    by_hand = (torch.einsum("bfqd,bkd->bfqk", q, k.flatten(1, 2)) * 4 / 8**0.5).softmax(3)
    assert_close(m.flatten(3), by_hand)
    assert_close(net.prototype(z, m, (3, 2)), torch.einsum("bfqk,bkc->bfqc", by_hand, z.flatten(1, 2)))
    assert_close(net.semantic(x, m)[:, :, 0], torch.einsum("bfqrk,brd->bfd", by_hand.unflatten(3, (3, 6)) / 6, x))


@torch.no_grad()
@pytest.mark.parametrize("name", AGGREGATORS)
def test_every_aggregator_drives_the_denoiser(name):
    net, made = awake(model(aggregator=name)), batch(samples=1, targets=2)
    m = net.weights(made.poses, made.reference_poses)
    z_R = net.prototypes(net.reference_encoder(made.reference_latents, made.reference_embeddings), m)
    x_R, pose = net.semantic(made.reference_embeddings, m), net.pose_guider(made.poses[0])
    v = net.denoiser.image(made.latents[0], made.t[0], x_R, z_R, pose)
    blank = net.denoiser.image(made.latents[0], made.t[0], x_R, {}, pose)
    assert v.shape == made.latents[0].shape and v.isfinite().all()
    assert (v - blank).abs().max() > 1e-4
