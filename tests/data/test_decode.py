"""Reading single images: repairs, refusals, and bytes that are damaged in every way."""

import io
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from pictures import SIZE, picture
from winnow.data import images
from winnow.data.budget import Budget
from winnow.data.decode import decode_pixels
from winnow.data.images import BadImage, read_image, upright_rgb

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
        (picture(form="AVIF", quality=100), ("format",)),
        (picture(form="JPEG2000"), ("format",)),
        (picture(form="PPM"), ("format",)),
        (picture(mode="L", form="PPM"), ("format", "grey")),
        (picture(mode="1", form="PPM"), ("format", "grey")),
        (picture(form="PCX"), ("format",)),
        (picture(form="SGI"), ("format",)),
        (picture(form="QOI"), ("format",)),
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


def drawing(grey, *, mode="RGBA", form="PNG", transparent=True, outline=None):
    """A square of that grey on a transparent (or filled) ground."""
    image = Image.new("RGBA", (64, 64), (grey, grey, grey, 0 if transparent else 255))
    image.paste((grey, grey, grey, 255), (16, 16, 48, 48))
    if outline is not None:
        image.paste((outline, outline, outline, 255), (16, 16, 48, 18))
    buffer = io.BytesIO()
    (image.quantize() if mode == "P" else image.convert(mode)).save(buffer, form)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "image_bytes",
    [
        drawing(255),
        drawing(250),
        drawing(240),
        drawing(255, mode="LA"),
        drawing(255, mode="P"),
        drawing(255, form="WEBP"),
        drawing(255, form="TIFF"),
    ],
)
def test_a_white_drawing_on_transparency_is_laid_on_black(image_bytes):
    decoded = read_image(image_bytes, image_size=64)
    assert "alpha-on-black" in decoded.repairs
    assert decoded.pixels[32, 32].min() > 220 and decoded.pixels[4, 4].max() < 20


@pytest.mark.parametrize(
    ("image_bytes", "ground"),
    [
        (drawing(0), 255),
        (drawing(200), 255),
        (drawing(255, outline=0), 255),
        (drawing(255, transparent=False), 255),
    ],
)
def test_any_other_drawing_is_laid_on_white(image_bytes, ground):
    decoded = read_image(image_bytes, image_size=64)
    assert "alpha-on-black" not in decoded.repairs
    assert decoded.pixels[4, 4].min() > ground - 12


@pytest.mark.parametrize("form", ["PNG", "TGA", "WEBP"])
def test_transparency_of_all_of_an_image_says_nothing(form):
    image = Image.open(io.BytesIO(picture(form="PNG"))).convert("RGBA")
    image.putalpha(0)
    buffer = io.BytesIO()
    image.save(buffer, form, **({"exact": True, "lossless": True} if form == "WEBP" else {}))
    pixels = read_image(buffer.getvalue(), image_size=SIZE, file_name="a.tga").pixels.astype(int)
    assert np.abs(pixels - np.asarray(image.convert("RGB"))).mean() < 4


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


@pytest.mark.parametrize("compression", [None, "tga_rle"])
def test_a_tga_is_known_by_its_name(compression):
    content = picture(form="TGA", compression=compression)
    assert read_image(content, image_size=SIZE, file_name="a/b.TGA").repairs == ("format",)
    with pytest.raises(BadImage, match="or other image that winnow reads"):
        read_image(content, image_size=SIZE, file_name="a/b.txt")


