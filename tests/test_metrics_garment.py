"""The metrics a shop feels, on figures of the procedural world: each must order films as a viewer would."""

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from lookreel.data import mannequin
from lookreel.errors import InputError
from lookreel.metrics import garment
from lookreel.metrics.canonical import SIDE, canonical_torso, keypoints_of
from lookreel.metrics.clip import Clip, of_mannequin
from lookreel.metrics.consistency import consistency
from lookreel.metrics.drift import drift, slope
from lookreel.metrics.flicker import dtssd
from lookreel.metrics.lab import histogram_distance
from lookreel.metrics.legibility import find_boxes, legibility
from lookreel.metrics.ocr import same_text, similarity, tesseract
from lookreel.metrics.warp import dis_flow, sample_at, unoccluded, warp_error
from lookreel.poses.track import Track

SIZE = (192, 144)
SEEDS = (1_000_000, 1_000_001, 1_000_003)
MIRRORED = [0, 1, 5, 6, 7, 2, 3, 4, 11, 12, 13, 8, 9, 10, 15, 14, 17, 16]  # left and right exchanged


def film(seed: int, frames: int = 12) -> Clip:
    return of_mannequin("film", mannequin.clip(seed, "turn", frames, SIZE))


def photos(seed: int) -> Clip:
    return of_mannequin("photos", mannequin.frames_at(seed, [0, math.pi], SIZE))


def changed(clip: Clip, change) -> Clip:
    """The clip with `change` done to every frame."""
    return replace(clip, frames=np.stack([change(frame) for frame in clip.frames]))


def blurred(clip: Clip, sigma: float) -> Clip:
    return changed(clip, lambda frame: cv2.GaussianBlur(frame, (0, 0), sigma))


def to_bytes(frames: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(frames), 0, 255).astype(np.uint8)


def with_back(clip: Clip, other: Clip, order: list[int] | None = None) -> Clip:
    """The clip with the frames that show the back taken from another film, whose joints may be renamed."""
    back = [i for i, points in enumerate(keypoints_of(clip)) if points[2, 0] > points[5, 0]]
    frames, keypoints = clip.frames.copy(), clip.track.keypoints.copy()
    frames[back] = other.frames[back]
    keypoints[back] = other.track.keypoints[back][:, order or range(18)]
    return replace(clip, frames=frames, track=replace(clip.track, keypoints=keypoints))


@pytest.mark.parametrize("seed", SEEDS)
def test_consistency_sees_an_invented_back_and_a_front_on_the_back(seed):
    clip, references = film(seed), photos(seed)
    right = consistency(clip, references)
    invented = consistency(with_back(clip, film(seed + 50)), references)
    still = replace(
        clip, frames=clip.frames[[0] * 12], track=replace(clip.track, keypoints=clip.track.keypoints[[0] * 12])
    )
    copied = consistency(with_back(clip, still, MIRRORED), references)
    assert right.front > 0.65 and right.back > 0.7
    for wrong in (invented, copied):
        assert wrong.front == right.front
        assert wrong.back < right.back - 0.2
        assert wrong.gradient < right.gradient - 0.15


@pytest.mark.parametrize("seed", SEEDS)
def test_blur_lowers_the_gradients_and_not_the_correlation(seed):
    clip, references = film(seed), photos(seed)
    sharp, soft = consistency(clip, references), consistency(blurred(clip, 2.5), references)
    assert abs(soft.front - sharp.front) < 0.15 and abs(soft.back - sharp.back) < 0.15
    assert soft.gradient < sharp.gradient - 0.05


def test_the_loop_term_compares_before_and_after_a_turn():
    clip, references = film(SEEDS[0]), photos(SEEDS[0])
    there_and_back = clip.take([*range(7), *range(5, -1, -1)])
    assert consistency(there_and_back, references).loop > 0.999
    other = film(SEEDS[1])
    frames = there_and_back.frames.copy()
    frames[-1] = other.frames[0]
    assert consistency(replace(there_and_back, frames=frames), references).loop < 0.8
    assert np.isnan(consistency(clip.take([0, 1]), references).loop)


def test_a_wrong_colour_shows_in_the_colour():
    clip, references = film(SEEDS[0]), photos(SEEDS[0])
    tinted = changed(clip, lambda frame: to_bytes(frame * [0.7, 1, 1.2]))
    assert consistency(tinted, references).color > consistency(clip, references).color + 5


