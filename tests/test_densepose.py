"""U,V maps: from tracks, from numpy files, from DensePose as TorchScript, and from a body fitted to joints."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import toys
from lookreel import cli
from lookreel.data import mannequin
from lookreel.errors import InputError
from lookreel.framing import fit_frames
from lookreel.inputs import gather
from lookreel.poses.densepose import FITTED, dense, nearest, of_body, surface
from lookreel.poses.densepose_maps import is_maps, read_maps
from lookreel.poses.densepose_network import DensePoseNetwork
from lookreel.poses.facing import yaws
from lookreel.poses.finder import Finder
from lookreel.poses.fitted_body import fitted_body
from lookreel.poses.motions import load_motion, names
from lookreel.poses.skeleton import L_ANKLE, L_HIP, L_SHOULDER, R_ANKLE, R_HIP, R_KNEE, R_SHOULDER
from lookreel.poses.track import Track

SEEDS = (mannequin.VALIDATION.start + 1, mannequin.VALIDATION.start + 2, mannequin.VALIDATION.start + 5)
SIZE = (128, 96)


@pytest.fixture(scope="module")
def turns() -> list[mannequin.Clip]:
    return [mannequin.clip(seed, "turn", 12, SIZE) for seed in SEEDS]


def joints_of(track: Track) -> Track:
    return replace(track, dense=None)


def test_u_and_v_tell_a_back_from_a_front():
    """Across the trunk U rises to the picture's right in front, and falls behind."""
    front, back = mannequin.frames_at(SEEDS[0], [0.0, math.pi], SIZE).dense.numpy()
    for maps, part, sign in ((front, 2, 1), (back, 1, -1)):
        row = next(y for y in range(40, 80) if (maps[0, y] == part).sum() > 8)
        u = maps[1, row][maps[0, row] == part].astype(int)
        assert (np.diff(u) * sign > 0).mean() > 0.9


def test_u_has_no_jump_round_the_trunk(turns):
    """Where two parts of the trunk meet, in a picture from the side, U goes on."""
    for clip in turns:
        part, u = clip.dense[:, 0].numpy().astype(int), clip.dense[:, 1].numpy().astype(int)
        meets = (
            (np.abs(np.diff(part, axis=2)) == 1) & (part[..., 1:] <= 2) & (part[..., :-1] <= 2) & (part[..., 1:] > 0)
        )
        meets &= part[..., :-1] > 0
        assert meets.any() and np.abs(np.diff(u, axis=2))[meets].max() < 90


def test_bundled_motions_carry_their_maps():
    assert {"turn", "half-turn", "sway", "walk"} <= set(names())
    for name in names():
        track = load_motion(name).track
        made = dense(track, SIZE)
        assert made.uv.shape == (len(track), 2, *SIZE) and not made.notices
        assert 0.05 < (made.uv.max(1) > 0).mean() < 0.5
        np.testing.assert_array_equal(track.dense, of_body(track).dense)


def test_maps_of_a_track_are_its_own(turns):
    track = turns[0].track
    made = dense(track, SIZE)
    np.testing.assert_array_equal(made.uv, track.dense[:, 1:])
    assert made.notices == ()
    painted = track.dense.copy()
    painted[:, 1:][:, :, :10] = 77  # off the body
    assert not dense(replace(track, dense=painted), SIZE).uv[:, :, :10].any()


@pytest.mark.parametrize("size", [(64, 48), (64, 64), (96, 40), (200, 150)])
def test_maps_move_as_their_pictures(turns, size):
    """A map drawn as a picture, moved as pictures are, lies where the moved map lies."""
    track = turns[0].track
    there = (dense(track, size).uv.max(1) > 0).astype(np.uint8)
    picture = np.repeat((track.dense[:, :1] > 0).astype(np.uint8) * 255, 3, axis=1)
    moved = fit_frames(picture, size)[:, 0] > 127
    assert (there == moved).mean() > 0.98


def test_nearest_takes_no_mean():
    maps = np.random.default_rng(0).integers(0, 256, (1, 2, 8, 6), dtype=np.uint8)
    np.testing.assert_array_equal(nearest(maps, (8, 6)), maps)
    assert set(nearest(maps, (4, 3)).ravel()) <= set(maps.ravel())
    np.testing.assert_array_equal(nearest(maps, (16, 12))[:, :, ::2, ::2], maps)
    assert not surface(np.stack([np.zeros((2, 4, 4)), *np.ones((2, 2, 4, 4))], axis=1).astype(np.uint8)).any()


