"""Reading single images: repairs, refusals, and bytes that are damaged in every way."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from pictures import SIZE, picture
from winnow.data.decode import BadImage, decode_pixels, read_image, upright_rgb

ORIENTATION = 0x0112


def with_orientation(value):
    exif = Image.Exif()
    exif[ORIENTATION] = value
    return picture(exif=exif)


def sixteen_bit():
    ramp = np.linspace(0, 50_000, SIZE * SIZE).reshape(SIZE, SIZE).astype(np.uint16)
    buffer = io.BytesIO()
    Image.fromarray(ramp).save(buffer, format="PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("image_bytes", "repairs"),
    [
        (picture(), ()),
        (picture(quality=30, subsampling="4:2:0"), ()),
        (picture(form="PNG"), ("format",)),
        (picture(form="WEBP"), ("format",)),
        (picture(form="BMP"), ("format",)),
        (picture(form="TIFF"), ("format",)),
        (picture(mode="P", form="GIF"), ("format", "palette")),
        (picture(mode="L"), ("grey",)),
        (picture(mode="1", form="PNG"), ("format", "grey")),
        (picture(mode="LA", form="PNG"), ("format", "grey", "alpha")),
        (picture(mode="CMYK"), ("cmyk",)),
        (picture(mode="RGBA", form="PNG"), ("format", "alpha")),
        (picture(mode="P", form="PNG", transparency=0), ("format", "palette", "alpha")),
        (picture(mode="LAB", form="TIFF"), ("format", "colour-space")),
        (sixteen_bit(), ("format", "16-bit", "grey")),
        (picture(size=(40, 20)), ("size",)),
        (picture(size=(3, 1), mode="L"), ("grey", "size")),
        (with_orientation(1), ()),
        (with_orientation(6), ("exif-rotation",)),
    ],
)
def test_repairs(image_bytes, repairs):
    decoded = read_image(image_bytes, image_size=SIZE)
    assert decoded.repairs == repairs
    assert decoded.pixels.shape == (SIZE, SIZE, 3)
    assert decoded.pixels.dtype == np.uint8
    original = Image.open(io.BytesIO(image_bytes))
    assert (decoded.width, decoded.height) == original.size
    assert (decoded.image_bytes == image_bytes) == (not repairs)
    # A repaired image needs no repair, and the pixels are those that later stages will see.
    again = read_image(decoded.image_bytes, image_size=SIZE)
    assert again.repairs == ()
    assert np.array_equal(again.pixels, decoded.pixels)
    assert np.array_equal(decode_pixels([decoded.image_bytes], image_size=SIZE)[0], decoded.pixels)


@pytest.mark.parametrize(
    ("values", "form"),
    [
        (np.uint16([[0, 128, 255]]), "PNG"),  # 8, 10, 12 and 16 bits in a file of 16
        (np.uint16([[0, 512, 1023]]), "PNG"),
        (np.uint16([[0, 2048, 4095]]), "PNG"),
        (np.uint16([[0, 32_768, 65_535]]), "PNG"),
        (np.int32([[0, 50_000, 100_000]]), "TIFF"),
        (np.float32([[0, 0.5, 1]]), "TIFF"),
        (np.float32([[-1, 128, 255]]), "TIFF"),
    ],
)
def test_deeper_pictures_keep_their_greys(values, form):
    buffer = io.BytesIO()
    Image.fromarray(values).resize((3 * SIZE, SIZE), Image.Resampling.NEAREST).save(buffer, form)
    image, *_ = upright_rgb(buffer.getvalue())
    left, middle, right = (int(np.asarray(image)[SIZE // 2, at, 0]) for at in (1, 3 * SIZE // 2, 3 * SIZE - 2))
    assert (left, right) == (0, 255) and 126 <= middle <= 129


@pytest.mark.parametrize("mode", ["L", "CMYK", "RGBA", "LA"])
def test_repairs_keep_the_picture(mode):
    form = "JPEG" if mode in ("L", "CMYK") else "PNG"
    repaired = read_image(picture(mode=mode, form=form), image_size=SIZE).pixels.astype(int)
    original = Image.open(io.BytesIO(picture(form="PNG"))).convert("L" if mode in ("L", "LA") else "RGB").convert("RGB")
    assert np.abs(repaired - np.asarray(original).astype(int)).mean() < 4


def test_alpha_is_laid_on_white():
    image = Image.new("RGBA", (SIZE, SIZE), (255, 0, 0, 0))
    image.paste((0, 0, 255, 255), (0, 0, SIZE, SIZE // 2))
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    pixels = read_image(buffer.getvalue(), image_size=SIZE).pixels.astype(int)
    assert np.abs(pixels[:4] - [0, 0, 255]).max() < 12
    assert np.abs(pixels[-4:] - 255).max() < 12


@pytest.mark.parametrize("orientation", range(2, 9))
def test_exif_rotation_turns_the_picture(orientation):
    upright = read_image(picture(), image_size=SIZE).pixels.astype(int)
    image = with_orientation(orientation)
    turned = read_image(image, image_size=SIZE).pixels.astype(int)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(image)))).astype(int)
    assert np.abs(turned - expected).mean() < 4
    assert np.abs(turned - upright).mean() > 20


def test_orientation_6_is_a_quarter_turn_clockwise():
    upright = read_image(picture(), image_size=SIZE).pixels.astype(int)
    turned = read_image(with_orientation(6), image_size=SIZE).pixels.astype(int)
    assert np.abs(turned - np.rot90(upright, -1)).mean() < 4


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_camera_data_that_are_garbage(form):
    decoded = read_image(picture(form=form, exif=b"Exif\0\0garbage"), image_size=SIZE)
    assert "exif-rotation" not in decoded.repairs


@pytest.mark.filterwarnings("ignore")
def test_damaged_camera_data_are_no_fault_of_the_picture():
    exif = Image.Exif()
    exif[ORIENTATION], exif[0x010F], exif[0x011A] = 6, "Maker", 72.5
    exif[0x8769] = {0x9003: "2020:01:01 00:00:00", 0x829A: 0.01}
    content = picture(exif=exif)
    rng = np.random.default_rng(0)
    turned = 0
    for _ in range(2000):
        damaged = bytearray(content)
        for place in rng.integers(24, content.index(b"\xff\xdb"), size=4):  # behind the signature, before the pixels
            damaged[place] = rng.integers(0, 256)
        turned += read_image(bytes(damaged), image_size=SIZE).repairs == ("exif-rotation",)
    assert 200 < turned < 2000  # the damage did reach the orientation of some, and of some not


def test_sixteen_bits_become_eight():
    pixels = read_image(sixteen_bit(), image_size=SIZE).pixels.astype(int)
    expected = np.linspace(0, 50_000 / 257, SIZE * SIZE).reshape(SIZE, SIZE)
    assert np.abs(pixels - expected[..., None]).max() < 12


@pytest.mark.parametrize(
    ("image_bytes", "reason"),
    [
        (b"", "truncated"),
        (b"no image", "does-not-decode"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "does-not-decode"),
        (picture(size=(64, 64))[:-200], "truncated"),
        (picture(size=(64, 64), form="PNG")[:1000], "truncated"),
        (picture(form="BMP")[:-50], "truncated"),
    ],
)
def test_bad_images(image_bytes, reason):
    with pytest.raises(BadImage) as caught:
        read_image(image_bytes, image_size=SIZE)
    assert caught.value.reason == reason
    assert caught.value.detail


@pytest.mark.parametrize("limit", [SIZE * SIZE - 1, SIZE * SIZE // 3])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_too_many_pixels_are_not_decoded(monkeypatch, limit):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises(BadImage, match="too many") as caught:
        read_image(picture(), image_size=SIZE)
    assert caught.value.reason == "does-not-decode"


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"]), st.data())
def test_damaged_bytes_never_raise_anything_else(form, data):
    content = bytearray(picture(form=form))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        decoded = read_image(bytes(content), image_size=SIZE)
    except BadImage as problem:
        assert problem.reason in ("does-not-decode", "truncated")
    else:
        assert decoded.pixels.shape == (SIZE, SIZE, 3)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"])
@pytest.mark.filterwarnings("ignore")
def test_a_damaged_header_never_raises_anything_else(form):
    content = picture(form=form)
    rejected = 0
    for place in range(min(len(content), 250)):
        damaged = bytearray(content)
        damaged[place] = 0
        try:
            read_image(bytes(damaged), image_size=SIZE)
        except BadImage:
            rejected += 1
    assert rejected > 0


def test_decode_pixels():
    images = [picture(seed) for seed in range(600)]
    pixels = decode_pixels(images, image_size=SIZE, workers=3)
    assert pixels.shape == (600, SIZE, SIZE, 3)
    assert pixels.dtype == np.uint8
    for row in (0, 255, 256, 599):
        assert np.array_equal(pixels[row], read_image(images[row], image_size=SIZE).pixels)
    assert decode_pixels([], image_size=SIZE).shape == (0, SIZE, SIZE, 3)
    for bad in (picture(mode="L"), picture(size=(SIZE, 1))):
        with pytest.raises(ValueError, match="image 1 is"):
            decode_pixels([images[0], bad], image_size=SIZE)
