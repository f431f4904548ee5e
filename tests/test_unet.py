"""The U-Net against diffusers' own, with diffusers' own files."""

import json

import pytest
import torch
from diffusers import UNet2DConditionModel

from lookreel.errors import InputError
from lookreel.nets.unet import UNet
from lookreel.nets.unet_config import UNetConfig

SHAPES = {
    "two levels": dict(
        block_out_channels=(16, 32),
        layers_per_block=2,
        norm_num_groups=8,
        cross_attention_dim=12,
        attention_head_dim=2,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    ),
    "four levels, one layer": dict(
        block_out_channels=(16, 32, 32, 48),
        layers_per_block=1,
        norm_num_groups=4,
        cross_attention_dim=20,
        attention_head_dim=8,
        down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
    ),
    "three levels, heads by level": dict(
        block_out_channels=(8, 24, 32),
        layers_per_block=3,
        norm_num_groups=8,
        cross_attention_dim=7,
        attention_head_dim=(1, 2, 4),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    ),
}


@pytest.fixture(params=SHAPES)
def reference(request):
    torch.manual_seed(0)
    return UNet2DConditionModel(sample_size=16, **SHAPES[request.param]).eval()


@pytest.mark.parametrize("size", [(16, 12), (9, 5), (13, 18)])
def test_equals_diffusers_from_its_own_folder(reference, size, tmp_path):
    reference.save_pretrained(tmp_path)
    ours = UNet.from_pretrained(tmp_path)
    x, t = torch.randn(3, 4, *size), torch.tensor([0, 500, 999])
    context = torch.randn(3, 2, reference.config.cross_attention_dim)
    with torch.no_grad():
        expected, found = reference(x, t, context).sample, ours(x, t, context)
    # Two float32 networks that only order their sums differently.
    assert (expected - found).abs().max() <= 1e-5 * expected.abs().max()


def test_our_folder_loads_in_diffusers(tmp_path):
    ours = UNet(UNetConfig(block_out_channels=(16, 32, 32, 32), norm_num_groups=8, cross_attention_dim=8)).eval()
    ours.save_pretrained(tmp_path)
    theirs = UNet2DConditionModel.from_pretrained(tmp_path).eval()
    x, t, context = torch.randn(1, 4, 16, 16), torch.tensor([7]), torch.randn(1, 1, 8)
    with torch.no_grad():
        torch.testing.assert_close(theirs(x, t, context).sample, ours(x, t, context), rtol=1e-4, atol=1e-5)


def test_sd15_has_sd15s_tensors():
    with torch.device("meta"):
        unet, reference = UNet(UNetConfig()), UNet(UNetConfig(out_channels=0))
    assert (len(unet.state_dict()), len(reference.state_dict())) == (686, 682)
    assert sum(p.numel() for p in unet.parameters()) == 859_520_964
    assert len(unet.attention_names()) == 16 and len(unet.site_names()) == 21


def small() -> UNet:
    torch.manual_seed(1)
    config = UNetConfig(
        block_out_channels=(16, 32),
        layers_per_block=1,
        norm_num_groups=8,
        cross_attention_dim=8,
        attention_head_dim=2,
        down_attention=(False, True),
        up_attention=(True, True),
    )
    return UNet(config).eval()


def inputs(batch: int = 2) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(2)
    return torch.randn(batch, 4, 8, 6), torch.full((batch,), 400), torch.randn(batch, 1, 8)


def test_features_are_the_inputs_of_the_self_attentions():
    unet, (x, t, context) = small(), inputs()
    with torch.no_grad():
        features = unet.features(x, t, context)
    assert list(features) == list(unet.attention_names())
    for name, width in unet.attention_names().items():
        assert features[name].shape[0] == 2 and features[name].shape[2] == width
        norm = dict(unet.named_modules())[f"{name}.transformer_blocks.0.norm1"]
        # A LayerNorm's output has, before its affine part, mean 0 and deviation 1 over the channels.
        plain = (features[name] - norm.bias) / norm.weight
        torch.testing.assert_close(plain.std(-1, correction=0), torch.ones(plain.shape[:2]), rtol=1e-2, atol=1e-2)


def test_prototype_tokens_change_the_output_and_own_tokens_twice_do_not():
    unet, (x, t, context) = small(), inputs()
    with torch.no_grad():
        plain, features = unet(x, t, context), unet.features(x, t, context)
        name = next(iter(features))
        # Keys and values that are there twice weigh as once: softmax over [z ; z] gives the same mixture.
        torch.testing.assert_close(unet(x, t, context, {name: features[name]}), plain)
        other = unet(x, t, context, {name: torch.randn_like(features[name])})
    assert (other - plain).abs().max() > 1e-3


def test_sites_are_visited_in_order_and_pose_is_added():
    unet, (x, t, context) = small(), inputs()
    seen = {}

    def between(name, z):
        seen[name] = z.shape[1]
        return z

    with torch.no_grad():
        plain = unet(x, t, context, between=between)
        moved = unet(x, t, context, added=torch.ones(2, 16, 8, 6))
    assert list(seen.items()) == list(unet.site_names().items())
    assert (plain - moved).abs().max() > 1e-3


def test_checkpointing_gives_the_same_gradients():
    unet, (x, t, context) = small().train(), inputs()
    unet(x, t, context).square().mean().backward()
    plain = {n: p.grad.clone() for n, p in unet.named_parameters()}
    unet.zero_grad()
    unet.set_checkpointing(True)
    unet(x, t, context).square().mean().backward()
    for name, p in unet.named_parameters():
        torch.testing.assert_close(p.grad, plain[name])


def test_a_pickle_is_refused(tmp_path):
    unet = small()
    unet.save_pretrained(tmp_path)
    (tmp_path / "diffusion_pytorch_model.safetensors").unlink()
    torch.save(unet.state_dict(), tmp_path / "diffusion_pytorch_model.bin")
    with pytest.raises(InputError, match="pickle"):
        UNet.from_pretrained(tmp_path)


def test_another_architecture_is_refused(tmp_path):
    small().save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"use_linear_projection": True}))
    with pytest.raises(InputError, match="use_linear_projection"):
        UNet.from_pretrained(tmp_path)


def test_tensors_of_another_net_are_refused(tmp_path):
    small().save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"cross_attention_dim": 9}))
    with pytest.raises(InputError, match="another shape"):
        UNet.from_pretrained(tmp_path)
