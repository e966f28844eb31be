import os
import pickle
import random
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from parcnet.base import UserError
from parcnet.data import BadImage, open_image

GREY = np.array([[0, 128], [255, 64]], np.uint8)


def pixels(path, channels=3):
    return np.asarray(open_image(path, channels))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("suffix", ["png", "tiff", "bmp", "gif"])
@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_opaque_modes(tmp_path, mode, suffix, channels):
    source = Image.fromarray(np.array([[0, 255], [255, 0]], np.uint8)).convert(mode)
    source.save(tmp_path / f"a.{suffix}")
    found = pixels(tmp_path / f"a.{suffix}", channels)
    assert found.shape == ((2, 2) if channels == 1 else (2, 2, 3))
    assert found.reshape(2, 2, -1)[..., 0].tolist() == [[0, 255], [255, 0]]


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_alpha_is_composited_on_white(tmp_path, mode):
    alpha = Image.fromarray(np.array([[0, 255], [128, 255]], np.uint8))
    source = Image.fromarray(GREY).convert(mode)
    source.putalpha(alpha)
    source.save(tmp_path / "a.png")
    # 255 (1 - a) + v a
    assert np.abs(pixels(tmp_path / "a.png")[..., 0].astype(int) - [[255, 128], [255, 64]]).max() <= 1


@pytest.mark.parametrize("transparency", [0, bytes([0, 255])], ids=["one entry", "alpha of each entry"])
def test_a_transparent_palette_entry_is_white(tmp_path, transparency):
    source = Image.new("P", (2, 1))
    source.putpalette([0, 0, 0, 200, 10, 30])
    source.putpixel((1, 0), 1)
    source.save(tmp_path / "a.png", transparency=transparency)
    assert pixels(tmp_path / "a.png").tolist() == [[[255, 255, 255], [200, 10, 30]]]


def test_a_transparent_colour_is_white(tmp_path):
    Image.fromarray(np.array([[[1, 2, 3], [9, 9, 9]]], np.uint8)).save(tmp_path / "a.png", transparency=(1, 2, 3))
    assert pixels(tmp_path / "a.png").tolist() == [[[255, 255, 255], [9, 9, 9]]]


@pytest.mark.parametrize("suffix", ["jpg", "tiff"])
def test_cmyk(tmp_path, suffix):
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / f"a.{suffix}")
    red, green, blue = pixels(tmp_path / f"a.{suffix}")[4, 4]
    assert red > 240
    assert max(green, blue) < 15


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_16_bits_are_scaled_not_clipped(tmp_path, suffix):
    values = np.array([[0, 257, 128, 129], [32896, 65535, 65406, 65407]], np.uint16)
    Image.fromarray(values).save(tmp_path / f"a.{suffix}")
    assert pixels(tmp_path / f"a.{suffix}", 1).tolist() == [[0, 1, 0, 1], [128, 255, 254, 255]]


def test_big_endian_16_bits(tmp_path):
    Image.frombytes("I;16B", (2, 1), struct.pack(">2H", 257 * 7, 65535)).save(tmp_path / "a.tiff")
    assert pixels(tmp_path / "a.tiff", 1).tolist() == [[7, 255]]


def test_32_bits_in_the_range_of_16(tmp_path):
    Image.fromarray(np.array([[0, 65535]], np.int32)).save(tmp_path / "a.tiff")
    assert pixels(tmp_path / "a.tiff", 1).tolist() == [[0, 255]]


