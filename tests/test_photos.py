"""Photos: every kind of file becomes the same upright picture, and the keypoints go where the picture goes."""

import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from lookreel.errors import InputError
from lookreel.photos import Photo, fit_frames, fit_keypoints, open_photo, open_photos
from lookreel.poses.track import Track

SIZE = (128, 96)


def pixels(opened) -> np.ndarray:
    """The uint8 (H, W, 3) picture behind an opened photo."""
    return ((opened.pixels + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0).numpy()


def pose(points: list[tuple[float, float]]) -> np.ndarray:
    """Keypoints (18, 3) whose first joints lie at `points`; the others are absent."""
    keypoints = np.zeros((18, 3), np.float32)
    keypoints[: len(points), :2] = points
    keypoints[: len(points), 2] = 1
    return keypoints


def test_path_picture_and_array_give_the_same_pixels(photo, picture):
    for image in (photo, str(photo), Image.fromarray(picture), picture):
        opened = open_photo(image, SIZE)
        assert opened.pixels.shape == (3, *SIZE) and opened.pixels.dtype == torch.float32
        np.testing.assert_array_equal(pixels(opened), picture)
        assert opened.source_size == SIZE
    assert open_photo(photo, SIZE).name == str(photo)


def test_range_is_minus_one_to_one():
    black, white = (np.full((16, 16, 3), value, np.uint8) for value in (0, 255))
    assert open_photo(black, (16, 16)).pixels.unique().tolist() == [-1]
    assert open_photo(white, (16, 16)).pixels.unique().tolist() == [1]


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "webp"])
def test_lossless_formats(tmp_path, picture, suffix):
    path = tmp_path / f"front.{suffix}"
    Image.fromarray(picture).save(path, **({"lossless": True} if suffix == "webp" else {}))
    np.testing.assert_array_equal(pixels(open_photo(path, SIZE)), picture)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_tag_is_undone(tmp_path, picture, orientation):
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = Image.fromarray(picture)
    if orientation in turns:
        stored = stored.transpose(turns[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "phone.png"
    stored.save(path, exif=exif)
    np.testing.assert_array_equal(pixels(open_photo(path, SIZE)), picture)


def test_transparent_parts_become_white(tmp_path, picture):
    alpha = np.zeros((128, 96, 1), np.uint8)
    alpha[:64] = 255
    path = tmp_path / "cut-out.png"
    Image.fromarray(np.concatenate([picture, alpha], axis=2)).save(path)
    result = pixels(open_photo(path, SIZE))
    np.testing.assert_array_equal(result[:64], picture[:64])
    assert (result[64:] == 255).all()


def test_palette_with_a_transparent_colour(tmp_path):
    stored = Image.new("P", (32, 32), 1)
    stored.putpalette([0, 0, 255, 200, 10, 20])
    stored.paste(0, (0, 0, 16, 32))
    path = tmp_path / "palette.png"
    stored.save(path, transparency=0)
    result = pixels(open_photo(path, (32, 32)))
    assert (result[:, :16] == 255).all()
    assert (result[:, 16:] == (200, 10, 20)).all()


def test_sixteen_bits_become_eight(tmp_path):
    grey = np.arange(32 * 32, dtype=np.uint16).reshape(32, 32) * 64
    path = tmp_path / "deep.png"
    Image.fromarray(grey).save(path)
    expected = np.rint(grey / 257).astype(np.uint8)
    np.testing.assert_array_equal(pixels(open_photo(path, (32, 32))), np.stack([expected] * 3, axis=2))


def test_cmyk_and_grey(tmp_path):
    for mode, colour, expected in (("CMYK", (0, 255, 255, 0), (255, 0, 0)), ("L", 77, (77, 77, 77))):
        path = tmp_path / f"{mode}.tiff"
        Image.new(mode, (32, 32), colour).save(path)
        assert (pixels(open_photo(path, (32, 32))) == expected).all()


def test_a_pose_moves_with_the_picture():
    """Bright dots at the joints of a landscape picture lie at the moved joints of the portrait crop."""
    points = [(180, 60), (220, 200), (140, 120)]
    source = np.zeros((240, 400, 3), np.uint8)
    for channel, (x, y) in enumerate(points):
        source[y - 4 : y + 5, x - 4 : x + 5, channel] = 255
    opened = open_photo(Photo(source, pose(points)), SIZE)
    for channel in range(3):
        weight = pixels(opened)[:, :, channel].astype(float)
        rows, columns = np.mgrid[0:128, 0:96]
        centre = (columns * weight).sum() / weight.sum(), (rows * weight).sum() / weight.sum()
        np.testing.assert_allclose(opened.keypoints[channel, :2], centre, atol=0.05)


def test_pose_alone_and_frames_alone_have_the_photo_s_geometry(picture):
    keypoints = pose([(10, 20), (90, 100)])
    opened = open_photo(Photo(picture, keypoints), (64, 64))
    np.testing.assert_array_equal(fit_keypoints(keypoints, SIZE, (64, 64)), opened.keypoints)
    frames = fit_frames(picture.transpose(2, 0, 1)[None], (64, 64))
    np.testing.assert_array_equal(frames[0].transpose(1, 2, 0), pixels(opened))


def test_the_crop_is_central_and_stretches_nothing():
    """The middle third of a wide picture stays, at the picture's own height."""
    source = np.zeros((32, 96, 3), np.uint8)
    source[:, 32:64] = 255
    assert (pixels(open_photo(source, (32, 32))) == 255).all()


def test_keypoints_without_confidence_are_certain(picture):
    opened = open_photo(Photo(picture, np.ones((18, 2))), SIZE)
    assert (opened.keypoints[:, 2] == 1).all()


def test_the_track_beside_a_photo_is_its_pose(photo):
    keypoints = pose([(40, 60)])
    Track(keypoints[None] * np.array([2, 2, 1], np.float32), (256, 192)).save(photo.with_suffix(".npz"))
    opened = open_photo(photo, SIZE)
    np.testing.assert_allclose(opened.keypoints, keypoints)
    assert open_photo(photo, SIZE, beside=False).keypoints is None


def test_one_photo_alone_needs_no_pose_and_looks_for_none(photo):
    photo.with_suffix(".npz").write_bytes(b"no track at all")
    (opened,) = open_photos(photo, SIZE)
    assert opened.keypoints is None


def test_several_photos_need_poses(photo, picture):
    with pytest.raises(InputError, match=r"front\.png.*--photo-pose"):
        open_photos([photo, Photo(picture, pose([(1, 1)]))], SIZE)


def test_a_pose_without_a_visible_joint_is_none(photo, picture):
    with pytest.raises(InputError, match=r"^photo: no pose known"):
        open_photos([Photo(photo, pose([(1, 1)])), Photo(picture, np.zeros((18, 3)))], SIZE)


@pytest.mark.parametrize(
    ("track", "words"),
    [
        (Track(np.zeros((2, 18, 3), np.float32), SIZE), "2 frames"),
        (Track(np.zeros((1, 18, 3), np.float32), (96, 128)), "128x96.*96x128"),
        (np.full((18, 3), np.nan), "finite"),
        (np.zeros((17, 3)), r"\(17, 3\)"),
        (["front"], "no numbers"),
    ],
)
def test_poses_that_do_not_belong_to_the_photo(photo, track, words):
    with pytest.raises(InputError, match=words):
        open_photo(Photo(photo, track), SIZE)


def bomb() -> bytes:
    """A small PNG whose header promises 60000 x 60000 pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000)))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"hello, this is a letter\n" * 20, "not a picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 50 50\n%%EndComments\n", "EPS|not a picture|cannot"),
        (bomb(), "too large"),
    ],
)
def test_files_that_are_no_photo(tmp_path, content, words):
    path = tmp_path / "front.png"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"^{path}: .*({words})"):
        open_photo(path, SIZE)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tiff", "bmp", "gif"])
def test_a_truncated_photo_is_refused(tmp_path, picture, suffix):
    noise = np.random.default_rng(0).integers(0, 255, picture.shape, np.uint8)
    path = tmp_path / f"front.{suffix}"
    Image.fromarray(noise).save(path)
    content = path.read_bytes()
    for part in (0.1, 0.5, 0.9):
        path.write_bytes(content[: int(len(content) * part)])
        with pytest.raises(InputError, match=rf"^{path}: "):
            open_photo(path, SIZE)


@pytest.mark.parametrize("size", [(1, 1), (15, 200), (200, 15)])
def test_a_tiny_photo_is_refused(size):
    with pytest.raises(InputError, match=f"{size[1]}x{size[0]} pixels; expected at least 16"):
        open_photo(np.zeros((*size, 3), np.uint8), SIZE)


def test_missing_file_folder_and_wrong_types(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        open_photo(tmp_path / "nothing.png", SIZE)
    with pytest.raises(InputError, match="a folder"):
        open_photo(tmp_path, SIZE)
    with pytest.raises(InputError, match="float64"):
        open_photo(np.zeros((32, 32, 3)), SIZE)
    with pytest.raises(InputError, match="a int"):
        open_photo(3, SIZE)
    with pytest.raises(InputError, match="none given"):
        open_photos([], SIZE)
    with pytest.raises(InputError, match="a int; expected one photo or a list"):
        open_photos(3, SIZE)
