"""Framing and backgrounds: pose and picture move alike, nothing is stretched, the background is what was asked for."""

import struct

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

from lookreel.errors import InputError
from lookreel.framing import around, centred, fit_keypoints
from lookreel.photos import Photo, open_photo, photo_size, whole_photo
from lookreel.picture_file import read_upright, upright_size

SIZE = (128, 96)


def pixels(opened) -> np.ndarray:
    return ((opened.pixels + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0).numpy()


def person(left: float, top: float, tall: float) -> np.ndarray:
    """Keypoints (18, 3) of somebody of this height with ankles, nose and elbows."""
    keypoints = np.zeros((18, 3), np.float32)
    places = {
        0: (0.5, 0),
        2: (0.4, 0.15),
        5: (0.6, 0.15),
        8: (0.45, 0.5),
        11: (0.55, 0.5),
        10: (0.45, 1),
        13: (0.55, 1),
    }
    for joint, (x, y) in places.items():
        keypoints[joint] = left + (x - 0.5) * tall, top + y * tall, 1
    return keypoints


def dotted(keypoints: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A black picture with a red dot on the nose, a green one on the right and a blue one on the left ankle."""
    picture = np.zeros((*size, 3), np.uint8)
    for channel, joint in enumerate((0, 10, 13)):
        x, y = np.rint(keypoints[joint, :2]).astype(int)
        picture[y - 3 : y + 4, x - 3 : x + 4, channel] = 255
    return picture


@pytest.mark.parametrize("size", [(500, 900), (900, 500), (600, 450)])
def test_a_crop_to_the_person_moves_pose_and_picture_alike(size):
    keypoints = person(size[1] * 0.7, size[0] * 0.3, 200)
    opened = open_photo(Photo(dotted(keypoints, size), keypoints, crop="person"), SIZE)
    for channel, joint in enumerate((0, 10, 13)):
        weight = pixels(opened)[:, :, channel].astype(float)
        rows, columns = np.mgrid[0 : SIZE[0], 0 : SIZE[1]]
        centre = (columns * weight).sum() / weight.sum(), (rows * weight).sum() / weight.sum()
        np.testing.assert_allclose(opened.keypoints[joint, :2], centre, atol=0.1)
    # The whole person is there with a margin, and fills most of the height.
    y = opened.keypoints[opened.keypoints[:, 2] > 0, 1]
    assert 0.1 * SIZE[0] < y.min() and y.max() < 0.95 * SIZE[0] and np.ptp(y) > 0.7 * SIZE[0]


@pytest.mark.parametrize("left", [5, 895])
def test_near_the_border_the_window_is_moved_not_stretched(left):
    keypoints = person(left, 100, 300)
    window = around(keypoints, (500, 900), SIZE)
    width, height = SIZE[1] / window.scale, SIZE[0] / window.scale
    assert window.left >= 0 and window.left + width <= 900 + 1e-6
    assert window.top >= 0 and window.top + height <= 500 + 1e-6
    assert width / height == pytest.approx(SIZE[1] / SIZE[0])


def test_a_person_who_fills_the_picture_is_cropped_as_little_as_can_be():
    window = around(person(150, 5, 390), (400, 300), SIZE)
    assert window.scale == centred((400, 300), SIZE).scale
    np.testing.assert_allclose(window.top, 0, atol=1e-6)


def test_without_a_pose_there_is_no_crop(tmp_path, picture):
    with pytest.raises(InputError, match="no pose known"):
        open_photo(Photo(picture, crop="person"), SIZE)
    with pytest.raises(InputError, match="crop: found 'face'"):
        open_photo(Photo(picture, crop="face"), SIZE)


def test_keypoints_without_a_window_are_centred():
    keypoints = np.array([[449.5, 249.5, 1]], np.float32)
    np.testing.assert_allclose(fit_keypoints(keypoints, (500, 900), SIZE)[0], [47.5, 63.5, 1])


@pytest.fixture
def cutout(tmp_path, picture):
    """The picture with its right half transparent."""
    alpha = np.zeros((128, 96, 1), np.uint8)
    alpha[:, :48] = 255
    path = tmp_path / "cut-out.png"
    Image.fromarray(np.concatenate([picture, alpha], axis=2)).save(path)
    return path


def test_a_colour_behind_transparent_parts(cutout, picture):
    for color, values in {"#204060": (32, 64, 96), "black": (0, 0, 0), "rgb(1, 2, 3)": (1, 2, 3)}.items():
        result = pixels(open_photo(Photo(cutout, background=color), SIZE))
        np.testing.assert_array_equal(result[:, :48], picture[:, :48])
        assert (result[:, 48:] == values).all()
    assert (pixels(open_photo(cutout, SIZE))[:, 48:] == 255).all()


def test_a_colour_behind_a_mask(tmp_path, picture):
    mask = np.zeros((64, 48), np.uint8)  # at half the photo's size
    mask[:32] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    for given in (tmp_path / "mask.png", mask, mask > 0, Image.fromarray(mask)):
        result = pixels(open_photo(Photo(picture, mask=given, background="red"), SIZE))
        np.testing.assert_array_equal(result[:62], picture[:62])
        assert (result[66:] == (255, 0, 0)).all()
    kept = pixels(open_photo(Photo(picture, mask=mask), SIZE))
    np.testing.assert_array_equal(kept, picture)


def test_a_picture_behind_lies_still_in_the_film(tmp_path, cutout):
    """However the photos are cropped, the background is the same in all of them, at the same place."""
    behind = np.zeros((256, 300, 3), np.uint8)
    behind[:, 150:] = (0, 200, 0)
    Image.fromarray(behind).save(tmp_path / "park.png")
    wide = pixels(open_photo(Photo(cutout, background=tmp_path / "park.png"), SIZE))
    assert (wide[:, 56:] == (0, 200, 0)).all()
    keypoints = person(48, 30, 60)
    near = pixels(open_photo(Photo(cutout, keypoints, crop="person", background=str(tmp_path / "park.png")), SIZE))
    assert (near[:, 60:] == (0, 200, 0)).all()


def test_soft_edges_have_no_halo(tmp_path):
    """Half-transparent red over blue is half of each, whatever colour hid under the transparent part."""
    photo = np.zeros((128, 96, 4), np.uint8)
    photo[..., :3], photo[..., 3] = (255, 0, 0), 128
    photo[:64] = (0, 255, 0, 0)
    path = tmp_path / "veil.png"
    Image.fromarray(photo).save(path)
    result = pixels(open_photo(Photo(path, background=np.full((40, 30, 3), (0, 0, 255), np.uint8)), (64, 48)))
    np.testing.assert_allclose(result[40, 20].astype(int), (128, 0, 127), atol=1)
    np.testing.assert_allclose(result[20, 20].astype(int), (0, 0, 255), atol=1)
    assert result[..., 1].max() <= 1


def test_wrong_backgrounds_and_masks(picture, tmp_path):
    opaque = np.concatenate([picture, np.full((128, 96, 1), 255, np.uint8)], axis=2)
    for image in (picture, Image.fromarray(opaque)):
        with pytest.raises(InputError, match="neither transparent parts nor a mask"):
            open_photo(Photo(image, background="white"), SIZE)
    mask = np.full((128, 96), 255, np.uint8)
    for background in ("whitish", "no/such.png", tmp_path):
        with pytest.raises(InputError, match="neither a colour"):
            open_photo(Photo(picture, mask=mask, background=background), SIZE)
    with pytest.raises(InputError, match="mask of photo: an array of float64"):
        open_photo(Photo(picture, mask=mask / 255, background="white"), SIZE)
    with pytest.raises(InputError, match="mask of photo: 96x64"):
        open_photo(Photo(picture, mask=mask[:64], background="white"), SIZE)
    with pytest.raises(InputError, match=r"gone\.png: no such file"):
        open_photo(Photo(picture, mask=tmp_path / "gone.png", background="white"), SIZE)


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_huge_jpeg_is_read_smaller_and_looks_the_same(tmp_path, orientation):
    rows, columns = np.mgrid[0:2000, 0:1500]
    large = np.stack([rows // 8, columns // 6, 255 - rows // 8], axis=2).astype(np.uint8)
    stored = np.rot90(large, 1) if orientation == 6 else large  # the tag 6 turns it clockwise again
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "huge.jpg"
    Image.fromarray(np.ascontiguousarray(stored)).save(path, quality=95, exif=exif)
    assert upright_size(path) == (2000, 1500)
    assert read_upright(path, (240, 180)).size == (188, 250)
    opened = open_photo(Photo(path, person(750, 200, 1500)), SIZE)
    assert opened.source_size == (2000, 1500)
    full = open_photo(Photo(large, person(750, 200, 1500)), SIZE)
    np.testing.assert_allclose(pixels(opened).astype(int), pixels(full), atol=6)
    np.testing.assert_array_equal(opened.keypoints, full.keypoints)


def test_a_close_crop_of_a_huge_jpeg_keeps_its_detail(tmp_path):
    """Read no smaller than twice what is shown."""
    large = np.zeros((2400, 1800, 3), np.uint8)
    large[:, ::2] = 255
    path = tmp_path / "stripes.jpg"
    Image.fromarray(large).save(path, quality=95, subsampling=0)
    keypoints = person(900, 1200, 80)
    near = pixels(open_photo(Photo(path, keypoints, crop="person"), SIZE)).astype(float)
    assert near.std() > 60  # stripes of one pixel, still told apart


def test_photo_for_a_detector(tmp_path, cutout, picture):
    whole = whole_photo(Photo(cutout))
    np.testing.assert_array_equal(whole[:, :48], picture[:, :48])
    assert (whole[:, 48:] == 255).all() and photo_size(Photo(cutout)) == (128, 96)
    assert whole_photo(Photo(picture), most=64).shape == (64, 48, 3)


def linear_profile() -> bytes:
    """A small ICC profile: sRGB's primaries, but numbers that count light (gamma 1)."""

    def number(value: float) -> bytes:
        return struct.pack(">i", round(value * 65536))

    def xyz(*values: float) -> bytes:
        return b"XYZ " + bytes(4) + b"".join(map(number, values))

    text = b"linear\0"
    described = b"desc" + bytes(4) + struct.pack(">I", len(text)) + text + bytes(79)
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, 256) + bytes(2)
    tags = {
        b"desc": described + bytes(-len(described) % 4),
        b"wtpt": xyz(0.9642, 1.0, 0.8249),
        b"rXYZ": xyz(0.4361, 0.2225, 0.0139),
        b"gXYZ": xyz(0.3851, 0.7169, 0.0971),
        b"bXYZ": xyz(0.1431, 0.0606, 0.7141),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    table, body, start = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        table += name + struct.pack(">II", start + len(body), len(content))
        body += content
    size = struct.pack(">I", start + len(body))
    white = number(0.9642) + number(1.0) + number(0.8249)
    head = size + bytes(4) + b"\2\x40\0\0" + b"mntrRGB XYZ " + bytes(12) + b"acsp" + bytes(28) + white
    return head + bytes(128 - len(head)) + table + body


def test_colours_of_another_profile_become_srgb(tmp_path):
    """Linear light under a profile that says so is shown as bright as it is meant."""
    flat = np.full((32, 32, 3), (200, 120, 40), np.uint8)
    same = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for name, profile in {"same": same, "broken": b"no profile"}.items():
        Image.fromarray(flat).save(tmp_path / f"{name}.png", icc_profile=profile)
        np.testing.assert_array_equal(pixels(open_photo(tmp_path / f"{name}.png", (32, 32))), flat)
    Image.fromarray(flat).save(tmp_path / "linear.png", icc_profile=linear_profile())
    light = flat[0, 0] / 255
    expected = np.where(light > 0.0031308, 1.055 * light ** (1 / 2.4) - 0.055, 12.92 * light) * 255
    shown = pixels(open_photo(tmp_path / "linear.png", (32, 32)))
    np.testing.assert_allclose(shown[5, 5], expected, atol=2)