@pytest.mark.parametrize(
    ("maps", "words"),
    [
        (np.zeros((12, 2, *SIZE), np.uint8), r"\(12, 2, 128, 96\); expected uint8 \(12, 3"),
        (np.zeros((12, 3, 64, 48), np.uint8), r"expected uint8 \(12, 3, 128, 96\)"),
        (np.zeros((12, 3, *SIZE), np.float32), "float32"),
        (np.zeros((5, 3, *SIZE), np.uint8), r"\(5, 3"),
    ],
)
def test_maps_of_another_shape_are_refused(turns, maps, words):
    with pytest.raises(InputError, match=words):
        dense(replace(turns[0].track, dense=maps), SIZE)


def test_yaw_has_its_sign(turns):
    for clip in turns:
        apart = np.angle(np.exp(1j * (yaws(clip.track.keypoints) - clip.yaw.numpy())))
        assert np.degrees(np.abs(apart)).max() < 25
    assert not yaws(np.zeros((3, 18, 3))).any()


def test_a_fitted_body_lies_where_the_body_is(turns):
    for clip in turns:
        made = dense(joints_of(clip.track), SIZE)
        assert made.notices == (FITTED,)
        fitted = fitted_body(clip.track.keypoints, SIZE)
        np.testing.assert_array_equal(made.uv, fitted[:, 1:])
        true, both = clip.dense.numpy().astype(int), (clip.dense.numpy()[:, 0] > 0) & (fitted[:, 0] > 0)
        either = (true[:, 0] > 0) | (fitted[:, 0] > 0)
        assert (both.sum((1, 2)) / either.sum((1, 2))).min() > 0.6
        for channel in (1, 2):
            assert (
                np.abs(true[:, channel] - fitted[:, channel])[both].mean() < 40
            )  # chance gives 85; clothes are wider than the body
        assert (true[:, 0] == fitted[:, 0])[both].mean() > 0.6


def test_a_track_of_the_body_leaves_the_clothes_out(turns):
    for clip in turns:
        body = of_body(clip.track)
        np.testing.assert_array_equal(body.dense, fitted_body(clip.track.keypoints, SIZE))
        np.testing.assert_array_equal(body.keypoints, clip.track.keypoints)
        assert dense(body, SIZE).notices == ()


def test_a_fitted_body_scales_with_the_picture(turns):
    keypoints = turns[0].track.keypoints
    small, large = (dense(Track(keypoints, SIZE), size).uv.max(1) > 0 for size in (SIZE, (2 * SIZE[0], 2 * SIZE[1])))
    assert (small == large[:, ::2, ::2]).mean() > 0.98


def test_a_body_is_fitted_to_what_is_seen(turns):
    """Hidden arms, legs out of the picture, a neck that was not found: still one body, about as large."""
    track = turns[0].track
    whole = (fitted_body(track.keypoints, SIZE)[:, 0] > 0).mean()
    for hidden in ([R_KNEE, R_ANKLE, L_ANKLE], [3, 4, 6, 7], [1], [0, 14, 15, 16, 17], [R_HIP]):
        keypoints = track.keypoints.copy()
        keypoints[:, hidden] = 0
        made = (fitted_body(keypoints, SIZE)[:, 0] > 0).mean()
        assert 0.6 * whole < made < 1.5 * whole, hidden
    alone = track.keypoints[:3].copy()
    alone[1] = 0  # a frame that shows nobody
    made = fitted_body(alone, SIZE)
    assert (made[1, 0] > 0).any()
    shifted = track.keypoints.copy()
    shifted[..., :2] += [500, 300]  # far outside the picture
    assert not fitted_body(shifted, SIZE).any()


def test_too_little_of_a_body(turns):
    keypoints = turns[0].track.keypoints.copy()
    keypoints[:, [R_SHOULDER, L_SHOULDER, R_HIP, L_HIP]] = 0
    with pytest.raises(InputError, match="shoulders and the hips"):
        dense(Track(keypoints, SIZE), SIZE)


@pytest.fixture
def maps(turns) -> np.ndarray:
    return turns[0].track.dense[:, 1:].astype(np.float64) / 255


def test_a_numpy_file_is_a_motion(tmp_path, maps):
    np.save(tmp_path / "maps.npy", maps)
    motion = load_motion(tmp_path / "maps.npy")
    assert motion.name.endswith("maps.npy") and len(motion.sha256) == 64 and len(motion.track) == 12
    np.testing.assert_array_equal(dense(motion.track, SIZE).uv, np.rint(maps * 255))
    with pytest.raises(InputError, match="DensePose maps without joints"):
        motion.with_joints()
    np.save(tmp_path / "one.npy", (maps[0] * 255).astype(np.uint8))
    np.testing.assert_array_equal(read_maps(tmp_path / "one.npy", 25).dense[0, 1:], np.rint(maps[0] * 255))


