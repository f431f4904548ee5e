"""Mirror images of side photos: which photos have one, what they look like, and what they do in a film."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from lookreel.cli import main
from lookreel.data import mannequin
from lookreel.photos import Photo, open_photo
from lookreel.poses.facing import heading
from lookreel.poses.mirror import MIRRORED, mirrored
from lookreel.poses.skeleton import JOINTS, L_EAR, NOSE, R_EAR
from lookreel.poses.track import Track
from lookreel.reference.other_side import other_side
from toys import SIZE, system, track

SEED = mannequin.TEST.start + 3
WIDE = (128, 96)


def photo(yaw: float, size: tuple[int, int] = WIDE) -> Photo:
    made = mannequin.frames_at(SEED, [math.radians(yaw)], size)
    return Photo(made.frames[0].permute(1, 2, 0).numpy(), made.track.keypoints[0])


def opened(*yaws: float) -> list:
    return [open_photo(photo(yaw), WIDE) for yaw in yaws]


def test_left_and_right_change_places():
    for name, other in zip(JOINTS, MIRRORED, strict=True):
        assert JOINTS[other] == name.replace("left", "R").replace("right", "left").replace("R", "right")
    keypoints = mannequin.frames_at(SEED, [0.4], WIDE).track.keypoints[0]
    assert_close(mirrored(mirrored(keypoints, 96), 96), keypoints)


@pytest.mark.parametrize("yaw", range(-180, 180, 15))
def test_which_way_a_side_looks(yaw):
    found = heading(photo(yaw).keypoints)
    if 60 <= abs(yaw) <= 120:
        assert found == ("right" if yaw > 0 else "left")
    elif abs(yaw) < 45 or abs(yaw) > 135:
        assert found is None
    else:
        assert found in (None, "right" if yaw > 0 else "left")


def test_without_a_nose_one_ear_tells_and_two_or_none_do_not():
    keypoints = photo(75).keypoints.copy()
    assert keypoints[R_EAR, 2] > 0 and keypoints[L_EAR, 2] == 0
    keypoints[NOSE, 2] = 0
    assert heading(keypoints) == "right"
    keypoints[R_EAR, 2] = 0
    assert heading(keypoints) is None and heading(np.zeros((18, 3), np.float32)) is None


def test_a_mirrored_side_is_nearly_the_other_side():
    image = other_side(opened(90, 0))[0]
    other = opened(-90)[0]
    assert np.abs(image.keypoints[:, :2] - other.keypoints[:, :2])[image.keypoints[:, 2] > 0].mean() < 3
    same, wrong = ((other.pixels - found).square().mean() for found in (image.pixels, opened(90)[0].pixels))
    assert same < 0.6 * wrong


@pytest.mark.parametrize(
    ("yaws", "expected"),
    [
        ((0, 180, 90), [2]),
        ((-90, 0), [0]),
        ((90, -90), []),
        ((0, 180), []),
        ((90, 70, 0), [0]),
        ((0, 60, -90), []),
        ((90,), []),
    ],
)
def test_only_a_side_whose_opposite_is_absent_is_mirrored(yaws, expected):
    assert list(other_side(opened(*yaws))) == expected


def test_a_side_without_a_head_may_be_the_other_side():
    right, left = opened(90, -90)
    left.keypoints[[NOSE, R_EAR, L_EAR], 2] = 0
    assert other_side([right, left]) == {} and list(other_side([right, *opened(0)])) == [0]
    assert other_side([right, replace(left, keypoints=None)]) == {}


def test_a_film_reads_the_mirror_image_and_counts_it_as_its_photo():
    photos = [photo(yaw, SIZE) for yaw in (0, 180, 90)]
    made, plain = system().with_mirror_sides(True), system()
    given = made.open(photos)
    image = made.mirrors(given)[2]
    weights = torch.tensor(made.animate(photos, track(4)).report["weights"])
    by_hand = plain.animate([*photos, Photo(_uint8(image.pixels), image.keypoints)], track(4))
    four = torch.tensor(by_hand.report["weights"])
    film = made.animate(photos, track(4))
    (notice,) = film.report["notices"]
    assert "read in a mirror too" in notice
    assert film.report["mirrored"] == [2] and len(film.references) == len(film.report["photos"]) == 3
    assert torch.equal(film.frames, by_hand.frames)
    assert_close(weights, torch.stack([four[:, 0], four[:, 1], four[:, 2] + four[:, 3]], dim=1), atol=2e-4, rtol=0)
    assert not torch.equal(film.frames, plain.animate(photos, track(4)).frames)


@pytest.mark.parametrize("aggregator", ["first", "mean", "concat", "full"])
def test_every_aggregator_reads_it(aggregator):
    made = system(aggregator=aggregator).with_mirror_sides(True)
    film = made.animate([photo(yaw, SIZE) for yaw in (0, 180, 90)], track(2))
    assert film.report["mirrored"] == [2] and len(film.references) == 3
    for weights in film.report["weights"] or []:
        assert len(weights) == 3 and abs(sum(weights) - 1) < 1e-3


def test_a_mirror_image_counts_in_the_plan():
    asked = (2**40, torch.device("cpu"), 4)
    needs = [
        system().with_mirror_sides(on).plan_for(*asked, photos)[1].encode
        for on, photos in ((True, 1), (False, 1), (True, 3), (False, 4))
    ]
    assert needs[0] == needs[1] < needs[2] == needs[3]


def test_it_can_be_left_out_on_the_command_line(tmp_path, mini):
    from PIL import Image

    arguments = ["animate", "--model", mini, "--motion", "turn", "--frames", "2", "--steps", "1"]
    for yaw in (0, 90):
        shown = photo(yaw)
        Image.fromarray(shown.image).save(tmp_path / f"{yaw}.png")
        Track(shown.keypoints[None], WIDE, 12.0).save(tmp_path / f"{yaw}.npz")
        arguments += ["--photo", str(tmp_path / f"{yaw}.png")]
    for option, expected in (("--mirror", [1]), ("--no-mirror", [])):
        assert main([*arguments, option, "--force", "--out", str(tmp_path / "film.mp4")]) == 0
        assert json.loads((tmp_path / "film.json").read_text())["mirrored"] == expected


def _uint8(pixels: torch.Tensor) -> np.ndarray:
    return ((pixels + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0).numpy()


def test_less_noise_is_a_setting_of_the_model():
    made = system()
    whole = made.animate(photo(0, SIZE), track(2), seed=3).frames
    made.model.config = replace(made.config, noise_scale=0.5)
    assert not torch.equal(made.animate(photo(0, SIZE), track(2), seed=3).frames, whole)
    for wrong in (0.0, 1.5, -1.0):
        with pytest.raises(ValueError, match="noise_scale"):
            replace(made.config, noise_scale=wrong)


def test_models_without_mirror_images_say_so(tmp_path, capsys):
    photo_file = tmp_path / "front.png"
    from PIL import Image

    Image.fromarray(photo(0).image).save(photo_file)
    arguments = ["animate", "--model", "mini-fashionflow", "--photo", str(photo_file), "--no-mirror"]
    assert main([*arguments, "--out", str(tmp_path / "film.mp4")]) == 2
    assert "reads no mirror images" in capsys.readouterr().err and not (tmp_path / "film.mp4").exists()
