"""ProFashion's config and networks, and the two stages' losses: who learns what, and from which samples."""

import json
from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from lookreel.diffusion.objective import v_loss
from lookreel.diffusion.sampler import SAMPLERS
from lookreel.diffusion.schedule import Schedule
from lookreel.profashion import config as configs
from lookreel.profashion.aggregators import AGGREGATORS
from lookreel.profashion.config import ProFashionConfig
from lookreel.profashion.flow_attention import offset_loss
from lookreel.profashion.model import ClipStage, PictureStage, ProFashion
from toys import awake, batch, gradients, model, moving, pick

PRESETS = {"sd15": configs.sd15, "mini": configs.mini, "toy": configs.toy}


@pytest.mark.parametrize("name", PRESETS)
def test_a_config_survives_json(name):
    config = PRESETS[name]()
    raw = json.loads(json.dumps(config.to_json()))
    assert ProFashionConfig.from_json(raw) == config


def test_a_config_away_from_its_defaults_survives_json():
    config = replace(
        configs.toy(),
        motion_sites=("mid_block.0",),
        flow_sites=(),
        aggregator="full",
        beta_schedule="linear",
        selector=configs.SelectorConfig(width=8, context=False, temperature=2.5),
    )
    assert ProFashionConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


def test_an_unknown_field_is_refused():
    raw = configs.toy().to_json()
    with pytest.raises(TypeError, match="mystery"):
        ProFashionConfig.from_json(raw | {"mystery": 1})
    with pytest.raises(TypeError, match="mystery"):
        ProFashionConfig.from_json(raw | {"selector": raw["selector"] | {"mystery": 1}})


def test_sd15_is_the_papers():
    config = configs.sd15()
    with torch.device("meta"):
        net = ProFashion(config)
    assert config.latent_size == (128, 72) and (config.steps, config.guidance, config.window) == (35, 3.5, 16)
    assert len(net.denoiser.unet.attention_names()) == 16 and len(net.denoiser.unet.site_names()) == 21
    assert net.reference_encoder.unet.attention_names() == net.denoiser.unet.attention_names()
    assert set(net.flow_grids()) == {(16, 9)}
    assert net.grids()["down_blocks.0.attentions.1"] == (128, 72)
    assert net.grids()["mid_block.attentions.0"] == (16, 9)
    assert net.grids()["up_blocks.1.attentions.0"] == (32, 18)


def test_grids_are_those_of_the_features_and_the_offsets():
    """A latent grid that halves unevenly: 8x6, 4x3, 2x2."""
    net, made = model(), batch(samples=1, targets=2)
    with torch.no_grad():
        found = net.reference_encoder(made.reference_latents, made.reference_embeddings)
        pose = net.pose_guider(made.poses[0])
        _, offsets = net.denoiser.video(made.latents[0], made.t[0], torch.zeros(2, 1, 8), {}, pose, 2)
    assert {name: h * w for name, (h, w) in net.grids().items()} == {name: z.shape[2] for name, z in found.items()}
    assert [tuple(o.shape[2:]) for o in offsets] == net.flow_grids()
    assert set(net.flow_grids()) == {(2, 2), (4, 3), (8, 6)}


def learning(network: torch.nn.Module) -> set[str]:
    return {name.split(".")[1] for name, p in network.named_parameters() if p.requires_grad}


def test_stage_1_moves_everything_but_the_motion_layers():
    stage = PictureStage(awake(model()))
    grads = gradients(stage, batch())
    assert not any("denoiser.motion" in name for name in grads)
    still = [name for name, grad in grads.items() if not grad.any()]
    # Nothing comes after the features of the reference encoder's last attention block.
    last = "model.reference_encoder.unet.up_blocks.2.attentions.1."
    taken = (f"{last}transformer_blocks.0.norm1", f"{last}norm", f"{last}proj_in")
    assert all(name.startswith(last) and not name.startswith(taken) for name in still), still
    assert learning(stage) == {"reference_encoder", "pose_guider", "pose_features", "aggregator", "denoiser"}


def test_stage_2_moves_only_the_motion_layers():
    stage = ClipStage(awake(model()))
    grads = gradients(stage, moving(batch()))
    assert grads and all(name.startswith("model.denoiser.motion.") for name in grads)
    assert not [name for name, grad in grads.items() if not grad.any()]
    frozen = [p for name, p in stage.named_parameters() if "motion" not in name]
    assert all(p.grad is None and not p.requires_grad for p in frozen)


