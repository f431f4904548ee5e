import pytest
import torch
from torch.testing import assert_close

from lookreel.diffusion.guidance import dual, single


@pytest.fixture
def predictions():
    return torch.randn(3, 4, 5, 6, 7, generator=torch.Generator().manual_seed(0))


def test_single_identities_are_exact(predictions):
    uncond, cond, _ = predictions
    assert torch.equal(single(uncond, cond, 1.0), cond)
    assert torch.equal(single(uncond, cond, 0.0), uncond)


@pytest.mark.parametrize("scale", [0.3, 2.5, 3.5, 7.5])
def test_single_is_its_equation(predictions, scale):
    uncond, cond, _ = predictions
    assert_close(single(uncond, cond, scale), uncond + scale * (cond - uncond))


def test_dual_identities(predictions):
    e0, e_image, e_both = predictions
    assert torch.equal(dual(e0, e_image, e_both, image_scale=1.0, pose_scale=1.0), e_both)
    assert torch.equal(dual(e0, e_image, e_both, image_scale=1.0, pose_scale=0.0), e_image)
    assert_close(dual(e0, e_image, e_both, image_scale=0.0, pose_scale=0.0), e0)


@pytest.mark.parametrize(("image_scale", "pose_scale"), [(8.0, 3.0), (0.5, 0.5), (0.0, 2.0)])
def test_dual_is_its_equation(predictions, image_scale, pose_scale):
    e0, e_image, e_both = predictions.double()
    want = e0 + image_scale * (e_image - e0) + pose_scale * (e_both - e_image)
    assert_close(dual(e0, e_image, e_both, image_scale, pose_scale), want)


def test_equal_scales_of_dual_are_single(predictions):
    e0, e_image, e_both = predictions.double()
    assert_close(dual(e0, e_image, e_both, 3.5, 3.5), single(e0, e_both, 3.5))
