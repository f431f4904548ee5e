"""Training samples: drawn from (seed, step, sample) alone, and what is in them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from lookreel.data.latents import Encoded
from lookreel.diffusion.objective import sample_timesteps
from lookreel.poses.flow import keypoint_flow
from lookreel.profashion import batches
from lookreel.profashion.batches import Sampling, drawn
from lookreel.training.task import draws
from toys import SIZE, track

GRID = (4, 3)
FEW = Sampling(targets=4, flow="keypoints")


class Cache:
    """Garments whose latents tell garment and frame: 100 * garment + frame, in every cell; the flow is one more."""

    def __init__(self, garments: int = 5, frames: int = 8) -> None:
        self.tracks = [track(frames, 900_000 + i).keypoints for i in range(garments)]

    def __len__(self) -> int:
        return len(self.tracks)

    def __getitem__(self, number: int) -> Encoded:
        frames = len(self.tracks[number])
        marks = 100 * number + torch.arange(frames)
        latents = marks[:, None, None, None].expand(-1, 4, 8, 6).half()
        flow = marks[:, None, None, None].expand(-1, 2, 8, 6).half() + 1
        seen = torch.ones(frames, 8, 6, dtype=torch.bool)
        embeddings, keypoints = marks[:, None].expand(-1, 8).half(), torch.from_numpy(self.tracks[number])
        return Encoded(latents, embeddings, keypoints, flow, seen)


CACHE = Cache()


def made(kind: str, samples, sampling: Sampling = FEW, *, seed: int = 0, step: int = 1, cache: Cache = CACHE):
    if kind == "pictures":
        return batches.pictures(cache, sampling, SIZE, seed, step, samples)
    return batches.clips(cache, sampling, SIZE, GRID, seed, step, samples)


def equal(one, other) -> bool:
    pairs = [(a, getattr(other, name)) for name, a in vars(one).items()]
    return all(a is b is None or torch.equal(a, b) for a, b in pairs)


def joined(*parts):
    rows = {name: [getattr(part, name) for part in parts] for name in vars(parts[0])}
    return type(parts[0])(**{name: None if row[0] is None else torch.cat(row) for name, row in rows.items()})


@pytest.mark.parametrize("kind", ["pictures", "clips"])
def test_a_batch_depends_on_seed_step_and_sample_alone(kind):
    one = made(kind, range(3))
    torch.manual_seed(99)
    assert equal(made(kind, range(3)), one)
    for other in ({"seed": 1}, {"step": 2}):
        changed = made(kind, range(3), **other)
        assert not torch.equal(changed.noise, one.noise) and not torch.equal(changed.latents, one.latents)
    assert not torch.equal(made(kind, range(3, 6)).noise, one.noise)


@pytest.mark.parametrize("kind", ["pictures", "clips"])
def test_two_processes_batches_are_one_processs_batch(kind):
    assert equal(joined(made(kind, range(2)), made(kind, range(2, 4))), made(kind, range(4)))


def test_shapes_and_types():
    for kind, flow in (("pictures", False), ("clips", True)):
        batch = made(kind, range(2))
        assert batch.reference_latents.shape == (2, 3, 4, 8, 6) and batch.reference_latents.dtype == torch.float32
        assert batch.reference_embeddings.shape == (2, 3, 8) and batch.reference_poses.shape == (2, 3, 3, *SIZE)
        assert batch.latents.shape == batch.noise.shape == (2, 4, 4, 8, 6) and batch.poses.shape == (2, 4, 3, *SIZE)
        assert batch.t.shape == batch.drop.shape == (2, 4)
        assert (batch.t.dtype, batch.drop.dtype) == (torch.int64, torch.bool)
        assert 0 <= batch.t.min() and batch.t.max() < 1000 and 0 <= batch.poses.min() and batch.poses.max() <= 1
        assert (batch.delta is not None) == flow
    assert batch.delta.shape == (2, 4, 2, *GRID) and batch.mask.shape == (2, 4, *GRID)


@pytest.mark.parametrize("kind", ["pictures", "clips"])
def test_latents_embeddings_and_poses_belong_to_the_same_frames(kind):
    batch = made(kind, range(8))
    marks = batch.latents[:, :, 0, 0, 0].long()
    photos = batch.reference_latents[:, :, 0, 0, 0].long()
    assert (marks // 100 == photos[:, :1] // 100).all() and (photos // 100 == photos[:, :1] // 100).all()
    assert_close(batch.reference_embeddings[:, :, 0].long(), photos)
    for sample in (0, 5):
        garment = int(photos[sample, 0] // 100)
        assert_close(batch.poses[sample], drawn(CACHE.tracks[garment][marks[sample] % 100], SIZE))
        assert_close(batch.reference_poses[sample], drawn(CACHE.tracks[garment][photos[sample] % 100], SIZE))


def test_references_are_distinct_frames_in_random_order():
    photos = made("pictures", range(60)).reference_latents[:, :, 0, 0, 0].long() % 100
    assert all(len(set(row.tolist())) == 3 for row in photos)
    assert (photos.diff(dim=1) > 0).all(1).float().mean() < 0.5  # not sorted


def test_pictures_are_unrelated_frames_and_clips_are_windows():
    frames = made("pictures", range(40)).latents[:, :, 0, 0, 0] % 100
    assert set(frames.long().ravel().tolist()) == set(range(8)) and not (frames.diff(dim=1) == 1).all(1).all()
    windows = made("clips", range(40), replace(FEW, stills=0)).latents[:, :, 0, 0, 0] % 100
    assert (windows.diff(dim=1) == 1).all()
    assert set(windows[:, 0].long().tolist()) == {0, 1, 2, 3, 4}


def test_stills_repeat_one_frame_and_have_no_flow():
    batch = made("clips", range(6), replace(FEW, stills=1))
    assert not batch.latents.diff(dim=1).any() and not batch.mask.any() and not batch.delta.any()
    share = made("clips", range(90), replace(FEW, stills=0.3)).latents.diff(dim=1).flatten(1).any(1)
    assert 0.55 < share.float().mean() < 0.85


def test_a_clip_shares_its_timestep_and_its_drop():
    batch = made("clips", range(100), replace(FEW, drop=0.5))
    assert (batch.t == batch.t[:, :1]).all() and (batch.drop == batch.drop[:, :1]).all()
    assert 0.3 < batch.drop[:, 0].float().mean() < 0.7
    single = made("pictures", range(100), replace(FEW, drop=0.5))
    assert (single.t != single.t[:, :1]).any() and (single.drop != single.drop[:, :1]).any()


@pytest.mark.parametrize(("drop", "expected"), [(0, 0), (1, 1)])
def test_drop_is_a_share(drop, expected):
    for kind in ("pictures", "clips"):
        assert made(kind, range(5), replace(FEW, drop=drop)).drop.float().mean() == expected


def test_flow_is_that_of_the_window():
    batch = made("clips", range(6), replace(FEW, stills=0))
    for sample in range(6):
        marks = batch.latents[sample, :, 0, 0, 0].long()
        delta, mask = keypoint_flow(CACHE.tracks[int(marks[0]) // 100][marks % 100], SIZE, GRID)
        assert_close(batch.delta[sample], torch.from_numpy(delta))
        assert torch.equal(batch.mask[sample], torch.from_numpy(mask))
    assert batch.mask.any() and not batch.mask[:, 0].any()


def test_both_sources_of_flow_can_be_asked_for():
    for flow in ("farneback", "keypoints"):
        batch = made("clips", range(2), replace(FEW, stills=0, flow=flow))
        assert batch.delta.shape == (2, 4, 2, *GRID) and batch.mask.any()


def test_cached_flow_counts_where_the_window_moves_on():
    surface = replace(FEW, stills=0, flow="surface")
    batch = made("clips", range(6), surface)
    assert batch.delta.shape == (6, 4, 2, 8, 6)
    assert not batch.mask[:, 0].any() and not batch.delta[:, 0].any() and batch.mask[:, 1:].all()
    assert_close(batch.delta[:, 1:, 0], batch.latents[:, 1:, 0] + 1)
    still = made("clips", range(6), replace(surface, stills=1))
    assert not still.mask.any() and not still.delta.any()
    short = made("clips", range(4), surface, cache=Cache(2, 2))
    assert short.mask[:, 1].all() and not short.mask[:, 2:].any()


@pytest.mark.parametrize("frames", [1, 2])
def test_clips_shorter_than_a_window_stand_still_at_their_end(frames):
    batch = made("clips", range(4), replace(FEW, stills=0), cache=Cache(2, frames))
    assert (batch.latents[:, :, 0, 0, 0] % 100).long().tolist() == [
        [0, 1, 1, 1][:frames] + [frames - 1] * (4 - frames)
    ] * 4
    assert batch.reference_latents.shape[1] == 3
    assert not batch.mask[:, 2:].any()


def test_draws_of_neighbouring_samples_are_unrelated():
    seen = []
    for key in ((0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0)):
        choices, noise = draws(*key)
        seen.append((choices.integers(2**40), torch.randn((), generator=noise).item()))
    assert len({a for a, _ in seen}) == len({b for _, b in seen}) == 4
    values = torch.stack([torch.randn(200, generator=draws(0, 0, i)[1]) for i in range(200)])
    assert abs(values.mean()) < 0.02 and abs(values.std() - 1) < 0.02
    assert torch.corrcoef(values)[~torch.eye(200, dtype=torch.bool)].abs().max() < 0.4


def test_timesteps_cover_the_schedule():
    t = torch.cat([sample_timesteps(draws(0, step, 0)[1], 1) for step in range(500)]).numpy()
    assert np.abs(np.histogram(t, 4, (0, 1000))[0] - 125).max() < 40


def test_to_moves_every_tensor():
    moved = batches.to(made("pictures", range(1)), torch.device("meta"))
    assert all(value is None or value.is_meta for value in vars(moved).values())