def tiff_with(tag, value):
    buffer = io.BytesIO()
    Image.open(io.BytesIO(picture(form="PNG"))).save(buffer, "TIFF", tiffinfo={tag: value})
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC photo"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "heif-convert"),
        (b"\0\0\0\x18ftypisom\0\0\0\0", "a video"),
        (b"\x1aE\xdf\xa3" + bytes(20), "a video"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 2\n", "git lfs pull"),
        (b"<!DOCTYPE html><html>404", "a web page"),
        (b"\n<html><body>", "a web page"),
        (b'<?xml version="1.0"?>\n<svg xmlns="">', "an SVG drawing"),
        (b"8BPS\0\1", "a Photoshop file"),
        (b"%PDF-1.4", "a PDF"),
        (b"\xff\x0a" + bytes(20), "a JPEG XL image"),
        (b"PK\x03\x04", "a zip"),
        (b"/annex/objects/MD5E-s12--ab.jpg\n", "git annex get"),
        (b"outs:\n- md5: d41d8cd98f00b204e9800998ecf8427e\n  path: a.jpg\n", "dvc pull"),
        (bytes(128) + b"DICM\2\0", "a DICOM image"),
        (b"SIMPLE  =                    T", "a FITS image"),
        (b"v/1\x01\2\0", "an OpenEXR image"),
        (b"\0\0\1\0\1\0", "an icon of Windows"),
        (b"404 Not Found", "text ('404 Not Found'), as a failed download leaves it"),
        (b'{"error": "quota exceeded"}\n', "text ("),
        ("アクセス拒否".encode(), "text ('アクセス拒否')"),
        (b"/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAEBAQEBAQEBAQEBAQ", "text ('/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAEBA...')"),
        (tiff_with(254, 1), "a camera's raw file"),  # as NEF and CR2 begin: with the preview
        (tiff_with(50706, b"\1\4\0\0"), "a camera's raw file"),  # DNG
        (bytes(5000), "nothing but zeros"),
    ],
)
def test_what_is_no_image_is_called_by_its_name(content, words):
    with pytest.raises(BadImage) as caught:
        read_image(content, image_size=SIZE)
    assert words in caught.value.detail


# --- damage that decoders hide ---


def noisy(form, **options):
    """A photo-like picture, large enough to lose half."""
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (10, 12, 3), np.uint8)).resize((200, 160), Image.Resampling.BICUBIC)
    pixels = np.asarray(coarse).astype(int) + rng.normal(0, 8, (160, 200, 3))
    buffer = io.BytesIO()
    image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    image.convert(options.pop("mode", "RGB")).save(buffer, form, **options)
    return buffer.getvalue()


CODED = {
    "baseline": noisy("JPEG", quality=85),
    "optimized": noisy("JPEG", quality=85, optimize=True),
    "progressive": noisy("JPEG", quality=85, progressive=True),
    "restarts": noisy("JPEG", quality=85, restart_marker_rows=1),
    "4:4:4": noisy("JPEG", quality=95, subsampling="4:4:4"),
    "grey": noisy("JPEG", mode="L"),
    "CMYK": noisy("JPEG", mode="CMYK"),
    "PNG": noisy("PNG"),
    "GIF": noisy("GIF", mode="P"),
    "WebP": noisy("WEBP"),
    "lossless WebP": noisy("WEBP", lossless=True),
    "AVIF": noisy("AVIF"),
    "JPEG 2000": noisy("JPEG2000"),
    "LZW in TIFF": noisy("TIFF", compression="tiff_lzw"),
    "Deflate in TIFF": noisy("TIFF", compression="tiff_adobe_deflate"),
    "JPEG in TIFF": noisy("TIFF", compression="jpeg"),
}
ENDS = {"GIF": b"\0;", "PNG": b"\0\0\0\0IEND\xaeB`\x82"}


def cut(content, share):
    return content[: int(len(content) * share)]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", CODED)
@pytest.mark.parametrize("share", [0.25, 0.5, 0.9])
def test_an_image_of_which_a_part_is_missing_is_rejected(kind, share):
    whole = CODED[kind]
    end = ENDS.get(kind, b"\xff\xd9")
    zeros = bytes(len(whole) - int(len(whole) * share))
    damaged = {
        "cut": cut(whole, share),
        "cut and closed": cut(whole, share) + end,
        "zeroed": cut(whole, share) + zeros,
        "zeroed and closed": cut(whole, share) + zeros[: -len(end)] + end,
        "erased flash": cut(whole, share) + b"\xff" * len(zeros),
        "a lost sector": cut(whole, share) + bytes(512) + whole[int(len(whole) * share) + 512 :],
    }
    assert read_image(whole, image_size=SIZE).pixels.shape == (SIZE, SIZE, 3)
    accepted = []
    for name, content in damaged.items():
        try:
            read_image(content, image_size=SIZE)
            accepted.append(name)
        except BadImage as problem:
            assert problem.reason in ("does-not-decode", "truncated", "damaged") and problem.detail
    assert not accepted


