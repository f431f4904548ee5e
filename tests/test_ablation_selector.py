"""The selector's other way to compare poses: by cosine, so that the lengths of queries and keys do not count."""

from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from lookreel.profashion import config as configs
from lookreel.profashion.config import ProFashionConfig, SelectorConfig
from lookreel.profashion.prototypes import PoseSelector
from toys import seeded


def selector(similarity: str) -> PoseSelector:
    with seeded(0):
        return PoseSelector(SelectorConfig(width=8, groups=2, similarity=similarity))


def weights(net: PoseSelector) -> torch.Tensor:
    g = torch.Generator().manual_seed(1)
    with torch.no_grad():
        return net(torch.randn(1, 4, 8, 5, 3, generator=g), torch.randn(1, 3, 8, 5, 3, generator=g))


def longer(net: PoseSelector, factor: float) -> PoseSelector:
    net.to_q.weight.data *= factor
    net.to_k.weight.data *= factor
    return net


def test_lengths_count_for_the_dot_product_only():
    assert_close(weights(longer(selector("cosine"), 3)), weights(selector("cosine")))
    assert (weights(longer(selector("dot"), 3)) - weights(selector("dot"))).abs().max() > 0.01


def test_the_cosine_written_out():
    net, g = selector("cosine"), torch.Generator().manual_seed(2)
    q, k = (read(torch.randn(1, 1, 8, 2, 2, generator=g))[0, 0, 0] for read in (net.queries, net.keys))
    assert_close(q.square().mean(), torch.tensor(1.0))
    assert_close((q @ k) / 8, torch.nn.functional.cosine_similarity(q, k, dim=0), atol=1e-5, rtol=0)


def test_both_begin_about_as_sure():
    spread = {name: weights(selector(name)).std(2).mean() for name in ("dot", "cosine")}
    assert 0.5 < spread["cosine"] / spread["dot"] < 2


def test_similarity_is_saved_and_checked():
    config = replace(configs.toy(), selector=SelectorConfig(similarity="cosine"))
    raw = config.to_json()
    assert ProFashionConfig.from_json(raw) == config
    raw["selector"]["similarity"] = "nearest"
    with pytest.raises(ValueError, match="similarity is 'nearest'; expected one of dot, cosine"):
        ProFashionConfig.from_json(raw)
    del raw["selector"]["similarity"]  # as models were saved before there was a choice
    assert ProFashionConfig.from_json(raw).selector.similarity == "dot"