def test_the_published_folder_is_read_in_the_order_of_its_numbers(tmp_path, maps):
    for number, frame in enumerate(maps, start=3):
        np.save(tmp_path / f"frame_{number}_densepose.npy", frame)
    assert is_maps(tmp_path)
    made = dense(load_motion(tmp_path).track, SIZE).uv
    np.testing.assert_array_equal(made, np.rint(maps * 255))
    (tmp_path / "frame_5_densepose.npy").unlink()
    with pytest.raises(InputError, match="no map of frame 5 between frames 3 and 14"):
        load_motion(tmp_path)
    np.save(tmp_path / "frame_5_densepose.npy", maps[0, :, ::2])
    with pytest.raises(InputError, match="frame_5_densepose.npy: a map of 96x64; expected 96x128"):
        load_motion(tmp_path)
    np.save(tmp_path / "some_densepose.npy", maps[0])
    with pytest.raises(InputError, match="no frame number"):
        load_motion(tmp_path)


def test_nothing_on_the_body_falls_off_it(tmp_path, maps):
    faint = np.where(maps.max(1, keepdims=True) > 0, 1e-4, 0) * np.ones((1, 2, 1, 1))
    np.save(tmp_path / "faint.npy", faint)
    assert ((dense(read_maps(tmp_path / "faint.npy", 25), SIZE).uv.max(1) > 0) == (maps.max(1) > 0)).all()


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda m: m[:, :1], r"an array \(12, 1, 128, 96\); expected U and V"),
        (lambda m: m[0, 0], r"an array \(128, 96\)"),
        (lambda m: m[:0], r"an array \(0, 2"),
        (lambda m: m * 3, "values from 0 to 3; expected U and V in"),
        (lambda m: m - 0.5, "values from -0.5"),
        (lambda m: np.where(m > 0.5, np.nan, m), "values from nan"),
        (lambda m: m * 0, "no body in any frame"),
        (lambda m: m.astype(str), "not an array of numbers"),
        (lambda m: m > 0, "not an array of numbers"),
    ],
)
def test_numpy_files_that_are_no_maps(tmp_path, maps, made, words):
    np.save(tmp_path / "wrong.npy", made(maps))
    with pytest.raises(InputError, match=words):
        load_motion(tmp_path / "wrong.npy")


def test_files_that_only_look_like_maps(tmp_path, maps):
    (tmp_path / "text.npy").write_text("hello")
    with pytest.raises(InputError, match="not a readable .npy"):
        load_motion(tmp_path / "text.npy")
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="not a readable .npy"):
        load_motion(tmp_path / "objects.npy")


def test_maps_alone_drive_no_other_model(tmp_path, maps):
    np.save(tmp_path / "maps.npy", maps)
    with pytest.raises(InputError, match="driven by joints"):
        toys.system().animate(toys.photos(), tmp_path / "maps.npy")


def test_maps_go_through_the_fitting_untouched(tmp_path, maps):
    """Nothing can be aligned without joints; a photo's pose changes nothing."""
    np.save(tmp_path / "maps.npy", maps)
    inputs = gather(toys.photos(yaws=(0.0,)), tmp_path / "maps.npy", toys.SIZE)
    assert inputs.aligned.how == "none"
    np.testing.assert_array_equal(inputs.motion.track.dense[:, 1:], np.rint(maps * 255))


class Charts(nn.Module):
    """DensePose's contract without its network: everything bright is a person, and the parts are rows of the box."""

    def __init__(self, people: int = 1, score: float = 0.9) -> None:
        super().__init__()
        self.people, self.score = people, score

    def forward(self, picture: Tensor) -> dict[str, Tensor]:
        bright = (picture.float().amax(2) > 64).nonzero()
        n = self.people if len(bright) > 0 else 0
        box = torch.zeros(0, 4)
        if n > 0:
            low, high = bright.amin(0), bright.amax(0) + 1
            one = torch.stack([low[1], low[0], high[1], high[0]]).float()
            box = torch.stack([one - i * torch.tensor([0.0, 0.0, 4.0, 4.0]) for i in range(n)])
        rows = torch.linspace(0, 1, 8)
        part = torch.where(rows < 0.5, 2, 7)
        fine = torch.zeros(n, 25, 8, 8)
        for y in range(8):
            fine[:, int(part[y]), y] = 1.0
        coarse = torch.stack([torch.zeros(n, 8, 8), torch.ones(n, 8, 8)], dim=1)
        u = rows[None, None, None, :].expand(n, 25, 8, 8)
        v = rows[None, None, :, None].expand(n, 25, 8, 8)
        return {
            "pred_boxes": box,
            "scores": torch.full([n], self.score),
            "pred_densepose_coarse_segm": coarse,
            "pred_densepose_fine_segm": fine,
            "pred_densepose_u": u,
            "pred_densepose_v": v,
        }