@pytest.mark.parametrize("kind", [kind for kind, content in CODED.items() if content.startswith(b"\xff\xd8")])
def test_what_is_behind_a_whole_picture_is_no_damage(kind):
    whole = CODED[kind]
    for content in (
        whole + bytes(5000),
        whole + whole,  # the further views of a phone
        whole[:-2] + b"\0\0\0" + whole[-2:],  # some cameras fill up before the end
        whole[:-2] + bytes(64) if kind != "progressive" else whole,  # and others leave the end out
    ):
        assert read_image(content, image_size=SIZE).pixels.shape == (SIZE, SIZE, 3)


@pytest.mark.parametrize("kind", ["flat", "half black", "noise", "stripes"])
def test_plain_pictures_are_not_taken_for_damaged_ones(kind):
    size, rng = 150, np.random.default_rng(0)
    pixels = {
        "flat": np.full((size, size, 3), 255, np.uint8),
        "half black": np.where(np.arange(size)[:, None, None] < size // 2, 200, 0) * np.ones((1, size, 3)),
        "noise": rng.integers(0, 256, (size, size, 3)),
        "stripes": np.indices((size, size)).sum(0)[..., None] // 7 % 2 * 255 * np.ones((1, 1, 3)),
    }[kind].astype(np.uint8)
    jpegs = [
        ("JPEG", {"quality": q, "optimize": o, "progressive": p}) for q in (5, 100) for o in (0, 1) for p in (0, 1)
    ]
    others = [("WEBP", {"lossless": True, "method": 0}), ("JPEG2000", {}), ("TIFF", {"compression": "tiff_deflate"})]
    for form, options in (*jpegs, *others, ("PNG", {"compress_level": 0}), ("WEBP", {}), ("AVIF", {}), ("GIF", {})):
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, form, **options)
        assert read_image(buffer.getvalue(), image_size=size).pixels.shape == (size, size, 3)


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
        assert problem.reason in ("does-not-decode", "truncated", "damaged")
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


def test_pixels_in_flight_are_limited_and_a_picture_above_the_limit_goes_alone():
    budget, lock = Budget(10), threading.Lock()
    held, seen = [], []

    def work(amount):
        with budget.hold(amount):
            with lock:
                held.append(amount)
                seen.append(sum(held))
            time.sleep(0.002)
            with lock:
                held.remove(amount)

    amounts = [4, 6, 3, 25, 5, 5, 1, 25, 2, 9] * 4
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, amounts))
    assert len(seen) == len(amounts) and max(seen) == 25
    assert all(total <= 10 for total in seen if total != 25)


def test_a_picture_counts_against_the_limit_while_it_is_decoded(monkeypatch):
    asked = []

    class Spy(Budget):
        def hold(self, amount):
            asked.append(amount)
            return super().hold(amount)

    monkeypatch.setattr(images, "_IN_FLIGHT", Spy(1000))
    read_image(picture(size=(40, 20)), image_size=SIZE)
    with pytest.raises(BadImage):
        read_image(b"no image", image_size=SIZE)
    assert asked == [800, 0]


HOSTILE = """
import io, re, resource, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from PIL import Image
from winnow.data.images import read_image

buffer = io.BytesIO()
Image.new("RGBA", (9400, 9400), (10, 20, 30, 128)).save(buffer, "PNG", compress_level=1)
with ThreadPoolExecutor(4) as pool:
    done = list(pool.map(lambda _: read_image(buffer.getvalue(), image_size=SIZE).repairs, range(4)))
assert done == [("format", "alpha", "size")] * 4, done
if sys.platform == "darwin":
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
else:  # where ru_maxrss begins with what the process that started this one took
    print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
""".replace("SIZE", str(SIZE))


@pytest.mark.slow
def test_pictures_as_large_as_may_be_take_the_memory_of_one_on_four_threads():
    done = subprocess.run([sys.executable, "-c", HOSTILE], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 1.6 * 2**20  # KiB; four at once took 4.5 GB
