"""Photos and a motion made ready for a film: poses found, the motion fitted, the coverage told before any diffusion."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from looking import Reader, numbered, save
from lookreel.cli import main
from lookreel.data import mannequin
from lookreel.errors import InputError
from lookreel.inputs import gather
from lookreel.photos import Photo, open_photo
from lookreel.photos_from import photos_from
from lookreel.poses import detect
from lookreel.poses.bones import rebuild
from lookreel.poses.draw import draw
from lookreel.poses.finder import Finder, sure
from lookreel.poses.motions import load_motion
from lookreel.poses.pick import pick
from lookreel.poses.track import Track
from lookreel.poses.view import view
from lookreel.video import write_video

SEED = mannequin.TEST.start + 6
SIZE = (256, 192)
FILM = (128, 96)
YAWS = {"front": 0.0, "back": math.pi, "side": math.pi / 2}


@pytest.fixture(scope="module")
def stills() -> mannequin.Clip:
    return mannequin.frames_at(SEED, list(YAWS.values()), SIZE)


@pytest.fixture(scope="module")
def turn() -> mannequin.Clip:
    return mannequin.clip(SEED, "turn", 24, SIZE, 12.0)


@pytest.fixture
def reader(stills, turn, monkeypatch, tmp_path) -> Reader:
    """Stands in for every detector: 1 to 3 are the stills, 4 and on the turn; 0 is nobody."""
    every = np.concatenate([stills.track.keypoints, turn.track.keypoints]) / [SIZE[1], SIZE[0], 1]
    found = Reader(np.concatenate([np.zeros((1, 18, 3)), every]))
    monkeypatch.setattr(detect, "load", lambda name="mini", weights=None, providers=None: found)
    monkeypatch.chdir(tmp_path)
    for i, name in enumerate(YAWS):
        save(numbered(stills.frames[i].permute(1, 2, 0).numpy(), i + 1), tmp_path / f"{name}.png")
    return found


PHOTOS = ["back.png", "front.png", "side.png"]


def test_poses_are_found_and_told(reader, stills):
    inputs = gather(PHOTOS, "turn", FILM, finder=Finder())
    for photo, i in zip(inputs.photos, (1, 0, 2), strict=True):
        np.testing.assert_allclose(photo.keypoints, stills.track.keypoints[i], atol=1e-3)
    assert inputs.coverage.photos == ["back", "front", "side"] and not inputs.warnings
    assert inputs.notices == ["back.png, front.png, side.png: pose found by the detector reader"]
    assert inputs.detector["name"] == "reader"
    record = json.loads(json.dumps(inputs.record()))
    assert record["alignment"]["how"] == "none" and record["alignment"]["mismatch"] < 0.05


def test_given_poses_come_first_then_those_beside_the_photo(reader, stills):
    Track(stills.track.keypoints[1:2], SIZE).save("back.npz")
    given = Photo("front.png", stills.track.keypoints[0])
    inputs = gather([given, "back.png"], "turn", FILM, finder=Finder())
    assert reader.looked_at == 0 and inputs.coverage.photos == ["front", "back"]
    assert inputs.detector is None and inputs.notices == []


def test_one_photo_needs_no_pose_and_none_is_looked_for(reader):
    inputs = gather("front.png", "turn", FILM, finder=Finder())
    assert reader.looked_at == 0 and inputs.photos == [Photo("front.png")]
    assert inputs.coverage.photos == [None] and "unknown" in inputs.coverage.told()
    gather("front.png", "turn", FILM, finder=Finder(), how="limbs")
    assert reader.looked_at == 1


@pytest.mark.parametrize("finder", [None, "absent", "nobody", "unsure"])
def test_without_a_pose_the_line_is_the_same_as_ever(reader, monkeypatch, finder):
    if finder == "absent":
        monkeypatch.setattr(detect, "load", lambda *_: (_ for _ in ()).throw(InputError("onnxruntime is absent")))
    if finder == "nobody":
        reader.poses[...] = 0
    if finder == "unsure":
        reader.poses[..., 2] *= 0.5
    with pytest.raises(
        InputError, match=r"back\.png, front\.png, side\.png: no pose known; with several .*--photo-pose"
    ):
        gather(PHOTOS, "turn", FILM, finder=Finder() if finder else None)


def test_a_named_detector_is_believed_and_its_errors_are_told(reader):
    reader.poses[..., 2] *= 0.5
    assert gather(PHOTOS, "turn", FILM, finder=Finder("dwpose")).coverage.photos == ["back", "front", "side"]
    reader.poses[2] = 0
    with pytest.raises(InputError, match=r"back\.png: nobody"):
        gather(PHOTOS, "turn", FILM, finder=Finder("dwpose"))


def test_only_a_face(reader):
    reader.poses[1, 2:14] = 0
    with pytest.raises(InputError, match=r"front\.png: only a part of a body"):
        gather(PHOTOS, "turn", FILM, finder=Finder("dwpose"))
    assert not sure(np.ones((18, 3), np.float32) * (np.arange(18) > 13)[:, None])


def test_two_people_of_one_size_in_a_photo(reader):
    reader.others = ((0.3, 0.98),)
    with pytest.raises(InputError, match=r"front\.png.*--person"):
        gather(["front.png", "back.png"], "turn", FILM, finder=Finder("dwpose"))
    assert (
        gather(["front.png", "back.png"], "turn", FILM, finder=Finder("dwpose", person=1)).coverage.photos[0] == "front"
    )


def test_missing_sides_are_warned_of_and_strict_stops(reader):
    inputs = gather(["front.png", "side.png"], "turn", FILM, finder=Finder())
    (warning,) = inputs.warnings
    assert warning.startswith("no photo shows the back: frames ") and warning.endswith(" will be invented")
    with pytest.raises(InputError, match=r"--strict: no photo shows the back: frames"):
        gather(["front.png", "side.png"], "turn", FILM, finder=Finder(), strict=True)
    assert gather(PHOTOS, "turn", FILM, finder=Finder(), strict=True).warnings == []


def test_strict_looks_at_a_single_photo_too(reader):
    with pytest.raises(InputError, match="--strict: no photo shows the back"):
        gather("front.png", "turn", FILM, finder=Finder(), strict=True)
    with pytest.raises(InputError, match=r"front\.png: no pose known; alignment and --strict"):
        gather("front.png", "turn", FILM, strict=True)


def test_coverage_is_of_the_frames_that_are_made(reader):
    everything = gather("front.png", "turn", FILM, finder=Finder(), how="limbs").coverage
    few = gather("front.png", "turn", FILM, finder=Finder(), how="limbs", frames=3)
    assert few.coverage.frames == everything.frames[:3] and len(few.motion.track) == 3


def other_body(track: Track) -> Track:
    keypoints = rebuild(track.keypoints, {"upper arms": 1.3, "forearms": 1.3, "shoulders": 0.8, "hips": 0.8}, 1.0)
    return replace(track, keypoints=keypoints, dense=None)


def test_another_body_is_fitted_by_default_and_told(reader, turn):
    driving = other_body(turn.track)
    inputs = gather(PHOTOS, driving, FILM, finder=Finder())
    assert inputs.aligned.how == "limbs" and inputs.aligned.after.fits
    assert inputs.motion.track.size == FILM and inputs.motion.name == "track"
    assert inputs.motion.sha256 == load_motion(driving).sha256
    assert any("fitted to the photographed body (limbs): mismatch" in line for line in inputs.notices)
    kept = gather(PHOTOS, driving, FILM, finder=Finder(), how="none")
    assert kept.motion.track is not None and kept.motion.track.size == SIZE
    assert "mismatch" in kept.warnings[0] and "--align limbs" in kept.warnings[0]
    with pytest.raises(InputError, match="--strict: the motion's body does not fit"):
        gather(PHOTOS, driving, FILM, finder=Finder(), how="none", strict=True)


def test_a_fit_that_is_asked_for_is_made_or_refused(reader, turn):
    head = turn.track.keypoints * (np.arange(18) > 13)[:, None]
    for how in ("global", "limbs"):
        with pytest.raises(InputError, match=f"align: {how} asked for; expected shoulders and hips"):
            gather("front.png", Track(head, SIZE), FILM, finder=Finder(), how=how)
    assert gather("front.png", Track(head, SIZE), FILM, finder=Finder()).aligned.how == "none"


def test_a_motion_shorter_than_asked_for_is_told(reader, turn):
    assert "frames: 25 asked for; track has 24" in gather("front.png", turn.track, FILM, frames=25).notices
    assert not gather("front.png", turn.track, FILM, frames=24).notices


def test_a_front_photo_is_fitted_to_whatever_the_order(reader, turn):
    driving = other_body(turn.track)
    one, two = (gather(p, driving, FILM, finder=Finder()).motion.track for p in (PHOTOS, PHOTOS[::-1]))
    np.testing.assert_array_equal(one.keypoints, two.keypoints)


def test_drawn_videos_keep_their_pictures_unless_they_are_fitted(reader, turn):
    drawn = draw(turn.track.keypoints[:4], SIZE, (512, 384))
    write_video("drawn.mp4", drawn, 12, (512, 384))
    assert gather(PHOTOS, "drawn.mp4", FILM, finder=Finder()).motion.pictures.shape == drawn.shape
    inputs = gather(PHOTOS, "drawn.mp4", FILM, finder=Finder(), scale=0.9)
    assert inputs.motion.pictures is None and inputs.aligned.how == "none"
    inputs = gather(PHOTOS, "drawn.mp4", FILM, finder=Finder(), how="global")
    assert any("drawn anew" in line for line in inputs.notices)


def film_of(turn: mannequin.Clip, path: str = "clip.mp4") -> np.ndarray:
    pictures = [numbered(frame, i + 4) for i, frame in enumerate(turn.frames.numpy().transpose(0, 2, 3, 1))]
    write_video(path, [picture.transpose(2, 0, 1) for picture in pictures], 12, SIZE)
    return np.stack(pictures)


def test_a_plain_video_is_a_motion(reader, turn):
    film_of(turn)
    inputs = gather(PHOTOS, "clip.mp4", FILM, finder=Finder())
    away = np.linalg.norm(inputs.motion.track.keypoints[..., :2] - turn.track.keypoints[..., :2], axis=-1)
    assert np.percentile(away[turn.track.keypoints[..., 2] > 0], 95) < 4  # mended and smoothed, not moved
    assert any("found by the detector reader" in line for line in inputs.notices)
    with pytest.raises(InputError, match=r"clip\.mp4: a plain video; .*lookreel poses clip\.mp4"):
        load_motion("clip.mp4")
    reader.poses[4:, :, 2] *= 0.4
    with pytest.raises(InputError, match="plain video.*not sure"):
        load_motion("clip.mp4", Finder())


def test_a_motion_is_its_own_motion(turn):
    motion = load_motion(turn.track)
    assert load_motion(motion) is motion


def test_the_best_frames_of_a_film_are_photos(reader, turn):
    pictures = film_of(turn)
    photos, notices = photos_from(Path("clip.mp4"), Finder())
    assert [view(photo.keypoints) for photo in photos] == ["front", "back", "side"]
    assert "taken as photos: frame " in notices[-1] and photos[0].name.startswith("clip.mp4 frame ")
    assert open_photo(photos[0], FILM).name == photos[0].name
    frame = int(photos[0].name.split()[-1])
    assert np.abs(np.asarray(photos[0].image).astype(int) - pictures[frame]).mean() < 6
    Track(turn.track.keypoints, SIZE, 12.0).save("clip.npz")
    before = reader.looked_at
    again, _ = photos_from(Path("clip.mp4"), Finder())
    assert reader.looked_at == before and [photo.name for photo in again] == [photo.name for photo in photos]


def test_sharp_whole_and_straight_frames_are_picked(turn):
    frames = turn.frames.numpy().copy()
    best = {p.view: p.frame for p in pick(frames, turn.track)}
    blurred = frames.copy()
    from PIL import ImageFilter

    picture = Image.fromarray(frames[best["front"]].transpose(1, 2, 0)).filter(ImageFilter.GaussianBlur(4))
    blurred[best["front"]] = np.asarray(picture).transpose(2, 0, 1)
    assert {p.view: p.frame for p in pick(blurred, turn.track)}["front"] != best["front"]
    cut = turn.track.keypoints.copy()
    cut[best["back"], [10, 13], 1] = SIZE[0] + 5  # feet below the picture
    assert {p.view: p.frame for p in pick(frames, Track(cut, SIZE, 12.0))}["back"] != best["back"]
    apart = pick(frames, turn.track)
    assert all(abs(a.frame - b.frame) >= 6 for a in apart for b in apart if a is not b)


def test_on_the_command_line(reader, turn, mini, capsys):
    """Raw photos and a raw video, no sidecar file at all; the film is tiny."""
    film_of(turn)
    out = ["--out", "film.mp4", "--steps", "1", "--frames", "2", "--json"]
    arguments = ["animate", *(a for p in PHOTOS for a in ("--photo", p)), "--motion", "clip.mp4", *out]
    assert main(arguments) == 0
    shown, err = capsys.readouterr()
    facts = json.loads(shown)
    assert facts["alignment"]["how"] == "none" and facts["detector"]["name"] == "reader"
    assert facts["views"]["photos"] == ["back", "front", "side"] and facts["motion"]["name"] == "clip.mp4"
    assert json.loads(Path("film.json").read_text()) == facts
    assert "pose found by the detector reader" in err and "coverage: photos show back, front, side" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--align", "arms"), ("--align", "arms")),
        (("--shift", "a,b"), ("--shift", "X,Y")),
        (("--shift", "nan,1"), ("--shift",)),
        (("--scale", "99"), ("--scale", "99")),
        (("--crop", "face"), ("--crop", "face")),
        (("--person", "0"), ("--person", "0")),
        (("--photo-mask", "front.png"), ("--photo-mask", "--background")),
        (("--photo-mask", "gone.png", "--background", "red"), ("gone.png",)),
        (("--background", "whitish"), ("front.png", "transparent")),
        (("--photo-mask", "front.png", "--background", "whitish"), ("whitish", "colour")),
        (("--photo-mask", "front.png", "--photo-mask", "front.png", "--background", "red"), ("--photo-mask", "2", "1")),
        (("--photos-from", "gone.mp4"), ("gone.mp4",)),
        (("--photos-from", "front.png"), ("front.png",)),
        (("--strict",), ("--strict", "the back")),
        (("--detector", "maxi"), ("maxi",)),
    ],
)
def test_wrong_options_are_one_line(stills, tmp_path, monkeypatch, capsys, mini, arguments, words):
    monkeypatch.chdir(tmp_path)
    save(stills.frames[0].permute(1, 2, 0).numpy(), tmp_path / "front.png")
    Track(stills.track.keypoints[:1], SIZE).save("front.npz")
    more = ("--photo-pose", "front.npz") if "--strict" in arguments else ()
    if "--detector" in arguments:
        (tmp_path / "front.npz").unlink()
        more = ("--align", "limbs")
    code = main(["animate", "--photo", "front.png", "--motion", "turn", "--out", "film.mp4", *arguments, *more])
    out, err = capsys.readouterr()
    assert code == 2 and not out and err.count("\n") == 1 and err.startswith("lookreel: "), err
    for word in words:
        assert word in err
    assert not list(tmp_path.glob("film*"))
