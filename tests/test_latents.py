"""The cache of latents: what it holds, and that it is filled once, also by an interrupted or a shared run."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from lookreel.data.latents import LatentCache
from lookreel.data.source import Mannequins
from lookreel.encoders.image_encoder import ImageEncoder
from lookreel.encoders.vae import LatentCodec
from lookreel.errors import InputError
from lookreel.poses.densepose import of_body
from lookreel.poses.skeleton import L_HIP, R_HIP
from lookreel.poses.surface_flow import surface_flow
from toys import SIZE, codec, image_encoder


@dataclass
class Counted:
    """A source that remembers which clips it was asked for, and may fail at one of them."""

    inner: Mannequins = field(default_factory=lambda: Mannequins(SIZE, count=5, frames=3))
    asked: list[int] = field(default_factory=list)
    fails_at: int | None = None

    def __len__(self) -> int:
        return len(self.inner)

    def describe(self) -> str:
        return self.inner.describe()

    def clip(self, number: int):
        if number == self.fails_at:
            raise KeyboardInterrupt
        self.asked.append(number)
        return self.inner.clip(number)


def test_it_holds_what_the_encoders_say(tmp_path):
    made, vae, clip = Counted(), codec(), image_encoder()
    cache = LatentCache(tmp_path / "latents", made)
    cache.fill(vae, clip)
    assert len(cache) == 5
    frames, track = made.inner.clip(3)
    pixels = frames.float() / 127.5 - 1
    found = cache[3]
    assert_close(found.latents, vae.encode(pixels).half())
    assert_close(found.embeddings, clip.encode(pixels).half())
    assert_close(found.keypoints, torch.from_numpy(track.keypoints))
    assert found.latents.shape == (3, 4, 8, 6) and found.keypoints.dtype == torch.float32


def test_the_surface_is_cached_where_it_is_asked_for(tmp_path):
    made = Counted()
    LatentCache(tmp_path / "with", made, surface=True).fill(codec(), image_encoder())
    LatentCache(tmp_path / "without", made).fill(codec(), image_encoder())
    assert LatentCache(tmp_path / "without", made)[3].flow is None
    found = LatentCache(tmp_path / "with", made)[3]
    flow, mask = surface_flow(made.inner.clip(3)[1].dense, (8, 6))
    assert torch.equal(found.flow, torch.from_numpy(flow).half()) and torch.equal(
        found.flow_mask, torch.from_numpy(mask)
    )
    with pytest.raises(InputError, match="expected a new --out"):
        LatentCache(tmp_path / "without", made, surface=True).fill(codec(), image_encoder())


class Undressed(Counted):
    """The same clips with tracks that have joints alone."""

    def clip(self, number: int):
        frames, track = super().clip(number)
        return frames, replace(track, dense=None)


def test_tracks_of_joints_alone_take_a_fitted_body(tmp_path):
    made = Undressed()
    LatentCache(tmp_path, made, surface=True).fill(codec(), image_encoder())
    flow, _ = surface_flow(of_body(made.inner.clip(3)[1]).dense, (8, 6))
    assert torch.equal(LatentCache(tmp_path, made)[3].flow, torch.from_numpy(flow).half())


class Hipless(Undressed):
    """Tracks in which no hip is ever seen."""

    def clip(self, number: int):
        frames, track = super().clip(number)
        keypoints = np.array(track.keypoints)
        keypoints[:, [R_HIP, L_HIP], 2] = 0
        return frames, replace(track, keypoints=keypoints)


def test_where_no_torso_is_seen_nothing_is_known(tmp_path):
    made = Hipless()
    LatentCache(tmp_path, made, surface=True).fill(codec(), image_encoder())
    found = LatentCache(tmp_path, made)[3]
    assert not found.flow.any() and not found.flow_mask.any()


def test_it_is_filled_once(tmp_path):
    made = Counted()
    for _ in range(2):
        LatentCache(tmp_path, made).fill(codec(), image_encoder())
    assert made.asked == [0, 1, 2, 3, 4]


def test_an_interrupted_fill_goes_on_where_it_stopped(tmp_path):
    made = Counted(fails_at=3)
    with pytest.raises(KeyboardInterrupt):
        LatentCache(tmp_path, made).fill(codec(), image_encoder())
    made.fails_at = None
    made.asked.clear()
    LatentCache(tmp_path, made).fill(codec(), image_encoder())
    assert made.asked == [3, 4]
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [*(f"{i:06d}.safetensors" for i in range(5)), "source.json"]


def test_a_clip_that_fails_while_it_is_written_is_not_there(tmp_path, monkeypatch):
    from lookreel.data import clip_files

    def broken(tensors, path):
        path.write_bytes(b"half a fi")
        raise OSError("disk full")

    cache = LatentCache(tmp_path, Counted())
    monkeypatch.setattr(clip_files, "save_file", broken)
    with pytest.raises(OSError, match="disk full"):
        cache.fill(codec(), image_encoder())
    monkeypatch.undo()
    cache.fill(codec(), image_encoder())
    assert len(cache[0].latents) == 3


def test_processes_share_the_work(tmp_path):
    made, by_process = Counted(), []
    for process in (1, 0):
        LatentCache(tmp_path, made).fill(codec(), image_encoder(), process, 2)
        by_process.append(list(made.asked))
        made.asked.clear()
    assert by_process == [[1, 3], [0, 2, 4]]
    assert len(LatentCache(tmp_path, made)[4].latents) == 3


def test_latents_of_other_data_or_encoders_are_refused(tmp_path):
    LatentCache(tmp_path, Counted()).fill(codec(), image_encoder())
    other, changed = Counted(inner=Mannequins(SIZE, first=9, count=5, frames=3)), image_encoder()
    changed.clip.visual_projection.weight.data.neg_()
    for made, clip in ((other, image_encoder()), (Counted(), changed)):
        with pytest.raises(InputError, match="other data, encoders or flow"):
            LatentCache(tmp_path, made).fill(codec(), clip)
    more = Counted(inner=Mannequins(SIZE, count=6, frames=3))
    LatentCache(tmp_path, more).fill(codec(), image_encoder())
    assert more.asked == [5]


def test_encoders_read_back_at_half_precision_are_the_same_encoders(tmp_path):
    """Stage 2 takes them from stage 1's model, which keeps half precision."""
    LatentCache(tmp_path / "latents", Counted()).fill(codec(), image_encoder())
    codec().save_pretrained(tmp_path / "vae", torch.float16)
    image_encoder().save_pretrained(tmp_path / "clip", torch.float16)
    made = Counted()
    half = LatentCodec.from_pretrained(tmp_path / "vae"), ImageEncoder.from_pretrained(tmp_path / "clip")
    LatentCache(tmp_path / "latents", made).fill(*half)
    assert made.asked == []
