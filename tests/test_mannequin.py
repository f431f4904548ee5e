"""The bundled world: what it promises to training, checked on the pictures themselves."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from lookreel.data.mannequin import MOTIONS, TEST, TRAIN, VALIDATION, clip, frames_at
from lookreel.data.mannequin.bare import arms, trunk
from lookreel.data.mannequin.camera import Camera
from lookreel.data.mannequin.clothes import clothes
from lookreel.data.mannequin.fabric import Cloth, Panel
from lookreel.data.mannequin.letters import LETTERS
from lookreel.data.mannequin.motifs import SHAPES, inside
from lookreel.data.mannequin.moves import Moves
from lookreel.data.mannequin.physique import Physique
from lookreel.data.mannequin.pose import Pose
from lookreel.data.mannequin.stance import Stance
from lookreel.data.mannequin.wardrobe import Outfit
from lookreel.errors import InputError
from lookreel.poses.skeleton import JOINTS, L_HIP, L_SHOULDER, NECK, NOSE, R_HIP, R_SHOULDER

SEEDS = range(1_000_000, 1_000_012)


def _r(keypoints: np.ndarray) -> np.ndarray:
    hip = 0.5 * (keypoints[:, R_HIP, 1] + keypoints[:, L_HIP, 1])
    return (keypoints[:, R_SHOULDER, 0] - keypoints[:, L_SHOULDER, 0]) / (hip - keypoints[:, NECK, 1])


def _warped(frames: torch.Tensor, flow: torch.Tensor) -> torch.Tensor:
    """Frame i - 1 sampled at p + flow, for i = 1..F-1."""
    height, width = frames.shape[2:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    place = torch.stack((x, y)) + flow[1:]
    grid = torch.stack(((2 * place[:, 0] + 1) / width - 1, (2 * place[:, 1] + 1) / height - 1), dim=3)
    return functional.grid_sample(frames[:-1].float(), grid, align_corners=False, padding_mode="border")


@pytest.mark.parametrize("size", [(128, 96), (130, 98), (64, 80)])
def test_shapes_and_types(size):
    made, (height, width) = clip(3, "walk", frames=5, size=size, fps=8.0), size
    assert made.frames.shape == (5, 3, height, width) and made.frames.dtype == torch.uint8
    assert made.dense.shape == (5, 3, height, width) and made.dense.dtype == torch.uint8
    assert made.flow.shape == (5, 2, height, width) and made.flow.dtype == torch.float32
    assert made.yaw.shape == (5,) and made.yaw.dtype == torch.float32
    assert all(made.masks[name].shape == (5, height, width) for name in ("garment", "person"))
    assert all(mask.dtype == torch.bool for mask in made.masks.values())
    assert made.track.keypoints.shape == (5, len(JOINTS), 3) and made.track.keypoints.dtype == np.float32
    assert made.track.size == size and made.track.fps == 8.0
    np.testing.assert_array_equal(made.track.dense, made.dense.numpy())


def test_same_seed_same_bytes_whatever_the_global_state():
    one = clip(11, "turn", frames=4)
    np.random.seed(5)  # noqa: NPY002 - the global state is what must not matter
    torch.manual_seed(5)
    other = clip(11, "turn", frames=4)
    torch.testing.assert_close(one.frames, other.frames, rtol=0, atol=0)
    torch.testing.assert_close(one.flow, other.flow, rtol=0, atol=0)
    np.testing.assert_array_equal(one.track.keypoints, other.track.keypoints)
    assert not torch.equal(one.frames, clip(12, "turn", frames=4).frames)


def test_long_clips_are_the_same_in_pieces():
    """Frames are rendered in chunks; a sway's first frames do not depend on how many follow."""
    torch.testing.assert_close(clip(4, "sway", frames=9).frames[:5], clip(4, "sway", frames=5).frames, rtol=0, atol=1)


def test_every_motion_wears_the_same_garment():
    still = frames_at(21, [0.0])
    expected = still.frames[0].float()[:, still.masks["garment"][0]].mean(dim=1)
    for motion in ("sway", "walk"):
        made = clip(21, motion, frames=2)
        seen = made.frames[0].float()[:, made.masks["garment"][0]].mean(dim=1)
        assert (seen - expected).abs().max() < 20, motion
    other = frames_at(22, [0.0])
    assert (other.frames[0].float()[:, other.masks["garment"][0]].mean(dim=1) - expected).abs().max() > 20


def test_shoulders_tell_the_yaw():
    yaws = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    for seed in SEEDS:
        np.testing.assert_allclose(_r(frames_at(seed, yaws).track.keypoints), -0.6 * np.cos(yaws), atol=0.05)
    turn = clip(2, "turn")
    np.testing.assert_allclose(_r(turn.track.keypoints), -0.6 * np.cos(turn.yaw.numpy()), atol=0.05)


def test_motions_cover_what_they_name():
    turn, half = clip(7, "turn", frames=16).yaw, clip(7, "half-turn", frames=16).yaw
    assert abs(abs(float(turn[-1] - turn[0])) - 2 * np.pi * 15 / 16) < 1e-4 and (torch.cos(turn) < -0.9).any()
    assert torch.cos(half[0]) > 0.9 and torch.cos(half[-1]) < -0.9
    for motion in ("sway", "walk"):
        assert (torch.cos(clip(7, motion, frames=16).yaw) > 0.7).all()


def test_the_face_is_seen_from_the_front_only():
    confidence = frames_at(5, [0.0, np.pi]).track.keypoints[..., 2]
    assert confidence[0, NOSE] > 0.5 and confidence[1, NOSE] == 0
    assert (confidence[:, [NECK, R_SHOULDER, L_SHOULDER, R_HIP, L_HIP]] > 0.5).all()


