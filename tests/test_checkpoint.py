"""What a run keeps: the averaged weights, checkpoints that appear whole, and the log."""

import json

import pytest
import torch
from PIL import Image
from torch import nn
from torch.testing import assert_close

from lookreel.errors import InputError
from lookreel.training import checkpoint
from lookreel.training.average import Average
from lookreel.training.log import Log


class Stop(BaseException):
    """As if somebody pressed Ctrl-C."""


def test_average_follows_its_formula():
    net = nn.Linear(2, 1, bias=False)
    net.weight.data.fill_(1.0)
    average, expected = Average(net, decay=0.5), 1.0
    for step, value in enumerate((2.0, 4.0, 8.0), start=1):
        net.weight.data.fill_(value)
        average.update(step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
    assert_close(average.shadow["weight"], torch.full((1, 2), expected))
    with average.applied():
        assert_close(net.weight.data, torch.full((1, 2), expected))
    assert_close(net.weight.data, torch.full((1, 2), 8.0))


def test_average_puts_the_weights_back_after_a_fault():
    net = nn.Linear(2, 1)
    average = Average(net, 0.9)
    net.weight.data.add_(1)
    kept = net.weight.detach().clone()
    with pytest.raises(Stop), average.applied():
        raise Stop
    assert torch.equal(net.weight, kept)


def test_average_of_decay_0_is_the_last_weights_and_frozen_ones_stay_out():
    net = nn.Linear(2, 1)
    net.bias.requires_grad_(False)
    average = Average(net, 0)
    net.weight.data.add_(1)
    average.update(1)
    assert list(average.shadow) == ["weight"] and torch.equal(average.shadow["weight"], net.weight)


def trained(seed: int = 0) -> tuple[nn.Module, Average, torch.optim.Optimizer]:
    """A small network after one AdamW step."""
    torch.manual_seed(seed)
    net = nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(net.parameters(), 1e-2)
    net(torch.ones(1, 3)).square().sum().backward()
    optimizer.step()
    return net, Average(net, 0.9), optimizer


def test_a_checkpoint_comes_back(tmp_path):
    net, average, optimizer = trained()
    for step in (5, 10):
        checkpoint.save(tmp_path, step, net, average, optimizer)
    assert checkpoint.latest(tmp_path) == tmp_path / "checkpoint-0000010"
    assert len(list(tmp_path.iterdir())) == 1
    other, its_average, its_optimizer = trained(seed=1)
    assert checkpoint.restore(tmp_path / "checkpoint-0000010", other, its_average, its_optimizer) == 10
    assert torch.equal(other.weight, net.weight) and torch.equal(its_average.shadow["bias"], average.shadow["bias"])
    for index, slots in optimizer.state_dict()["state"].items():
        for name, value in slots.items():
            assert torch.equal(its_optimizer.state_dict()["state"][index][name], value)


def test_an_interrupted_checkpoint_leaves_the_one_before(tmp_path, monkeypatch):
    parts = trained()
    checkpoint.save(tmp_path, 5, *parts)

    def stopping(*arguments):
        raise Stop

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "write_json", stopping)
        with pytest.raises(Stop):
            checkpoint.save(tmp_path, 10, *parts)
    assert checkpoint.latest(tmp_path) == tmp_path / "checkpoint-0000005"
    checkpoint.save(tmp_path, 10, *parts)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-0000010"]


def test_a_checkpoint_of_another_network_is_refused(tmp_path):
    checkpoint.save(tmp_path, 5, *trained())
    net = nn.Linear(3, 4)
    with pytest.raises(InputError, match="another network"):
        checkpoint.restore(tmp_path / "checkpoint-0000005", net, Average(net, 0.9), torch.optim.AdamW(net.parameters()))
    assert checkpoint.latest(tmp_path / "nowhere") is None


def test_a_resumed_log_forgets_what_came_after_the_checkpoint(tmp_path):
    with Log(tmp_path, 0, True) as lines:
        for step in (1, 2, 3):
            lines.figures(step, {"loss": step / 3})
        lines.picture(3, torch.zeros(3, 8, 6, dtype=torch.uint8))
    with Log(tmp_path, 2, True) as lines:
        lines.figures(3, {"loss": 9.0})
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"step": 1, "loss": 0.333333},
        {"step": 2, "loss": 0.666667},
        {"step": 3, "loss": 9.0},
    ]
    assert Image.open(tmp_path / "samples" / "0000003.png").size == (6, 8)
