"""The networks of LPIPS, VGG loss, FVD, FID-VID and VFID with random weights: layout, identity, symmetry."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from lookreel.errors import InputError
from lookreel.metrics import fid_vid, film, lpips, paired, vfid, weights
from lookreel.metrics.clip import Clip
from lookreel.metrics.i3d import I3D, I3DConfig
from lookreel.metrics.resnet3d import ResNet3D
from lookreel.metrics.trunks import alexnet, vgg16, vgg19


def seeded(build, seed: int = 0):
    torch.manual_seed(seed)
    return build().eval().requires_grad_(False)


def stored(monkeypatch: pytest.MonkeyPatch, folder, key: str, tensors: dict) -> None:
    """The tensors as the published file of that name."""
    path = folder / weights.REGISTER[key].file
    torch.save(tensors, path)
    monkeypatch.setitem(weights.REGISTER, key, replace(weights.REGISTER[key], sha256="", blob=weights.blob_of(path)))


@pytest.fixture(scope="module")
def frames() -> tuple[np.ndarray, np.ndarray]:
    return tuple(np.random.default_rng(0).integers(0, 256, (2, 3, 40, 36, 3), dtype=np.uint8))


@pytest.mark.parametrize(
    ("build", "layers", "shapes"),
    [
        (vgg16, 13, {"features.0.weight": (64, 3, 3, 3), "features.28.weight": (512, 512, 3, 3)}),
        (vgg19, 16, {"features.2.bias": (64,), "features.34.weight": (512, 512, 3, 3)}),
        (alexnet, 5, {"features.0.weight": (64, 3, 11, 11), "features.10.weight": (256, 256, 3, 3)}),
    ],
)
def test_trunks_have_torchvisions_layout(build, layers, shapes):
    with torch.device("meta"):
        state = build().state_dict()
    assert len(state) == 2 * layers
    assert {name: tuple(state[name].shape) for name in shapes} == shapes


def test_taps_are_the_activations_after_the_named_layers():
    trunk = seeded(vgg16)
    x = torch.randn(1, 3, 48, 40)
    found = trunk(x)
    assert [tuple(t.shape[1:]) for t in found] == [
        (64, 48, 40), (128, 24, 20), (256, 12, 10), (512, 6, 5), (512, 3, 2),
    ]  # fmt: skip
    for tap, activation in zip(trunk.taps, found, strict=True):
        assert isinstance(trunk.features[tap], torch.nn.ReLU)
        assert_close(activation, trunk.features[: tap + 1](x), rtol=0, atol=0)


@pytest.mark.parametrize("name", ["lpips_alex", "lpips_vgg", "vgg19_l1"])
def test_paired_metrics_are_distances(tmp_path, monkeypatch, frames, name):
    key, build = {"lpips_alex": ("alexnet", alexnet), "lpips_vgg": ("vgg16", vgg16), "vgg19_l1": ("vgg19", vgg19)}[name]
    trunk = seeded(build)
    stored(monkeypatch, tmp_path, key, {**trunk.state_dict(), "classifier.0.weight": torch.ones(2, 2)})
    metric = paired.load(name, tmp_path)
    a, b = frames
    there = metric.values(a, b)
    assert there.shape == (3,) and there.dtype == np.float64 and (there > 0).all()
    np.testing.assert_array_equal(metric.values(a, a), 0)
    np.testing.assert_allclose(metric.values(b, a), there, rtol=1e-5)
    np.testing.assert_array_equal(paired.load(name, tmp_path).values(a, b), there)
    np.testing.assert_allclose(metric.values(a[1:2], b[1:2]), there[1:2], rtol=1e-5)  # frames do not touch each other
    assert weights.REGISTER[key].file in metric.weights and all(len(h) == 64 for h in metric.weights.values())
    with pytest.raises(InputError, match="expected the truth's"):
        metric.values(a, b[:2])


def test_disco_feeds_lpips_unscaled_pictures(tmp_path, monkeypatch, frames):
    trunk = seeded(vgg16)
    stored(monkeypatch, tmp_path, "vgg16", trunk.state_dict())
    model = lpips.load("vgg", tmp_path / weights.REGISTER["vgg16"].file, lpips.heads_file("vgg"))
    a, b = (torch.from_numpy(f.transpose(0, 3, 1, 2).copy()).float() / 255 for f in frames)
    for name, scale in (("lpips_vgg_disco", lambda x: x), ("lpips_vgg", lambda x: 2 * x - 1)):
        with torch.inference_mode():
            expected = model(scale(a), scale(b)).numpy()
        np.testing.assert_allclose(paired.load(name, tmp_path).values(*frames), expected, rtol=1e-4)


def test_lpips_is_its_formula(frames):
    model = seeded(lambda: lpips.LPIPS(alexnet(), lpips.WIDTHS["alex"]))
    a, b = (torch.from_numpy(f[:1].transpose(0, 3, 1, 2).copy()).float() / 127.5 - 1 for f in frames)
    shift, scale = (torch.tensor(v).view(1, 3, 1, 1) for v in ([-0.030, -0.088, -0.188], [0.458, 0.448, 0.450]))
    expected = 0.0
    for left, right, head in zip(*(model.trunk((x - shift) / scale) for x in (a, b)), model.heads, strict=True):
        left, right = (torch.nn.functional.normalize(x, dim=1, eps=1e-10) for x in (left, right))
        expected += torch.einsum("bchw,c->bhw", (left - right) ** 2, head.weight[0, :, 0, 0]).mean()
    assert_close(model(a, b)[0], expected, rtol=1e-5, atol=1e-6)


def test_i3d_has_the_published_layout():
    with torch.device("meta"):
        network = I3D()
        state = network.state_dict()
    assert sum(p.numel() for p in network.parameters()) == 12_697_264
    shapes = {
        "Conv3d_1a_7x7.conv3d.weight": (64, 3, 7, 7, 7),
        "Conv3d_2c_3x3.bn.running_mean": (192,),
        "Mixed_3b.b1b.conv3d.weight": (128, 96, 3, 3, 3),
        "Mixed_4f.b3b.bn.weight": (128,),
        "Mixed_5c.b2b.conv3d.weight": (128, 48, 3, 3, 3),
        "logits.conv3d.weight": (400, 1024, 1, 1, 1),
        "logits.conv3d.bias": (400,),
    }
    assert {name: tuple(state[name].shape) for name in shapes} == shapes
    assert len(state) == 57 * 6 + 2  # 57 convolutions with their batch norms, and the classifier


def test_i3d_needs_nine_frames_and_pads_as_tensorflow_does():
    network = seeded(I3D)
    with torch.inference_mode():
        x = torch.randn(1, 3, 9, 33, 65)
        assert network.maps(x).shape == (1, 1024, 2, 2, 3)
        assert_close(network.features(x), network.features(x), rtol=0, atol=0)
        assert network.maps(x[:, :, :8]).shape[2] == 1  # one step of time: the logits' pool of two does not fit
        with pytest.raises(RuntimeError):
            network(x[:, :, :8])


def test_same_padding_puts_the_odd_zero_last():
    """A 3-wide window at stride 2 on an even side covers 0-2, 2-4, ... in TensorFlow."""
    from lookreel.metrics.i3d import Pool

    x = torch.arange(6.0).view(1, 1, 1, 1, 6)
    assert Pool((1, 1, 3), (1, 1, 2))(x).flatten().tolist() == [2, 4, 5]
    assert Pool((1, 1, 3), (1, 1, 2))(x[..., :5]).flatten().tolist() == [1, 3, 4]


def test_resnet3d_has_the_published_layout():
    with torch.device("meta"):
        network = ResNet3D()
        state = network.state_dict()
    assert sum(p.numel() for p in network.parameters()) == 47_018_576
    shapes = {
        "conv1.weight": (64, 3, 7, 7, 7),
        "layer1.0.downsample.0.weight": (256, 64, 1, 1, 1),
        "layer2.0.downsample.1.running_var": (512,),
        "layer3.5.conv2.weight": (256, 256, 3, 3, 3),
        "layer4.2.bn3.bias": (2048,),
        "fc.weight": (400, 2048),
    }
    assert {name: tuple(state[name].shape) for name in shapes} == shapes
    assert "layer1.1.downsample.0.weight" not in state


def noise(name: str, frames: int, size: tuple[int, int] = (40, 32), references: tuple[int, ...] = ()) -> Clip:
    rng = np.random.default_rng([*name.encode()])
    return Clip(name, rng.integers(0, 256, (frames, *size, 3), dtype=np.uint8), 25.0, references=references)


def test_fid_vid_pads_short_films_and_averages_long_ones():
    network = seeded(ResNet3D)
    clip = noise("a", 18)
    last = replace(clip, frames=clip.frames[[16, 17] + [17] * 14])
    run, padded = fid_vid.each_start(clip.take(range(16)), network, "cpu"), fid_vid.each_start(last, network, "cpu")
    assert run.shape == padded.shape == (1, 2048)
    np.testing.assert_allclose(fid_vid.each_start(clip.take([16, 17]), network, "cpu"), padded, rtol=1e-5)
    np.testing.assert_allclose(fid_vid.mean_of_film(clip, network, "cpu"), (run + padded) / 2, rtol=1e-4, atol=1e-5)


def test_fid_vid_takes_every_start_less_the_mean():
    """Through a network that gives back the first frame's mean colours."""
    levels = np.arange(18, dtype=np.uint8)[:, None, None, None] * np.ones((1, 8, 6, 3), np.uint8)
    rows = fid_vid.each_start(Clip("a", levels, 25.0), lambda x: x[:, :, 0].mean((2, 3)), "cpu")
    np.testing.assert_allclose(rows, np.arange(3)[:, None] - np.array([fid_vid.MEAN]), rtol=1e-4)