@pytest.mark.parametrize("motion", MOTIONS)
def test_seen_joints_lie_on_the_person(motion):
    hits = []
    for seed in SEEDS:
        made = clip(seed, motion, frames=6)
        person = functional.max_pool2d(made.masks["person"].float(), 3, stride=1, padding=1)
        for frame, joint in np.argwhere(made.track.keypoints[..., 2] > 0):
            x, y = np.rint(made.track.keypoints[frame, joint, :2]).astype(int)
            hits.append(bool(person[frame, y, x]))
    assert np.mean(hits) > 0.995


def test_masks_labels_and_flow_agree():
    made = clip(9, "turn", frames=8)
    garment, person = made.masks["garment"], made.masks["person"]
    assert (garment & ~person).sum() == 0 and 0.05 < garment.float().mean() < person.float().mean() < 0.6
    assert ((made.dense[:, 0] > 0) == person).all() and made.dense[:, 0].max() <= 24
    assert (made.flow.abs().sum(1)[~person] == 0).all() and (made.flow[0] == 0).all()
    front, back = (frames_at(9, [yaw]).dense[0, 0] for yaw in (0.0, np.pi))
    assert (front == 2).sum() > 200 and (front == 1).sum() < 50
    assert (back == 1).sum() > 200 and (back == 2).sum() < 50


@pytest.mark.parametrize("motion", MOTIONS)
def test_flow_leads_back_to_the_frame_before(motion):
    """Where the point was also visible one frame earlier, that frame explains this one through the flow."""
    with_flow, without = [], []
    for seed in (31, 32, 33, 35):
        made = clip(seed, motion, frames=12, size=(256, 192))
        then = _warped(made.frames, made.flow)
        label = made.dense.float()
        change = (_warped(label, made.flow) - label[1:]).abs()
        same = (change[:, 0] < 0.01) & (change[:, 1:].amax(1) < 6)  # the same point of the body, so it was visible
        inner = -functional.max_pool2d(-made.masks["garment"][1:, None].float(), 5, stride=1, padding=2)[:, 0] > 0
        use = same & inner
        assert use.float().mean() > 0.03
        now, before = made.frames[1:].float(), made.frames[:-1].float()
        with_flow.append((then - now).abs().mean(1)[use].mean())
        without.append((before - now).abs().mean(1)[use].mean())
    assert np.mean(with_flow) < 0.5 * np.mean(without)


def test_points_placed_in_their_own_frame_are_where_the_camera_met_them():
    camera = Camera((128, 96))
    pose = Pose.of(Stance.of(31), Moves.of(31, "walk", 3, 12.0))
    body, outfit = Physique.of(31), Outfit.of(31)
    for piece in [trunk(pose, body), *clothes(pose, body, outfit), *arms(pose, body)]:
        hits = piece.solid.hits(camera, slice(0, 3))
        surface = hits.surface(np.arange(len(hits.index)))
        frame, row, column = np.unravel_index(hits.index, (3, *camera.shape))
        x, height = piece.solid.place(surface.frame, surface)
        np.testing.assert_array_equal(surface.frame, frame)
        np.testing.assert_allclose(x, camera.xs[column], atol=1e-5)
        np.testing.assert_allclose(height, camera.heights[row], atol=1e-5)
        np.testing.assert_allclose(np.linalg.norm(surface.normal, axis=0), 1, atol=1e-3)


def test_fronts_and_backs_differ():
    differences = []
    for seed in SEEDS:
        made = frames_at(seed, [0.0, np.pi])
        front, back = made.frames.float() / 255
        both = made.masks["garment"].all(dim=0)
        differences.append(float(((front - back.flip(2)) ** 2).mean(0)[both & both.flip(1)].mean()))
    assert min(differences) > 0.005 and np.mean(differences) > 0.05


def test_the_figure_stands_in_the_middle():
    for seed in SEEDS:
        person = frames_at(seed, [0.0]).masks["person"][0]
        rows, columns = torch.nonzero(person.any(1))[:, 0], torch.nonzero(person.any(0))[:, 0]
        assert 0.78 < len(rows) / 128 < 0.92
        assert abs(float(columns.min() + columns.max()) / 2 - 47.5) < 8


def test_letters_read_the_right_way_round_on_both_sides():
    """The stem of an L lies to the left of who looks: on the person's right in front, on their left behind."""
    ink, base = np.ones(3, np.float32), np.zeros(3, np.float32)
    panel = Panel(base, motif="L", motif_color=ink, radius=0.08, centre=0.7)
    theta = np.array([-0.6, 0.6, np.pi - 0.6, 0.6 - np.pi], np.float32)
    seen = Cloth(panel, panel).color(theta, 0.09 * theta, np.full(4, 0.72, np.float32))
    np.testing.assert_array_equal(seen[:, 0], [1, 0, 1, 0])


def test_every_letter_has_ink_of_its_own():
    y, x = np.mgrid[-1:1:33j, -1:1:33j]
    shapes = {name: inside(name, x.ravel(), y.ravel()).tobytes() for name in (*LETTERS, *SHAPES)}
    assert len(LETTERS) == 26 and len(set(shapes.values())) == 26 + len(SHAPES)


def test_seed_ranges_do_not_meet():
    assert TRAIN.stop <= VALIDATION.start and VALIDATION.stop <= TEST.start == 1_000_000


def test_wrong_input_is_refused():
    with pytest.raises(InputError, match="cartwheel"):
        clip(0, "cartwheel")
    with pytest.raises(InputError, match="frames"):
        clip(0, frames=0)
    with pytest.raises(InputError, match="8x6"):
        clip(0, size=(8, 6))
