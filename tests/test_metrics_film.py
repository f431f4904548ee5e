"""Metrics of sets of films: which frames the networks see, how, and what is printed beside the number."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lookreel.errors import InputError
from lookreel.metrics import film, fvd, inception, weights, windows
from lookreel.metrics.clip import Clip
from lookreel.metrics.film import FilmMetric
from lookreel.metrics.frechet import frechet
from lookreel.metrics.inception_score import inception_score
from lookreel.metrics.pixels import squash_bicubic
from lookreel.metrics.result import Measured, Skipped


def clip(frames: int, references: tuple[int, ...] = (), name: str = "film") -> Clip:
    """Frames whose level is their number."""
    levels = np.arange(frames, dtype=np.uint8)[:, None, None, None]
    return Clip(name, np.broadcast_to(levels, (frames, 8, 6, 3)).copy(), 25.0, references=references)


def starts(runs: list[range]) -> list[int]:
    assert all(len(run) == windows.LENGTH for run in runs)
    return [run.start for run in runs]


def test_runs_follow_each_other_and_leave_the_references_out():
    assert starts(windows.non_overlapping(clip(70))) == [0, 16, 32, 48]
    assert starts(windows.non_overlapping(clip(70, (0,)))) == [1, 17, 33, 49]
    assert starts(windows.non_overlapping(clip(70, (3, 20, 21, 69)))) == [4, 22, 38, 54][:3]
    for runs in (windows.non_overlapping(clip(60, (5, 40))),):
        assert not {5, 40} & {frame for run in runs for frame in run}
    assert windows.non_overlapping(clip(15)) == []


def test_other_protocols_take_other_runs():
    assert starts(windows.every(clip(18))) == [0, 1, 2]
    assert starts(windows.opening(clip(40, (0,)))) == [0]
    drawn = starts(windows.random_runs(clip(40), 50))
    assert len(drawn) == 50 and min(drawn) >= 0 and max(drawn) <= 24 and len(set(drawn)) > 10
    assert drawn == starts(windows.random_runs(clip(40), 50)) != starts(windows.random_runs(clip(40, name="b"), 50))
    assert windows.random_runs(clip(12), 5) == windows.opening(clip(12)) == []


def test_features_see_the_frames_of_each_run():
    """A network that gives back the first and last level of what it is shown."""
    seen = lambda x: torch.stack([x[:, 0, 0, 0, 0], x[:, 0, -1, 0, 0]], dim=1)  # noqa: E731
    rows = fvd.features(clip(100), seen, "cpu", windows.non_overlapping, fvd.raw)
    assert rows.tolist() == [[16 * i, 16 * i + 15] for i in range(6)]
    signed = fvd.features(clip(16), seen, "cpu", windows.opening, fvd.bilinear)
    np.testing.assert_allclose(signed, [[-1, 15 / 127.5 - 1]], atol=1e-6)


def test_bicubic_is_pils_on_floats_and_stays_in_range():
    rng = np.random.default_rng(0)
    frames = (rng.integers(0, 2, (2, 40, 30, 3)) * 255).astype(np.uint8)
    found = squash_bicubic(frames, 16)
    assert found.shape == (2, 16, 16, 3) and found.min() >= 0 and found.max() <= 255
    assert (found != np.rint(found)).any()
    np.testing.assert_allclose(squash_bicubic(np.full_like(frames, 77), 16), 77, rtol=1e-5)
    assert fvd.bicubic(frames).shape == (3, 2, 224, 224) and fvd.bicubic(frames).abs().max() <= 1


class Script(torch.nn.Module):
    """With the signature of the published TorchScript networks."""

    def forward(
        self, x: torch.Tensor, rescale: bool = False, resize: bool = False, return_features: bool = False,
        no_output_bias: bool = False,
    ) -> torch.Tensor:  # fmt: skip
        assert x.dim() == 4 or (rescale and resize and return_features)
        flat = x.float().flatten(1)
        rows = torch.stack([flat[:, :3].sum(1), flat.square().mean(1).sqrt(), flat[:, -2]], dim=1)
        return torch.softmax(rows / 255, dim=1) if no_output_bias else rows


class Classes(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        assert x.dtype == torch.uint8 and x.shape[1:3] == (3, 16)
        return torch.softmax(x.float().mean((3, 4))[:, :, :2].flatten(1) / 50, dim=1)


def scripted(monkeypatch: pytest.MonkeyPatch, folder, key: str, network: torch.nn.Module) -> None:
    path = folder / weights.REGISTER[key].file
    torch.jit.script(network).save(path)
    monkeypatch.setitem(weights.REGISTER, key, replace(weights.REGISTER[key], blob=""))


@pytest.mark.parametrize(
    "name", [n for n, recipe in film.FILM.items() if recipe.weights in ("i3d_torchscript", "inception")]
)
def test_torchscript_metrics_from_file_to_number(tmp_path, monkeypatch, name):
    for key in ("i3d_torchscript", "inception"):
        scripted(monkeypatch, tmp_path, key, Script())
    metric = film.load(name, tmp_path)
    rng = np.random.default_rng(0)
    films = [Clip(f"f{i}", rng.integers(0, 256, (20 + i, 12, 10, 3), dtype=np.uint8), 25.0) for i in range(4)]
    other = [replace(f, frames=255 - f.frames // 2) for f in films]
    generated, truth = [metric.features(f) for f in films], [metric.of_truth(f) for f in films]
    found = film.measure(metric, generated, truth, resamples=20)
    assert isinstance(found, Measured) and np.isfinite(found.value) and found.interval[0] <= found.interval[1]
    assert found.weights == {weights.REGISTER[film.FILM[name].weights].file: list(metric.weights.values())[0]}
    assert "fewer than 2048" in found.warnings[0]
    apart = film.value(metric, [metric.features(f) for f in other], truth)
    if not metric.alone:
        assert apart > found.value
    if metric.truth_features is None and not metric.alone and not name.startswith("kvd"):
        assert found.value < 1e-6  # a set against itself


def test_isv_takes_bytes_and_its_own_runs(tmp_path, monkeypatch):
    scripted(monkeypatch, tmp_path, "c3d", Classes())
    metric = film.load("is_video_c3d", tmp_path)
    rng = np.random.default_rng(0)
    films = [Clip(f"f{i}", rng.integers(0, 256, (64, 6, 6, 3), dtype=np.uint8), 25.0) for i in range(3)]
    rows = [metric.features(f) for f in films]
    assert rows[0].shape == (4, 6)
    found = film.measure(metric, rows, rows, resamples=10)
    np.testing.assert_allclose(found.value, inception_score(np.concatenate(rows)))
    assert isinstance(film.measure(metric, rows[:1], rows[:1]), Skipped)  # 4 samples, 10 parts


def test_frames_reach_inception_without_the_references(tmp_path, monkeypatch):
    scripted(monkeypatch, tmp_path, "inception", Script())
    metric = film.load("fid", tmp_path)
    assert len(metric.features(clip(9, (0, 4)))) == 7
    x = torch.full((1, 3, 20, 10), 255.0)
    assert inception.antialiased(x).shape == inception.aliased(x).shape == (1, 3, 299, 299)
    # (x - 128) / 128 inside must become pytorch-fid's 2 x / 255 - 1
    torch.testing.assert_close((inception.aliased(x) - 128) / 128, torch.ones(1, 3, 299, 299))


def test_a_network_sees_no_aliasing_through_the_antialiased_resizer():
    stripes = torch.zeros(1, 3, 900, 900)
    stripes[..., ::2] = 255
    assert inception.antialiased(stripes).std() < 15 < inception.aliased(stripes).std()


def test_bdmm_is_the_mean_over_draws():
    rng = np.random.default_rng(0)
    ours, theirs = [rng.normal(size=(1, 5)) for _ in range(8)], [rng.normal(size=(3, 5)) for _ in range(8)]
    stacked = np.stack(theirs)
    expected = np.mean([frechet(np.concatenate(ours), stacked[:, draw], ddof=0) for draw in range(3)])
    np.testing.assert_allclose(fvd.mean_over_draws(ours, theirs, lambda a, b: frechet(a, b, ddof=0)), expected)


def metric(least: int = 5, **fields) -> FilmMetric:
    """The Frechet distance of features that are given."""
    score = lambda a, b: frechet(np.concatenate(a), np.concatenate(b))  # noqa: E731
    return FilmMetric("fd", "given", lambda clip: np.empty((0, 0)), score, {}, least=least, **fields)


def test_intervals_are_over_films_and_repeat():
    rng = np.random.default_rng(0)
    ours, theirs = [rng.normal(size=(4, 3)) for _ in range(12)], [rng.normal(0.3, 1, (4, 3)) for _ in range(12)]
    found = film.measure(metric(), ours, theirs, seed=1)
    assert (
        found == film.measure(metric(), ours, theirs, seed=1)
        and found.interval != film.measure(metric(), ours, theirs).interval
    )
    assert found.samples == 48 and not found.warnings and found.interval[0] < found.value < found.interval[1]
    assert film.measure(metric(), ours[:1], theirs[:1]).interval is None
    assert "48 samples, fewer than 2048" in film.measure(metric(2048), ours, theirs).warnings[0]


def test_films_without_a_run_are_left_out_on_both_sides():
    rng = np.random.default_rng(0)
    ours, theirs = [rng.normal(size=(4, 3)) for _ in range(3)], [rng.normal(size=(4, 3)) for _ in range(3)]
    none = np.empty((0, 0))
    found = film.measure(metric(), [*ours, none, ours[0]], [*theirs, theirs[0], none])
    assert found.value == film.measure(metric(), ours, theirs).value and found.samples == 12
    assert np.isnan(film.value(metric(), [none], [none]))
    skipped = film.measure(metric(), [none], [none])
    assert isinstance(skipped, Skipped) and "0 samples" in skipped.reason
    with pytest.raises(InputError):
        metric().score([ours[0][:1]], theirs)


def test_only_the_first_run_of_each_film_counts():
    rng = np.random.default_rng(0)
    ours, theirs = [rng.normal(size=(4, 3)) for _ in range(6)], [rng.normal(size=(4, 3)) for _ in range(6)]
    found = film.measure(metric(first=True), ours, theirs)
    assert found.samples == 6
    assert found.value == film.value(metric(), [rows[:1] for rows in ours], [rows[:1] for rows in theirs])


def test_resamples_with_too_few_samples_do_not_count():
    rng = np.random.default_rng(0)
    score = lambda a, b: inception_score(np.concatenate(a))  # noqa: E731
    alone = FilmMetric("is", "given", lambda clip: np.empty((0, 0)), score, {}, alone=True, fewest=10)
    films = [rng.dirichlet(np.ones(4), count) for count in (12, 1, 1)]
    found = film.measure(alone, films, films)
    assert np.isfinite(found.value) and np.isfinite(found.interval).all()


def test_metrics_of_one_network_share_it_and_their_features(tmp_path, monkeypatch):
    scripted(monkeypatch, tmp_path, "i3d_torchscript", Script())
    read = []
    monkeypatch.setattr(film.checkpoint, "read_script", lambda *arguments: read.append(arguments) or Script())
    names = ("fvd16_sgv", "fid", "fvd16_n100_sgv", "kvd16_sgv", "fvd16_disco_sgv")
    found = film.load_all(names, tmp_path)
    assert len(read) == 1 and [metric.name for metric in found] == list(names)
    assert isinstance(found[1], Skipped)
    assert found[0].shares == found[2].shares == found[3].shares != found[4].shares