def test_vfid_reads_one_row_a_film_with_either_statistics():
    network = seeded(lambda: I3D(I3DConfig(eps=1e-3)))
    clip, before = noise("a", 9, (48, 32)), network.Mixed_5c.b0.bn.running_mean.clone()
    rows = [vfid.as_published(clip, network, "cpu") for _ in range(2)]
    np.testing.assert_array_equal(*rows)  # what was seen before does not change it
    assert rows[0].shape == (1, 1024)
    assert_close(network.Mixed_5c.b0.bn.running_mean, before, rtol=0, atol=0)
    video = torch.from_numpy(clip.frames.transpose(3, 0, 1, 2).copy()).float()[None] / 255
    with torch.inference_mode():
        evaluated = network.eval().features(video).numpy()
    assert np.abs(evaluated - rows[0]).max() > 0.01


def test_fvd_of_our_i3d_reads_squashed_runs(tmp_path, monkeypatch):
    network = seeded(I3D)
    stored(monkeypatch, tmp_path, "i3d_400", network.state_dict())
    metric = film.load("fvd16_n100_400", tmp_path)
    clip = noise("a", 20, (60, 30), references=(0,))
    row = metric.features(clip)
    assert row.shape == (1, 400) and metric.first
    video = torch.from_numpy(clip.frames[1:17].transpose(0, 3, 1, 2).copy()).float()
    video = torch.nn.functional.interpolate(video, size=(224, 224), mode="bilinear", align_corners=False)
    with torch.inference_mode():
        expected = network((video / 127.5 - 1).transpose(0, 1)[None])
    np.testing.assert_allclose(row[0], expected[0].double().numpy(), rtol=1e-4, atol=1e-5)
    assert metric.features(noise("b", 15)).shape == (0, 0)