def test_the_canonical_torso_does_not_move_with_the_figure():
    clip = film(SEEDS[2], 1)
    points = keypoints_of(clip)[0]
    torso = canonical_torso(clip.frames[0], points)
    assert torso.shape == (SIDE, SIDE, 3)
    shifted = points + [10, -6, 0]
    there = canonical_torso(np.roll(clip.frames[0], (-6, 10), (0, 1)), shifted)
    np.testing.assert_allclose(there.astype(int), torso, atol=2)
    hidden = points.copy()
    hidden[2, 2] = 0
    assert canonical_torso(clip.frames[0], hidden) is None
    edge_on = points.copy()
    edge_on[[2, 8], 0] = edge_on[[5, 11], 0] + 1
    assert canonical_torso(clip.frames[0], edge_on) is None


def flickering(clip: Clip) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    gain = 1 + 0.03 * rng.standard_normal((len(clip), 1, 1, 1))
    noise = rng.normal(0, 0.03 * 255, clip.frames.shape)
    return {
        "truth": clip.frames,
        "gain": to_bytes(clip.frames * gain),
        "noise": to_bytes(clip.frames + noise),
        "frozen": clip.frames[[0] * len(clip)],
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_flicker_is_ordered_and_a_frozen_film_is_worst(seed):
    clip = film(seed)
    counts = clip.masks["unoccluded"] & clip.masks["person"]
    flow, seen = dis_flow(clip.frames)
    films = flickering(clip)
    for errors in (
        {name: warp_error(frames, clip.flow, counts) for name, frames in films.items()},
        {name: warp_error(frames, flow, seen & clip.masks["person"]) for name, frames in films.items()},
        {name: dtssd(frames, clip.frames) for name, frames in films.items()},
    ):
        assert errors["truth"] < errors["gain"] < errors["noise"] < errors["frozen"]
    assert dtssd(films["truth"], clip.frames) == 0


def test_a_frozen_film_has_no_error_along_its_own_stillness():
    """Why the flow is the truth's: along its own flow a film that stands still would be perfect."""
    frozen = film(SEEDS[0]).frames[[0] * 12]
    assert warp_error(frozen, np.zeros((12, 2, *SIZE), np.float32)) == 0


def test_sampling_is_bilinear_and_keeps_to_the_picture():
    rng = np.random.default_rng(0)
    picture, flow = rng.random((9, 7, 3), np.float32), rng.normal(0, 4, (2, 9, 7)).astype(np.float32)
    ys, xs = np.mgrid[0:9, 0:7]
    grid = np.stack([(2 * (xs + flow[0]) + 1) / 7 - 1, (2 * (ys + flow[1]) + 1) / 9 - 1], axis=2)
    expected = F.grid_sample(
        torch.from_numpy(picture).permute(2, 0, 1)[None],
        torch.from_numpy(grid).float()[None],
        padding_mode="border",
        align_corners=False,
    )
    np.testing.assert_allclose(sample_at(picture, flow), expected[0].permute(1, 2, 0).numpy(), atol=1e-5)


def test_dis_flow_finds_a_shift_and_what_it_hides():
    rng = np.random.default_rng(0)
    texture = cv2.GaussianBlur(rng.uniform(0, 255, (96, 96, 3)), (0, 0), 1.5)
    texture = to_bytes((texture - 127) * 5 + 127)
    flow, seen = dis_flow(np.stack([texture, np.roll(texture, 3, axis=1)]))
    inner = (slice(16, -16), slice(16, -16))
    np.testing.assert_allclose(np.median(flow[1][:, *inner], axis=(1, 2)), [-3, 0], atol=0.1)
    assert seen[1][inner].mean() > 0.9 and not seen[0].any()
    apart = np.zeros((2, 96, 96), np.float32)
    apart[0, :, 48:] = 8  # the two ways do not close on this half
    assert not unoccluded(apart, np.zeros_like(apart))[:, 50:].any()
    assert unoccluded(np.zeros_like(apart), np.zeros_like(apart)).all()


def text(size: int = 96) -> Clip:
    canvas = np.full((size, 2 * size, 3), 225, np.uint8)
    for i, word in enumerate(("STUDIO", "cotton 60")):
        cv2.putText(canvas, word, (8, 38 + 40 * i), cv2.FONT_HERSHEY_SIMPLEX, 1.1, (30, 30, 60), 2, cv2.LINE_AA)
    return Clip("text", canvas[None], 25.0)


def test_blurred_text_is_less_legible():
    clip = text()
    boxes = np.array([[0, 2, 8, 180, 92]])
    rows = [legibility(blurred(clip, sigma), clip, boxes) for sigma in (0.5, 1, 2, 4)]
    for a, b in zip(rows, rows[1:], strict=False):
        assert a.edge > b.edge and a.psnr > b.psnr and a.detail > b.detail and a.gmsd < b.gmsd
    perfect = legibility(clip, clip, boxes)
    np.testing.assert_allclose([perfect.edge, perfect.psnr, perfect.detail, perfect.gmsd], [1, 100, 1, 0], atol=1e-12)
    noisy = changed(clip, lambda f: to_bytes(f + np.random.default_rng(0).normal(0, 25, f.shape)))
    assert legibility(noisy, clip, boxes).detail > 1.05


def test_a_print_of_the_same_brightness_is_seen_by_its_colour():
    canvas = np.full((1, 64, 64, 3), (200, 60, 60), np.uint8)
    canvas[0, 24:40, 24:40] = (60, 110, 163)  # nearly the same gray
    clip = Clip("print", canvas, 25.0)
    boxes = find_boxes(clip)
    assert len(boxes) == 1 and (boxes[0, 1:3] <= 24).all() and (boxes[0, 3:] >= 40).all()
    assert legibility(blurred(clip, 3), clip, boxes).edge < 0.9


def test_boxes_lie_round_the_print_and_not_along_the_outline():
    clip = text()
    clip.frames[0, :, 184:] = 0
    inside = np.zeros((1, 96, 192), bool)
    inside[:, :, :184] = True
    boxes = find_boxes(clip, inside)
    assert len(boxes) and (boxes[:, 3] < 184).all() and (boxes[:, 1] < 20).any()
    assert len(find_boxes(Clip("plain", np.full((1, 64, 64, 3), 9, np.uint8), 25.0))) == 0


def test_boxes_that_show_nothing_give_no_number():
    clip = text()
    assert legibility(clip, clip, np.array([[0, 0, 0, 5, 5]])) is None  # too small
    assert legibility(clip, clip, np.array([[0, 186, 0, 192, 96]])) is None
    assert legibility(clip, clip, np.empty((0, 5), int)) is None
    with pytest.raises(InputError, match="found frame 3"):
        legibility(clip, clip, np.array([[3, 0, 0, 50, 50]]))


def test_small_frames_have_no_flow():
    small = Clip("small", np.zeros((2, 15, 40, 3), np.uint8), 25.0)
    with pytest.raises(InputError, match="15x40: too small for optical flow"):
        garment.measure(small, small)


def test_text_is_compared_as_a_reader_reads_it():
    clip = text()
    boxes = np.array([[0, 2, 8, 180, 92]] * 30)
    words = iter(["STUDlO", "STUDIO", "x", "", "", "STUDIO"])  # generated and truth in turn
    assert same_text(clip, clip, boxes[:3], lambda picture: next(words)) == (5 / 6 + 0) / 2
    seen = []
    assert same_text(clip, clip, boxes, lambda picture: seen.append(picture.shape[0]) or "a") == 1
    assert len(seen) == 24 and set(seen) == {96}
    assert np.isnan(same_text(clip, clip, boxes[:0], str))
    assert np.isnan(same_text(clip, clip, np.array([[0, -9, -9, -1, -1]]), str))  # outside the picture
    assert "text_ocr" in garment.measure(clip, replace(clip, boxes=boxes), reader=lambda picture: "a").values


@pytest.mark.parametrize(
    ("a", "b", "expected"), [("kitten", "sitting", 1 - 3 / 7), ("", "", 1), ("", "abc", 0), ("abc", "abc", 1)]
)
def test_similarity_is_one_less_the_edit_distance(a, b, expected):
    assert similarity(a, b) == similarity(b, a) == pytest.approx(expected)


def test_tesseract_is_asked_where_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert tesseract() is None
    program = tmp_path / "tesseract"
    program.write_text("#!/bin/sh\nread -r first\necho ' STU DIO'\n")
    program.chmod(0o755)
    assert tesseract()(text().frames[0]) == "STUDIO"
    program.write_text("#!/bin/sh\nexit 3\n")
    assert tesseract()(text().frames[0]) == ""


@pytest.mark.parametrize("seed", SEEDS)
def test_drift_is_a_slope(seed):
    clip, references = film(seed, 16), photos(seed)
    ramp = np.linspace(0, 45, len(clip))[:, None, None, None] * [1, 0, -1]
    steady, drifting = drift(clip, references), drift(replace(clip, frames=to_bytes(clip.frames + ramp)), references)
    for part in ("color", "face"):
        found, own = slope(drifting.times, getattr(drifting, part)), slope(steady.times, getattr(steady, part))
        assert found > own + 5
    assert np.isnan(steady.face).any() and np.isfinite(steady.face).any()  # no face from behind
    np.testing.assert_allclose(np.diff(steady.times), 1 / clip.fps)


def test_slope_is_least_squares_over_what_is_known():
    times = np.arange(5.0)
    np.testing.assert_allclose(slope(times, np.array([1, np.nan, 5, 7, np.nan])), 2)
    assert np.isnan(slope(times, np.array([1, *[np.nan] * 4])))


def test_the_distance_of_plain_colours_is_their_difference():
    a, b = np.tile([50.0, 10, -20], (40, 1)), np.tile([53.0, 14, -20], (7, 1))
    np.testing.assert_allclose(histogram_distance(a, b), 5)
    assert histogram_distance(a, a) == 0


def test_measure_gathers_all_and_the_truth_is_perfect():
    clip = film(SEEDS[2])
    found = garment.measure(clip, clip, photos(SEEDS[2]))
    assert not found.skipped
    assert found.values["ewarp_ratio"] == 1 and found.values["dtssd"] == 0
    assert found.values["pck_05"] == found.values["oks"] == found.values["text_edge"] == 1
    for name in ("vgc_front", "vgc_back", "drift_color", "drift_face"):
        assert found.values[name] == found.values[f"{name}_truth"]
    assert len(found.curves["drift_color"][0]) == len(clip)


def test_measure_says_what_is_missing():
    clip = film(SEEDS[0], 3)
    bare = replace(clip, track=None, masks={}, flow=None)
    found = garment.measure(bare, bare)
    assert found.skipped["pose"] == "the truth brings no poses"
    assert found.skipped["vgc"] == found.skipped["drift"] == "no poses are known"
    assert set(found.values) >= {"ewarp", "dtssd", "text_edge"}
    assert "no detector" in garment.measure(replace(clip, track=None), clip).skipped["pose"]
    single = garment.measure(clip.take([0]), clip.take([0]))
    assert "does not flicker" in single.skipped["ewarp"]
    with pytest.raises(InputError, match="generated: found frames"):
        garment.measure(clip.take([0]), clip)


def test_measure_asks_the_detector_for_the_films_poses():
    clip = film(SEEDS[0], 4)

    def detector(frames: np.ndarray, fps: float) -> Track:
        assert frames.shape == clip.frames.shape and fps == clip.fps
        points = clip.track.keypoints.copy()
        points[..., 0] += 200
        return replace(clip.track, keypoints=points)

    found = garment.measure(replace(clip, track=None), clip, detector=detector)
    assert found.values["pck_10"] == 0 and found.values["mkr"] == 0


def test_without_references_those_of_the_truth_are_taken():
    clip = replace(film(SEEDS[0]), references=(0, 6))
    named = garment.measure(clip, clip).values
    given = garment.measure(clip, clip, clip.take([0, 6])).values
    assert named == given
    assert "vgc_back" not in garment.measure(clip, replace(clip, references=())).values  # frame 0 shows the front


def test_a_clip_is_cut_with_all_it_knows():
    clip = replace(film(SEEDS[0], 6), references=(1, 4), boxes=np.array([[1, 0, 0, 9, 9], [5, 2, 2, 8, 8]]))
    run = clip.take(range(1, 4))
    assert len(run) == 3 and run.references == (0,) and run.boxes.tolist() == [[0, 0, 0, 9, 9]]
    np.testing.assert_array_equal(run.flow, clip.flow[1:4])
    np.testing.assert_array_equal(run.track.keypoints, clip.track.keypoints[1:4])
    apart = clip.take([0, 2])
    assert apart.flow is None and set(apart.masks) == {"person", "garment"}
    assert len(clip.reference_clip()) == 2