@pytest.mark.parametrize("values", [np.array([[0, 1 << 20]], np.int32), np.array([[0.0, 1.0]], np.float32)])
def test_pixels_without_a_standard_range_are_rejected(tmp_path, values):
    Image.fromarray(values).save(tmp_path / "a.tiff")
    with pytest.raises(BadImage, match=r"a\.tiff.*no standard range"):
        open_image(tmp_path / "a.tiff")


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_exif_orientation_is_applied(tmp_path, mode):
    source = Image.new(mode, (30, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn right by 90 degrees
    source.save(tmp_path / "a.jpg", exif=exif)
    assert open_image(tmp_path / "a.jpg").size == (20, 30)


def test_unreadable_exif_loses_only_the_orientation(tmp_path):
    Image.new("RGB", (30, 20)).save(tmp_path / "a.jpg", exif=b"Exif\0\0garbage that is no TIFF header")
    assert open_image(tmp_path / "a.jpg").size == (30, 20)


def test_an_animation_yields_its_first_frame(tmp_path):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert pixels(tmp_path / "a.gif")[0, 0].tolist() == [255, 0, 0]


@pytest.fixture
def photo(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.jpg")
    return tmp_path / "a.jpg"


def test_a_truncated_jpeg(photo):
    photo.write_bytes(photo.read_bytes()[:2000])
    with pytest.raises(BadImage, match=rf"cannot read image {photo}: .*truncated"):
        open_image(photo)


@pytest.mark.parametrize(("content", "reason"), [(b"", "the file is empty"), (b"hello", "not an image")])
def test_a_file_that_is_not_an_image(tmp_path, content, reason):
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(BadImage, match=rf"a\.jpg: {reason}"):
        open_image(tmp_path / "a.jpg")


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(BadImage, match=r"a\.jpg: No such file"):
        open_image(tmp_path / "a.jpg")
    with pytest.raises(BadImage, match="Is a directory"):
        open_image(tmp_path)


@pytest.mark.parametrize("side", [10_000, 40_000])
def test_a_decompression_bomb(tmp_path, side):
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">2I5B", side, side, 8, 0, 0, 0, 0)
    (tmp_path / "a.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )
    with pytest.raises(BadImage, match=r"a\.png: more than \d+ pixels"):
        open_image(tmp_path / "a.png")


@pytest.mark.parametrize("suffix", ["png", "jpg", "tiff", "gif", "webp", "bmp"])
def test_any_damage_is_a_bad_image_and_never_a_warning(tmp_path, suffix):
    draw = random.Random(0)
    Image.fromarray(np.arange(768, dtype=np.uint8).reshape(16, 16, 3)).save(tmp_path / f"a.{suffix}")
    content = (tmp_path / f"a.{suffix}").read_bytes()
    for _ in range(150):
        damaged = bytearray(content[: draw.randint(1, len(content))])
        for _ in range(draw.randint(0, 8)):
            damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        (tmp_path / f"b.{suffix}").write_bytes(damaged)
        try:
            found = open_image(tmp_path / f"b.{suffix}")
        except BadImage:
            continue
        assert found.mode == "RGB"


def test_lab(tmp_path):
    rgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    source = ImageCms.profileToProfile(Image.new("RGB", (2, 2), (200, 40, 90)), rgb, lab, outputMode="LAB")
    source.save(tmp_path / "a.tiff")
    assert np.abs(pixels(tmp_path / "a.tiff").astype(int) - [200, 40, 90]).max() < 5


def test_a_bad_image_can_be_pickled():
    error = pickle.loads(pickle.dumps(BadImage("a.jpg", "the file is empty")))
    assert isinstance(error, UserError)
    assert str(error) == "cannot read image a.jpg: the file is empty"


def exif_of_type(kind, count, payload):
    """An EXIF block whose orientation has another TIFF type than a short."""
    return b"Exif\0\0II*\0" + struct.pack("<IHHHI", 8, 1, 0x0112, kind, count) + payload.ljust(4, b"\0") + b"\0" * 4


TEXT, SHORT, UNDEFINED = 2, 3, 7


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
@pytest.mark.parametrize(
    ("kind", "count", "payload"),
    [
        (TEXT, 2, b"6\0"),
        (TEXT, 4, b"top\0"),
        (UNDEFINED, 1, b"\x06"),
        (SHORT, 1, struct.pack("<H", 0)),
        (SHORT, 1, struct.pack("<H", 9)),
        (SHORT, 1, struct.pack("<H", 65535)),
    ],
)
def test_an_orientation_of_a_wrong_type_or_value_turns_nothing(tmp_path, suffix, kind, count, payload):
    Image.new("RGB", (30, 20)).save(tmp_path / f"a.{suffix}", exif=exif_of_type(kind, count, payload))
    assert open_image(tmp_path / f"a.{suffix}").size == (30, 20)


@pytest.mark.parametrize("kind", range(14))
@pytest.mark.parametrize("count", [0, 1, 3, 2**31])
def test_an_orientation_of_any_tiff_type_opens(tmp_path, kind, count):
    Image.new("RGB", (30, 20)).save(tmp_path / "a.jpg", exif=exif_of_type(kind, count, b"\x06"))
    assert sorted(open_image(tmp_path / "a.jpg").size) == [20, 30]


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (b"tEXt", b"\xff\xfe"),
        (b"zTXt", b"a\0\x07broken"),
        (b"zTXt", b"a\0\0broken"),
        (b"zTXt", b"a\0\0" + zlib.compress(b"x" * (1 << 22))),
        (b"iTXt", b"a\0\1\0\0\0broken"),
        (b"iTXt", b"a"),
        (b"iCCP", b"a\0\0broken"),
        (b"iCCP", b"a\0\7broken"),
        (b"eXIf", b"broken"),
        (b"gAMA", b"1"),
        (b"pHYs", b""),
        (b"cHRM", b"123"),
        (b"tRNS", b""),
        (b"sRGB", b""),
        (b"tIME", b"x"),
    ],
)
@pytest.mark.parametrize("first", [True, False], ids=["before the pixels", "after them"])
def test_broken_png_metadata_opens_or_names_the_file(tmp_path, kind, content, first):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    plain = (tmp_path / "a.png").read_bytes()
    at = 33 if first else len(plain) - 12
    (tmp_path / "a.png").write_bytes(plain[:at] + chunk(kind, content) + plain[at:])
    try:
        found = open_image(tmp_path / "a.png")
    except BadImage as error:
        found = error
    assert getattr(found, "size", None) == (4, 4) or found.where == str(tmp_path / "a.png")


@pytest.mark.parametrize("error", [AttributeError, ZeroDivisionError, AssertionError, MemoryError, RecursionError])
def test_any_error_of_a_decoder_is_a_bad_image(photo, monkeypatch, error):
    def fail(_):
        raise error("broken")

    monkeypatch.setattr(Image.Image, "load", fail)
    monkeypatch.setattr("PIL.JpegImagePlugin.JpegImageFile.load", fail)
    with pytest.raises(BadImage, match=r"a\.jpg"):
        open_image(photo)


@pytest.mark.parametrize("name", ["a.png", "a.eps", "a.jpg"])
def test_an_eps_starts_no_other_program_whatever_its_suffix(tmp_path, monkeypatch, name):
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 4\n%%EndComments\nshowpage\n"
    (tmp_path / name).write_bytes(eps)

    def start(*arguments, **_):
        pytest.fail(f"started {arguments}")

    for started in ("subprocess.Popen", "subprocess.run", "subprocess.check_call", "os.system"):
        monkeypatch.setattr(started, start)
    with pytest.raises(BadImage, match="not an image of a format that is read"):
        open_image(tmp_path / name)


@pytest.mark.parametrize("path", ["pipe.png", "/dev/zero", "a\0b.png"])
def test_what_is_no_regular_file_is_a_bad_image_at_once(tmp_path, path):
    if path == "pipe.png":
        os.mkfifo(tmp_path / path)
    with pytest.raises(BadImage, match=r"pipe, a device|null"):
        open_image(os.path.join(tmp_path, path))
