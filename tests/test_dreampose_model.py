"""DreamPose's networks, conditions and loss: shapes, the invariants of the start, five poses, what is dropped."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from dreampose_toys import CONFIG, GRID, batch, encoders, model, photo, system
from lookreel.dreampose import config as configs
from lookreel.dreampose.conditions import Photo, null_photo, pose_cells, pose_windows, see, windows_of
from lookreel.dreampose.config import DreamPoseConfig
from lookreel.dreampose.model import DreamPose, PictureStage, from_base, widened
from lookreel.dreampose.start import begin, start
from lookreel.errors import InputError
from lookreel.nets.unet import UNet
from lookreel.nets.weights import write_json
from toys import awake, seeded

PIXELS = torch.from_numpy(photo()).permute(2, 0, 1)[None] / 127.5 - 1


def random(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_the_published_shapes():
    with torch.device("meta"):
        made = DreamPose(configs.sd15())
    assert tuple(made.unet.conv_in.weight.shape) == (320, 14, 3, 3) and made.unet.conv_in.bias is not None
    adapter = {name: tuple(p.shape) for name, p in made.adapter.state_dict().items()}
    assert adapter == {
        "vae2clip.weight": (768, 1280),
        "vae2clip.bias": (768,),
        "linear1.weight": (50, 54),
        "linear1.bias": (50,),
    }
    assert sum(p.numel() for p in made.adapter.parameters()) == 986_558
    assert len(made.unet.state_dict()) == 686


def test_the_bundled_size_is_small_enough():
    with torch.device("meta"):
        made = DreamPose(configs.mini())
    assert 2 * sum(p.numel() for p in made.parameters()) < 10 * 2**20


@pytest.mark.parametrize("poses", [1, 5])
def test_at_the_start_it_is_its_base_whatever_pose_and_photo(poses):
    config = CONFIG.with_poses(poses)
    with seeded(2):
        base = awake(UNet(replace(config.unet, in_channels=4))).eval()
    made = from_base(config, base).eval()
    x, t = random(2, 4, *GRID), torch.tensor([10, 900])
    tokens = random(2, config.photo_tokens, config.unet.cross_attention_dim, seed=2)
    for seed in (3, 4):
        poses_given = random(2, config.pose_channels, *GRID, seed=seed)
        context = made.context(Photo(tokens, random(2, 4, *GRID, seed=seed)))
        assert_close(context, tokens)
        assert_close(made(x, t, context, poses_given), base(x, t, tokens))
    assert torch.equal(made.unet.conv_in.bias, base.conv_in.bias)
    assert not made.unet.conv_in.weight[:, 4:].any()


def test_fresh_networks_do_not_read_poses_either():
    made = model().eval()
    assert not made.unet.conv_in.weight[:, 4:].any() and made.unet.conv_in.weight[:, :4].any()


def test_after_the_start_pose_and_photo_have_a_say():
    made = system().model
    x, t, poses = random(1, 4, *GRID), torch.tensor([500]), random(1, 10, *GRID, seed=2)
    seen = Photo(random(1, 5, 16, seed=3), random(1, 4, *GRID, seed=4))
    context = made.context(seen)
    whole = made(x, t, context, poses)
    for i in range(10):  # each of the five maps' channels counts
        other = poses.clone()
        other[:, i] += 1
        assert not torch.allclose(made(x, t, context, other), whole)
    assert not torch.allclose(made.context(Photo(seen.tokens, seen.latent + 1)), context)


def test_without_vae_tokens_only_clip_speaks():
    made = model(replace(CONFIG, vae_tokens=False))
    tokens = random(2, 5, 16)
    assert torch.equal(made.context(Photo(tokens, random(2, 4, *GRID))), tokens)


def test_another_base_is_refused():
    with pytest.raises(InputError, match="levels of"):
        from_base(CONFIG, UNet(replace(CONFIG.unet, in_channels=4, block_out_channels=(16, 16, 16))))


def test_widened_keeps_everything_else():
    state = UNet(replace(CONFIG.unet, in_channels=4)).state_dict()
    wide = widened(state, 14)
    assert tuple(wide["conv_in.weight"].shape) == (16, 14, 3, 3)
    assert torch.equal(wide["conv_in.weight"][:, :4], state["conv_in.weight"])
    assert all(wide[name] is tensor for name, tensor in state.items() if name != "conv_in.weight")


def test_five_poses_with_repeated_ends():
    cells = torch.arange(4.0).reshape(4, 1, 1, 1).expand(4, 2, 1, 1) * torch.tensor([1.0, -1.0]).reshape(1, 2, 1, 1)
    windows = windows_of(cells, 5)[:, ::2, 0, 0]
    assert windows.tolist() == [[0, 0, 0, 1, 2], [0, 0, 1, 2, 3], [0, 1, 2, 3, 3], [1, 2, 3, 3, 3]]
    assert torch.equal(windows_of(cells, 5)[:, 1::2], -windows_of(cells, 5)[:, ::2])  # U, V, U, V ...
    assert torch.equal(windows_of(cells, 1), cells)
    assert windows_of(cells[:1], 5)[0, :, 0, 0].tolist() == [0] * 10


def test_maps_become_cells_by_the_nearest_value():
    uv = np.zeros((2, 2, *CONFIG.size), np.uint8)
    uv[1, 0, 4:8, 8:12] = 255  # one cell
    cells = pose_cells(uv, CONFIG)
    assert cells.shape == (2, 2, *GRID) and cells.dtype == torch.float32
    assert (cells[0] == -1).all() and cells[1, 0, 1, 2] == 1 and (cells[1] == 1).sum() == 1
    assert set(cells.unique().tolist()) == {-1.0, 1.0}  # nothing in between
    assert pose_windows(uv, CONFIG).shape == (2, 10, *GRID)


@pytest.mark.parametrize("shape", [(2, 2, 24, 32), (2, 3, 32, 24), (2, 32, 24), (2, 2, 64, 48)])
def test_maps_of_another_size_or_channel_count_are_refused(shape):
    with pytest.raises(InputError, match="expected U and V, uint8"):
        pose_windows(np.zeros(shape, np.uint8), CONFIG)
    with pytest.raises(InputError, match="float32"):
        pose_windows(np.zeros((2, 2, *CONFIG.size), np.float32), CONFIG)


def test_what_is_seen_of_a_photo():
    frozen = encoders()
    seen = see(frozen, CONFIG, PIXELS)
    assert seen.tokens.shape == (1, 5, 16) and seen.latent.shape == (1, 4, *GRID)
    assert_close(seen.latent, frozen.codec.encode(PIXELS))
    cut = see(frozen, replace(CONFIG, clip_square="centred"), PIXELS)
    assert_close(cut.latent, seen.latent)
    assert not torch.allclose(cut.tokens, seen.tokens)
    assert_close(cut.tokens, see(frozen, replace(CONFIG, clip_square="centred"), PIXELS[:, :, 4:28]).tokens)


def test_the_null_photo_is_black_not_zero():
    frozen = encoders()
    null = null_photo(frozen, CONFIG)
    black = see(frozen, CONFIG, torch.full_like(PIXELS, -1))
    assert torch.equal(null.tokens, black.tokens) and torch.equal(null.latent, black.latent)
    assert null.tokens.abs().sum() > 0 and null.latent.abs().sum() > 0


def test_the_loss_is_its_equation():
    for config in (CONFIG, replace(CONFIG, prediction="eps")):
        stage = PictureStage(system(config).model)
        given = batch(3, config)
        made, schedule = stage.model, stage.model.schedule
        x = schedule.add_noise(given.latents, given.noise, given.t)
        predicted = made(x, given.t, made.context(given.photo), given.poses)
        target = given.noise
        if config.prediction == "v":
            target = schedule.velocity(given.latents, given.noise, given.t)
        assert_close(stage(given)["loss"], (predicted - target).square().mean())


def test_what_is_dropped_is_not_seen():
    stage = PictureStage(system().model)
    given = batch(2, no_image=True, no_pose=True)
    other = replace(given, photo=Photo(*(value + 1 for value in vars(given.photo).values())), poses=given.poses * 0.5)
    assert torch.equal(stage(given)["loss"], stage(other)["loss"])
    one = replace(given, no_image=torch.tensor([True, False]), no_pose=torch.tensor([False, True]))
    seen, poses = one.seen()
    assert torch.equal(seen.tokens[0], given.null.tokens[0]) and torch.equal(seen.tokens[1], given.photo.tokens[1])
    assert torch.equal(seen.latent[0], given.null.latent[0]) and torch.equal(seen.latent[1], given.photo.latent[1])
    assert torch.equal(poses[0], given.poses[0]) and not poses[1].any()


def test_unet_and_adapter_learn_from_the_first_step():
    made = system()
    loss = made.loss(batch(2))["loss"]
    loss.backward()
    named = dict(made.model.named_parameters())
    for name in ("unet.conv_in.weight", "unet.conv_in.bias", "adapter.vae2clip.weight", "adapter.linear1.weight"):
        assert named[name].grad is not None and named[name].grad.abs().sum() > 0, name
    assert all(p.grad is None for part in made.encoders.parts().values() for p in part.parameters())


def test_poses_are_learned_from_zero():
    fresh = model()  # the new channels are zero, not their gradient
    awake(fresh.unet.conv_out)
    PictureStage(fresh)(batch(2))["loss"].backward()
    assert fresh.unet.conv_in.weight.grad[:, 4:].abs().sum() > 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (dict(poses=4), "must be odd"),
        (dict(poses=3), "in_channels 14: must be 10 with 3 poses"),
        (dict(size=(36, 24)), "multiples of 8"),
        (dict(sampler="euler"), "sampler is 'euler'"),
        (dict(prediction="x0"), "prediction is 'x0'"),
        (dict(clip_square="torn"), "clip_square is 'torn'"),
        (dict(zero_snr=True, prediction="eps"), "zero_snr"),
    ],
)
def test_numbers_that_do_not_fit(change, words):
    with pytest.raises(ValueError, match=words):
        replace(CONFIG, **change)


def test_the_config_survives_json():
    for config in (configs.sd15(), configs.mini(), CONFIG, CONFIG.with_poses(1)):
        assert DreamPoseConfig.from_json(config.to_json()) == config


def test_a_start_from_stable_diffusion_or_from_profashion(tmp_path):
    frozen = encoders()
    frozen.codec.save_pretrained(tmp_path / "vae")
    frozen.image_encoder.save_pretrained(tmp_path / "image_encoder")
    with pytest.raises(InputError, match="expected the folder unet"):
        start(CONFIG, tmp_path)
    with seeded(2):
        base = awake(UNet(replace(CONFIG.unet, in_channels=4, down_attention=(False, True, True))))
    base.save_pretrained(tmp_path / "denoising_unet")  # has attention that ours does not
    made = start(CONFIG, tmp_path)
    state = made.model.unet.state_dict()
    assert torch.equal(state["conv_in.weight"][:, :4], base.state_dict()["conv_in.weight"])
    assert torch.equal(state["mid_block.resnets.0.conv1.weight"], base.state_dict()["mid_block.resnets.0.conv1.weight"])
    assert not made.encoders.shared and made.model.training
    UNet(replace(CONFIG.unet, in_channels=4, block_out_channels=(8, 8, 8))).save_pretrained(tmp_path / "other")
    with pytest.raises(InputError, match="of another shape"):
        begin(made.model, tmp_path / "other")
    frozen.image_encoder.save_pretrained(tmp_path / "image_encoder")
    with pytest.raises(InputError, match="DreamPose at this size expects"):
        start(replace(CONFIG, photo_tokens=6), tmp_path)


def test_a_start_from_a_model_goes_on_with_it(tmp_path):
    made = system()
    made.save_pretrained(tmp_path / "model")
    again = start(CONFIG, tmp_path / "model")
    for name, tensor in made.model.state_dict().items():
        assert torch.equal(again.model.state_dict()[name], tensor), name
    write_json(tmp_path / "model/model_index.json", [])
    with pytest.raises(InputError, match="found a JSON list"):
        start(CONFIG, tmp_path / "model")