@pytest.mark.parametrize("stage", [PictureStage, ClipStage])
def test_dropped_samples_read_no_reference(stage):
    """Whatever photos a dropped sample has, its loss is the same, and it teaches the reference encoder nothing."""
    net = stage(awake(model()))
    made = moving(batch()) if stage is ClipStage else batch()
    other = replace(
        made,
        reference_latents=made.reference_latents + 1,
        reference_embeddings=-made.reference_embeddings,
        reference_poses=made.reference_poses.flip(1),
    )
    for drop, same in ((True, True), (False, False)):
        given = [replace(b, drop=torch.full_like(made.drop, drop)) for b in (made, other)]
        with torch.no_grad():
            one, two = (net(b)["loss"].item() for b in given)
        assert (one == two) == same


def test_dropped_samples_give_the_reference_encoder_no_gradient():
    stage, made = PictureStage(awake(model())), batch()
    parts = ("reference_encoder", "pose_features", "aggregator")
    grads = gradients(stage, replace(made, drop=torch.ones_like(made.drop)))
    assert not any(grad.any() for name, grad in grads.items() if name.split(".")[1] in parts)
    assert any(grad.any() for name, grad in grads.items() if "pose_guider" in name)  # the pose is kept
    # One dropped sample beside one that is told: the gradient is the second's alone.
    half = replace(made, drop=torch.tensor([[True] * 3, [False] * 3]))
    both, alone = gradients(stage, half), gradients(stage, pick(half, slice(1, 2)))
    for name, grad in both.items():
        if name.split(".")[1] in parts:
            assert_close(2 * grad, alone[name], rtol=1e-3, atol=1e-6, msg=name)


@torch.no_grad()
def test_stage_1s_loss_written_out():
    net, made = awake(model()), batch(samples=1)
    made = replace(made, drop=torch.tensor([[False, True, False]]))
    m = net.weights(made.poses, made.reference_poses)
    z_R = net.prototypes(net.reference_encoder(made.reference_latents, made.reference_embeddings), m)
    x_R, pose = net.semantic(made.reference_embeddings, m), net.pose_guider(made.poses[0])
    errors = []
    for i, told in enumerate((True, False, True)):
        x0, noise, t = made.latents[0, i : i + 1], made.noise[0, i : i + 1], made.t[0, i : i + 1]
        z = net.schedule.add_noise(x0, noise, t)
        tokens = {name: value[i : i + 1] for name, value in z_R.items()} if told else {}
        v = net.denoiser.image(z, t, x_R[i : i + 1] * told, tokens, pose[i : i + 1])
        errors.append((v - net.schedule.velocity(x0, noise, t)).square().mean())
    assert_close(PictureStage(net)(made)["loss"], torch.stack(errors).mean())


@torch.no_grad()
@pytest.mark.parametrize("dropped", [False, True])
def test_stage_2s_loss_written_out(dropped):
    net, made = awake(model()), moving(batch(samples=1))
    made = replace(made, drop=torch.full_like(made.drop, dropped))
    m = net.weights(made.poses, made.reference_poses)
    z_R = net.prototypes(net.reference_encoder(made.reference_latents, made.reference_embeddings), m)
    x_R, pose = net.semantic(made.reference_embeddings, m), net.pose_guider(made.poses[0])
    if dropped:
        z_R, x_R = {}, torch.zeros_like(x_R)
    x0, noise, t = made.latents[0], made.noise[0], made.t[0]
    v, offsets = net.denoiser.video(net.schedule.add_noise(x0, noise, t), t, x_R, z_R, pose, 3)
    denoising = v_loss(v, net.schedule.velocity(x0, noise, t), t, net.schedule)
    offset = offset_loss(offsets, made.delta[0], made.mask[0])
    found = ClipStage(net, offset_weight=0.25)(made)
    assert_close(found["denoising"], denoising)
    assert_close(found["offset"], offset)
    assert_close(found["loss"], denoising + 0.25 * offset)
    assert offset > 0


@pytest.mark.parametrize("stage", [PictureStage, ClipStage])
def test_halves_of_a_batch_give_the_gradient_of_the_whole(stage):
    """What lets two processes, or two parts of a step, stand for one: also where one half is dropped and one is not."""
    net = stage(awake(model()))
    made = moving(batch()) if stage is ClipStage else batch()
    made = replace(made, drop=torch.tensor([[True] * 3, [False] * 3]))
    whole = gradients(net, made)
    halves = [gradients(net, pick(made, rows)) for rows in (slice(1), slice(1, 2))]
    for name, grad in whole.items():
        assert_close((halves[0][name] + halves[1][name]) / 2, grad, rtol=1e-3, atol=1e-6, msg=name)


def test_the_words_of_the_config_are_those_that_the_code_knows():
    assert set(configs.WORDS["aggregator"]) == set(AGGREGATORS)
    assert set(configs.WORDS["sampler"]) <= set(SAMPLERS)
    for kind in configs.WORDS["beta_schedule"]:
        assert Schedule(kind=kind).alphas_cumprod[-1] == 0
