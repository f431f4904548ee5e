"""`lookreel evaluate`: its numbers against an independent computation, its floors, its report, and resuming."""

import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.metrics import structural_similarity

import browser
from lookreel.cli import main
from lookreel.metrics import film as film_metrics
from lookreel.metrics import frames as footage
from lookreel.metrics import paired, picture
from lookreel.metrics.cards import card
from lookreel.metrics.geometry import Fit
from lookreel.metrics.protocol import PROTOCOLS, FrameRule, protocol
from lookreel.poses.track import Track
from lookreel.video import read_video, write_video

FRAMES, SIZE = 5, (48, 36)


def film(seed: int, frames: int = FRAMES, size: tuple[int, int] = SIZE) -> np.ndarray:
    """A coarse pattern that moves, uint8 (F, H, W, 3)."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (8, 6, 3), dtype=np.uint8))
    picture = np.asarray(coarse.resize((size[1], size[0]), Image.Resampling.BICUBIC))
    return np.stack([np.roll(picture, shift, axis=1) for shift in range(frames)])


def worse(frames: np.ndarray, seed: int = 9, noise: float = 12) -> np.ndarray:
    """The film with noise."""
    spoiled = frames + np.random.default_rng(seed).normal(0, noise, frames.shape)
    return spoiled.clip(0, 255).astype(np.uint8)


def write_png(folder: Path, frames: np.ndarray) -> None:
    """A folder of PNG, 00000.png and on."""
    folder.mkdir(parents=True)
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"{number:05d}.png")


def write_clips(root: Path, count: int = 2, frames: int = FRAMES, size: tuple[int, int] = SIZE) -> None:
    """root/gen and root/truth with clips a, b, ... as folders of PNG; the later, the worse."""
    for number in range(count):
        true = film(number, frames, size)
        write_png(root / "truth" / "abcdefgh"[number], true)
        write_png(root / "gen" / "abcdefgh"[number], worse(true, number, 6 + 6 * number))


def evaluate(root: Path, *more: str, protocol: str = "native") -> int:
    """`lookreel evaluate` of root/gen against root/truth into root/R, in this process."""
    folders = ["--generated", str(root / "gen"), "--truth", str(root / "truth"), "--out", str(root / "R")]
    return main(["evaluate", *folders, "--protocol", protocol, "--jobs", "1", *more])


def measured(root: Path, capsys, *more: str, protocol: str = "native") -> dict:
    """The one JSON object of an evaluation that must succeed."""
    assert evaluate(root, "--json", *more, protocol=protocol) == 0
    return json.loads(capsys.readouterr().out)


def resized(frame: np.ndarray, size: tuple[int, int] = (256, 256)) -> np.ndarray:
    return np.asarray(Image.fromarray(frame).resize((size[1], size[0]), Image.Resampling.BICUBIC))


def independent(pairs: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
    """SSIM, PSNR and L1 by scikit-image and numpy, the mean over pairs of frames."""
    rules = dict(channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255)
    ssim = [structural_similarity(true, ours, **rules) for ours, true in pairs]
    apart = [ours.astype(np.float64) - true for ours, true in pairs]
    psnr = [min(100.0, 10 * np.log10(255**2 / max((d**2).mean(), 1e-12))) for d in apart]
    return {"ssim": np.mean(ssim), "psnr": np.mean(psnr), "l1": np.mean([np.abs(d).mean() / 255 for d in apart])}


def test_numbers_equal_an_independent_computation(tmp_path, capsys):
    write_clips(tmp_path)
    found = measured(tmp_path, capsys, protocol="ubc256")
    names = ("a", "b")
    ours = [resized(f) for name in names for f in footage.stream(tmp_path / "gen" / name)]
    true = [resized(f) for name in names for f in footage.stream(tmp_path / "truth" / name)]
    expected = independent(list(zip(ours, true, strict=True)))
    for name, value in expected.items():
        assert found["metrics"][name] == pytest.approx(value, rel=1e-3)
        assert found["metrics"][f"{name}_all"] == pytest.approx(value, rel=1e-3)  # no manifest: every frame counts
        low, high = found["intervals"][name]
        assert low <= value <= high
        assert found["floors"]["truth"][name] == {"ssim": pytest.approx(1), "psnr": 100, "l1": 0}[name]
    first = [[true[5 * clip]] * FRAMES for clip in (0, 1)]
    copied = independent(list(zip([*first[0], *first[1]], true, strict=True)))
    assert {name: found["baselines"]["reference"][name] for name in copied} == pytest.approx(copied, rel=1e-3)
    coded = []
    for name in names:
        frames = np.stack(list(footage.stream(tmp_path / "truth" / name)))
        write_video(tmp_path / "coded.mp4", iter(frames.transpose(0, 3, 1, 2)), 25, SIZE)
        coded += [resized(f.transpose(1, 2, 0)) for f in read_video(tmp_path / "coded.mp4")[0]]
    floor = independent(list(zip(coded, true, strict=True)))
    assert {name: found["floors"]["codec"][name] for name in floor} == pytest.approx(floor, rel=1e-3)


def test_json_says_what_was_done_and_what_was_not(tmp_path, capsys):
    write_clips(tmp_path)
    found = measured(tmp_path, capsys)
    assert found == json.loads((tmp_path / "R" / "report.json").read_text())
    assert found["protocol"] == "native" and found["rules"]["size"] is None and found["weights"] == {}
    assert all(isinstance(value, float) for value in found["metrics"].values())
    skipped = {row["name"]: row for row in found["skipped"]}
    assert (
        skipped["lpips_alex"]["file"] == "alexnet-owt-7be5be79.pth" and "7be5be79" in skipped["lpips_alex"]["identity"]
    )
    assert "pytorch.org" in skipped["lpips_alex"]["source"] and {"fid", "fvd16_sgv"} <= set(skipped)
    assert not set(skipped) & set(found["metrics"])
    assert found["counts"] == {"clips": 2, "frames": 2 * FRAMES}
    assert any("25 frames per second are assumed" in line for line in found["warnings"])
    with (tmp_path / "R" / "report.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["clip"] for row in rows] == ["a", "b"]
    mean = np.mean([float(row["ssim"]) for row in rows])
    assert mean == pytest.approx(found["metrics"]["ssim"], rel=1e-9)
    assert float(rows[0]["psnr"]) > float(rows[1]["psnr"]) + 3 and float(rows[1]["codec:psnr"]) > 30


def test_a_manifest_drops_references_and_brings_what_is_known(tmp_path, capsys):
    frames, size = 12, SIZE
    true = film(1, frames)
    ours = worse(true)
    ours[3] = 0  # the reference may be anything: it is never compared
    (tmp_path / "truth").mkdir()
    (tmp_path / "gen").mkdir()
    for folder, content in (("truth", true), ("gen", ours)):
        write_video(tmp_path / folder / "a.mp4", iter(content.transpose(0, 3, 1, 2)), 12.5, size)
    mask = np.zeros((frames, *size), bool)
    mask[:, 10:30, 8:28] = True
    np.savez(tmp_path / "truth" / "masks.npz", garment=mask)
    np.savez(tmp_path / "truth" / "flow.npz", flow=np.zeros((frames, 2, *size), np.float32))
    line = {
        "path": "a.mp4",
        "references": [3],
        "masks": "masks.npz",
        "flow": "flow.npz",
        "fps": 12.5,
        "sha256": "0" * 64,
    }
    line |= {"views": ["front"] * 6 + ["back"] * 6, "text_boxes": [[5, 8, 10, 28, 30]]}
    (tmp_path / "truth" / "manifest.jsonl").write_text(json.dumps(line) + "\n")
    found = measured(tmp_path, capsys)
    (clip,) = found["clips"]
    assert clip["counted"] == [f for f in range(frames) if f != 3] and clip["fps"] == 12.5
    assert any("no frame lies 50 from a reference" in line for line in found["warnings"])
    assert any("its sha256 differs" in line for line in found["warnings"])
    ours, true = (list(footage.stream(tmp_path / folder / "a.mp4")) for folder in ("gen", "truth"))
    expected = independent([(ours[f], true[f]) for f in clip["counted"]])
    assert {name: found["metrics"][name] for name in expected} == pytest.approx(expected, rel=1e-3)
    inside = [np.abs(ours[f].astype(float) - true[f])[mask[f]].mean() / 255 for f in clip["counted"]]
    assert found["metrics"]["l1_garment"] == pytest.approx(np.mean(inside), rel=1e-3)
    assert found["views"]["front"]["frames"] == 5 and found["views"]["back"]["frames"] == 6
    assert "ewarp" in found["metrics"] and "text_edge" in found["metrics"]
    assert "ssim" not in found["intervals"]  # one clip has no interval


def test_native_crops_the_truth_to_the_generated_shape(tmp_path, capsys):
    true = film(2, size=(48, 48))
    write_png(tmp_path / "truth" / "a", true)
    write_png(tmp_path / "gen" / "a", true[:, :, 6:42])  # the centre, as a model of 48x36 is shown it
    found = measured(tmp_path, capsys)
    assert found["metrics"]["psnr"] == 100
    assert any("75% of it is compared" in line for line in found["warnings"])


@pytest.mark.parametrize("protocol", ["bdmm", "disco"])
def test_the_protocols_of_others_use_their_definitions(tmp_path, capsys, protocol):
    write_clips(tmp_path, 1, frames=2)
    found = measured(tmp_path, capsys, "--as-published", protocol=protocol)["metrics"]
    ours, true = ([resized(f) for f in footage.stream(tmp_path / folder / "a")] for folder in ("gen", "truth"))
    apart = np.mean([np.abs(a.astype(float) - b).mean() for a, b in zip(ours, true, strict=True)])
    scaled = {"bdmm": 2 * apart / 255, "disco": apart / 256**2}[protocol]
    assert found[f"l1_{protocol}"] == pytest.approx(scaled, rel=1e-3)
    assert found["psnr_overflow"] > found["psnr"] and "ssim" not in found and f"ssim_{protocol}" in found


def test_poses_of_both_sides_are_compared(tmp_path, capsys):
    write_clips(tmp_path, 1)
    points = np.random.default_rng(0).uniform(5, 30, (FRAMES, 18, 3)).astype(np.float32)
    points[..., 2] = 1
    for folder in ("gen", "truth"):
        Track(points, SIZE).save(tmp_path / folder / "a.npz")
    found = measured(tmp_path, capsys)["metrics"]
    assert found["pck_05"] == 1 and found["akd"] == pytest.approx(0, abs=1e-4)


class Page(HTMLParser):
    """What a page loads, its tags left open, and its words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads, self.open, self.described = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.loads += [attrs[key] for key in ("src", "href", "poster", "data", "action") if attrs.get(key)]
        if tag in ("svg", "video", "img"):
            self.described.append(attrs.get("aria-label") or attrs.get("alt"))
        if tag not in ("meta", "link", "br", "input", "img", "line", "circle", "polyline", "polygon"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if self.open and self.open[-1] == tag:
            self.open.pop()


def test_the_page_stands_alone_and_tells_everything(tmp_path, capsys):
    write_clips(tmp_path, 3)
    (tmp_path / "gen" / "a").rename(tmp_path / "gen" / "<b>&")
    (tmp_path / "truth" / "a").rename(tmp_path / "truth" / "<b>&")
    found = measured(tmp_path, capsys)
    text = (tmp_path / "R" / "index.html").read_text()
    page = Page(text)
    assert page.loads and all(load.startswith("data:") for load in page.loads)
    assert not page.open and page.described and all(page.described)
    assert "<script" not in text and "@import" not in text and "url(" not in text
    assert "&lt;b&gt;&amp;" in text and "<b>&" not in text
    assert text.count("<video") == 3 and text.count('scope="col"') > 10 and "prefers-color-scheme: dark" in text
    for clip in found["clips"]:
        assert clip["sha256"]["generated"] in text and clip["sha256"]["truth"] in text
    assert all(row["file"] in text for row in found["skipped"])


def test_the_page_in_a_browser(tmp_path, capsys):
    browser.chromium()
    write_clips(tmp_path, 3)
    measured(tmp_path, capsys)
    probe = (
        "<script>addEventListener('load', () => setTimeout(() => {const v = [...document.querySelectorAll('video')];"
        "document.title = JSON.stringify({videos: v.map((x) => [x.videoWidth, x.error]), wide:"
        "document.documentElement.scrollWidth <= innerWidth, requests: performance.getEntriesByType('resource')"
        ".filter((x) => !x.name.startsWith('data:')).length})}, 300))</script>"
    )
    page = tmp_path / "R" / "index.html"
    page.write_text(page.read_text().replace("</body>", f"{probe}</body>"))
    shown = browser.shown(page, tmp_path / "profile", "--window-size=500,900", "--virtual-time-budget=5000")
    state = json.loads(shown.split("<title>")[1].split("</title>")[0])
    assert [video[1] for video in state["videos"]] == [None] * 3 and all(video[0] > 0 for video in state["videos"])
    assert state["wide"] and state["requests"] == 0


def test_a_second_run_measures_only_what_changed(tmp_path, capsys, monkeypatch):
    write_clips(tmp_path)
    first = measured(tmp_path, capsys)
    page = (tmp_path / "R" / "index.html").read_bytes()
    from lookreel.metrics import evaluate as module

    compared, real = [], module.compare
    monkeypatch.setattr(module, "compare", lambda pair, *rest: compared.append(pair.name) or real(pair, *rest))
    assert measured(tmp_path, capsys) == first and compared == []
    assert (tmp_path / "R" / "index.html").read_bytes() == page
    (tmp_path / "R" / "clips" / "b.json").write_text('{"key": "half a fi')
    assert measured(tmp_path, capsys) == first and compared == ["b"]
    Image.fromarray(film(7)[0]).save(tmp_path / "gen" / "a" / "00000.png")
    assert measured(tmp_path, capsys)["metrics"]["ssim"] != first["metrics"]["ssim"] and compared == ["b", "a"]


def test_killed_and_begun_again_gives_the_same_report(tmp_path, capsys):
    write_clips(tmp_path, 4, frames=8)
    command = [sys.executable, "-m", "lookreel.cli", "evaluate", "--protocol", "native", "--out", str(tmp_path / "R")]
    command += ["--generated", str(tmp_path / "gen"), "--truth", str(tmp_path / "truth")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    running = subprocess.Popen([*command, "--jobs", "1"], env=environment, stderr=subprocess.DEVNULL)
    clips = tmp_path / "R" / "clips"
    while not list(clips.glob("[a-z]*.json")) and running.poll() is None:
        time.sleep(0.005)
    running.send_signal(signal.SIGKILL)
    running.wait()
    kept = {path.name: path.stat().st_mtime_ns for path in clips.glob("[a-z]*.json")}
    assert 1 <= len(kept) < 4
    assert sorted(path.name for path in (tmp_path / "R").iterdir()) == ["clips", "run.json"]
    subprocess.run([*command, "--jobs", "2"], env=environment, check=True, capture_output=True)
    assert {name: (clips / name).stat().st_mtime_ns for name in kept} == kept
    names = ("report.json", "report.csv", "index.html")
    resumed = {name: (tmp_path / "R" / name).read_bytes() for name in names}
    (tmp_path / "R").rename(tmp_path / "old")
    assert evaluate(tmp_path) == 0  # at one go, in one process
    assert {name: (tmp_path / "R" / name).read_bytes() for name in names} == resumed
    assert not list((tmp_path / "R").rglob(".*"))


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_metric_of_a_protocol_exists_and_has_a_title(name):
    chosen = protocol(name, as_published=True)
    assert all(callable(getattr(picture, metric)) for metric in (*chosen.pictures, *chosen.masked, chosen.rank))
    assert set(chosen.networks) <= set(paired.PAIRED) and set(chosen.film) <= set(film_metrics.FILM)
    for metric in (*chosen.pictures, *chosen.networks, *chosen.film):
        assert (
            card(metric).title != metric and card(metric).better and card(f"{metric}_all").digits == card(metric).digits
        )


class Colours(torch.nn.Module):
    """Stands for Inception's file: features are the mean colours of a frame."""

    def forward(self, x: torch.Tensor, return_features: bool = False, no_output_bias: bool = False) -> torch.Tensor:
        colours = x.mean(dim=[2, 3])
        return colours if return_features else torch.softmax(colours / 50, dim=1)


def test_networks_with_weights_are_measured_cached_and_named(tmp_path, capsys):
    write_clips(tmp_path, 3)
    (tmp_path / "w").mkdir()
    path = tmp_path / "w" / "inception-2015-12-05.pt"
    torch.jit.script(Colours()).save(path)
    found = measured(tmp_path, capsys, "--weights", str(path.parent))
    assert found["floors"]["truth"]["fid"] == pytest.approx(0, abs=1e-6)
    assert found["metrics"]["fid"] > 0 and found["baselines"]["reference"]["fid"] > 0 and "is_frame" in found["metrics"]
    assert found["weights"] == {path.name: hashlib.sha256(path.read_bytes()).hexdigest()}
    assert any(line.startswith("fid: 15 samples, fewer than 2048") for line in found["warnings"])
    assert {"fid", "is_frame"}.isdisjoint(row["name"] for row in found["skipped"])
    assert measured(tmp_path, capsys, "--weights", str(path.parent)) == found
    assert path.name in (tmp_path / "R" / "index.html").read_text()


@pytest.mark.parametrize(
    ("frames", "references", "expected"),
    [
        (350, (), list(range(350))),  # no manifest: every frame counts
        (101, (0,), list(range(50, 101))),
        (60, (0,), list(range(50, 60))),
        (40, (0,), []),
        (120, (60,), [*range(0, 11), *range(110, 120)]),
    ],
)
def test_the_frames_far_from_the_references(frames, references, expected):
    rule = FrameRule(50, 50)
    picked = rule.picked(frames, references)
    if len(expected) > 50 and references:
        assert len(picked) == 50 and picked[0] == expected[0] and picked[-1] == expected[-1]
        assert set(picked) <= set(expected)
    else:
        assert picked == expected


def test_frames_are_evenly_spaced():
    picked = FrameRule(50, 50).picked(350, (0,))
    assert len(picked) == 50 and picked[0] == 50 and picked[-1] == 349 and set(np.diff(picked)) == {6, 7}


def test_a_fit_moves_points_masks_and_flow_as_pixels():
    fit = Fit.to((40, 60), (20, 20), (20, 20))  # the middle 40x40, halved
    assert fit.box == (10, 0, 50, 40) and fit.kept == pytest.approx(2 / 3)
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[16:20, 30:34] = 255
    rows, columns = np.nonzero(fit.frame(picture)[..., 0] > 127)
    middle = fit.points(np.array([31.5, 17.5]))
    assert middle == pytest.approx([columns.mean(), rows.mean()])
    assert np.argwhere(fit.mask(picture[..., 0] > 0)).mean(0) == pytest.approx(middle[::-1])
    assert fit.boxes(np.array([30, 16, 34, 20])).tolist() == [10, 8, 12, 10]
    flow = np.zeros((2, 40, 60), np.float32)
    flow[0] = 8
    assert fit.flow(flow)[0] == pytest.approx(4) and fit.flow(flow).shape == (2, 20, 20)
    assert np.array_equal(Fit.to((40, 60), (40, 60), (40, 60)).frame(picture), picture)
