"""The rough film shown while sampling: colours by a linear map from the latents."""

import torch

from lookreel.preview import LatentColors
from toys import codec, photos, system, track

MAP = torch.tensor([[0.3, -0.1, 0.0], [0.0, 0.2, 0.1], [-0.2, 0.0, 0.25], [0.1, 0.1, -0.1]])
CONSTANT = torch.tensor([0.05, -0.1, 0.2])


def linear(latents: torch.Tensor) -> torch.Tensor:
    """The colours that MAP gives latents (N, 4, h, w): (N, 3, h, w) in [-1, 1]."""
    return torch.einsum("nchw,cd->ndhw", latents, MAP) + CONSTANT[:, None, None]


def as_uint8(colors: torch.Tensor) -> torch.Tensor:
    return ((colors.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)


def test_linear_colours_are_found_exactly():
    g = torch.Generator().manual_seed(0)
    latents, unseen = torch.randn(2, 4, 8, 6, generator=g), torch.randn(5, 4, 3, 7, generator=g)
    pixels = linear(latents).repeat_interleave(4, 2).repeat_interleave(4, 3)
    colors = LatentColors(latents, pixels)
    for given in (latents, unseen):  # also of another size
        found = colors(given)
        assert found.dtype == torch.uint8 and found.shape == (len(given), 3, *given.shape[2:])
        assert (found.int() - as_uint8(linear(given)).int()).abs().max() <= 1


def test_a_cell_is_the_mean_of_its_pixels():
    """Stripes within a cell: what can be told of a cell is its mean colour."""
    latents = torch.randn(1, 4, 6, 6, generator=torch.Generator().manual_seed(0))
    pixels = linear(latents).repeat_interleave(2, 2).repeat_interleave(2, 3)
    stripes = torch.tensor([0.3, -0.3]).repeat(6)
    found = LatentColors(latents, pixels + stripes)(latents)
    assert (found.int() - as_uint8(linear(latents)).int()).abs().max() <= 1


def test_flat_photos_are_no_trouble():
    """One colour and one latent everywhere: the map is not determined, the colour is."""
    colors = LatentColors(torch.ones(1, 4, 4, 4), torch.full((1, 3, 16, 16), -0.5))
    assert (colors(torch.ones(1, 4, 2, 2)).int() - 64).abs().max() <= 1


def test_the_callback_tells_of_clean_latents_and_computes_nothing_unasked():
    colors, told = LatentColors(torch.randn(1, 4, 4, 4), torch.rand(1, 3, 16, 16)), []
    assert colors.callback(None) is None
    clean = torch.randn(2, 4, 3, 3)
    colors.callback(lambda *arguments: told.append(arguments))(1, 5, None, clean)
    done, total, preview = told[0]
    assert (done, total) == (1, 5) and torch.equal(preview(), colors(clean))


def test_the_last_preview_resembles_the_photos_it_was_fitted_to():
    pixels = torch.stack([torch.from_numpy(photo.image).permute(2, 0, 1) for photo in photos()]).float() / 127.5 - 1
    latents = codec().encode(pixels)
    found = LatentColors(latents, pixels)(latents).float()
    small = torch.nn.functional.avg_pool2d((pixels + 1) * 127.5, 4)
    assert (found - small).square().mean() < 0.8 * (small - small.mean((0, 2, 3), keepdim=True)).square().mean()


def test_a_preview_may_be_kept_for_later():
    kept = []
    system().animate(photos(), track(2), steps=1, on_step=lambda done, total, preview: kept.append(preview))
    assert kept[0]().shape == (2, 3, 8, 6)