class Silent(nn.Module):
    """A TorchScript network of another kind."""

    def forward(self, picture: Tensor) -> Tensor:
        return picture


def scripted(folder, network: nn.Module):
    path = folder / "densepose.pt"
    torch.jit.script(network).save(str(path))
    return path


def frames(count: int = 2) -> np.ndarray:
    made = np.zeros((count, 3, 64, 48), np.uint8)
    made[:, :, 10:50, 12:36] = 200
    return made


def test_a_torchscript_network_gives_maps(tmp_path):
    made, notices = DensePoseNetwork(scripted(tmp_path, Charts())).maps(frames(), "film")
    assert made.shape == (2, 3, 64, 48) and made.dtype == np.uint8 and notices == []
    there = made[:, 0] > 0
    assert there[:, 10:50, 12:36].all() and there.sum() == 2 * 40 * 24
    assert (made[0, 0, 11:28, 20] == 2).all() and (made[0, 0, 32:49, 20] == 7).all()
    assert (np.diff(made[0, 1, 30, 12:36].astype(int)) >= 0).all() and made[0, 1, 30, 34] > 240
    assert (np.diff(made[0, 2, 10:50, 20].astype(int)) >= 0).all() and made[0, 2, 48, 20] > 240


def test_a_frame_without_anybody_is_empty(tmp_path):
    film = frames(3)
    film[1] = 0
    network = DensePoseNetwork(scripted(tmp_path, Charts()))
    made, notices = network.maps(film, "film")
    assert not made[1].any() and made[2].any() and notices == ["film: DensePose finds nobody in 1 of 3 frames"]
    with pytest.raises(InputError, match="nobody in any frame"):
        network.maps(film[1:2], "film")
    with pytest.raises(InputError, match="nobody in any frame"):
        DensePoseNetwork(scripted(tmp_path, Charts(score=0.2))).maps(film, "film")


def test_several_people_need_a_number(tmp_path):
    network = DensePoseNetwork(scripted(tmp_path, Charts(people=2)))
    with pytest.raises(InputError, match="film, frame 0: 2 people; expected one, or --person N"):
        network.maps(frames(), "film")
    first, second = (network.maps(frames(1), "film", person)[0] for person in (1, 2))
    assert (first[0, 0] > 0).sum() == 40 * 24 and (second[0, 0] > 0).sum() == 36 * 20


def test_files_that_are_no_densepose(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        DensePoseNetwork(tmp_path / "absent.pt")
    (tmp_path / "text.pt").write_text("hello")
    with pytest.raises(InputError, match="not DensePose as TorchScript"):
        DensePoseNetwork(tmp_path / "text.pt")
    with pytest.raises(InputError, match="returns Tensor; expected DensePose's pred_boxes"):
        DensePoseNetwork(scripted(tmp_path, Silent())).maps(frames(), "film")


def test_poses_writes_maps_beside_joints(tmp_path, capsys):
    """`lookreel poses` with a DensePose: joints by the detector, maps by DensePose, in one track."""
    still = mannequin.frames_at(SEEDS[0], [0.0], (256, 192)).frames[0]
    Image.fromarray(still.permute(1, 2, 0).numpy()).save(tmp_path / "photo.png")
    network, out = scripted(tmp_path, Charts()), tmp_path / "photo.npz"
    assert cli.main(["poses", str(tmp_path / "photo.png"), "--densepose", str(network), "--out", str(out)]) == 0
    assert "U,V maps by DensePose" in capsys.readouterr().err
    track = Track.load(out)
    assert track.dense is not None and track.size == (256, 192)
    if Finder().detector is not None:
        assert (track.keypoints[..., 2] > 0.3).sum() > 10
    np.save(tmp_path / "maps.npy", track.dense[:, 1:])
    again = tmp_path / "again.npz"
    assert cli.main(["poses", str(tmp_path / "maps.npy"), "--out", str(again)]) == 0
    np.testing.assert_array_equal(Track.load(again).dense[:, 1:], surface(track.dense))
    assert cli.main(["poses", str(again), "--densepose", str(network), "--out", str(out), "--force"]) == 2
    assert "has no pictures" in capsys.readouterr().err
