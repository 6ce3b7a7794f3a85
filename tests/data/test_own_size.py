"""Images that stay at their own size: read in full, and brought to one size only where something needs that."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from winnow import row_groups
from winnow.data.decode import own_pixels, reduced_bytes, resized_pixels
from winnow.data.images import read_image, resized_bytes
from winnow.data.pixels import DecodedPixels, at_side, one_by_one, resized_to
from winnow.detect.duplicates.search import find_duplicates
from winnow.detect.faults.image_faults import score_image_faults
from winnow.row_groups import Mapped, StoredColumn, write_parquet_parts

SIZES = [(60, 40), (25, 90), (300, 200), (40, 40)]


def photo(width: int, height: int, *, seed: int = 0, form: str = "JPEG") -> bytes:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC).save(buffer, form, quality=95)
    return buffer.getvalue()


def photos() -> np.ndarray:
    return np.array([photo(*size, seed=seed) for seed, size in enumerate(SIZES)], dtype=object)


def test_without_a_size_a_plain_photo_keeps_its_bytes_and_another_form_its_size():
    plain, png = photo(50, 30), photo(50, 30, form="PNG")
    assert read_image(plain, image_size=None).image_bytes == plain
    converted = read_image(png, image_size=None)
    assert converted.repairs == ("format",) and converted.pixels.shape == (30, 50, 3)


def test_only_images_of_their_own_size_are_brought_to_the_size_that_is_trained_on():
    assert (resized_to(None, 64), resized_to(48, 64)) == (64, None)


def test_pixels_of_any_size_read_like_squares_and_from_their_own_size_at_any_side():
    images = DecodedPixels(photos(), resized_to=32)
    assert images.shape == (4, 32, 32, 3) and images[:].shape == (4, 32, 32, 3)
    assert np.array_equal(images[np.array([2, 0, 2])], images[:][[2, 0, 2]])
    larger = at_side(images, 80)
    assert larger[:].shape == (4, 80, 80, 3)
    from_full = resized_pixels(photos()[2:3], image_size=80)
    assert np.array_equal(larger[2:3], from_full)  # and not by way of 32 pixels


def test_pixels_of_one_size_stay_as_they_are():
    images = DecodedPixels(np.array([photo(20, 20)], dtype=object))
    assert at_side(images, 80) is images
    array = images[:]
    assert at_side(array, 80) is array
    assert [one.shape for one in one_by_one(array, longest=5)] == [(20, 20, 3)]


def test_one_by_one_keeps_proportions_and_reduces_what_is_long():
    shapes = [one.shape[:2] for one in one_by_one(DecodedPixels(photos(), resized_to=32), longest=150)]
    assert shapes == [(40, 60), (90, 25), (100, 150), (40, 40)]


def test_a_wide_photo_is_scored_in_its_own_proportions():
    """Squeezed into a square, its colours are the same; what would be lost is shown by the sizes that are scored."""
    widths, heights = np.array(SIZES).T
    full = score_image_faults(DecodedPixels(photos(), resized_to=16), widths, heights)
    alone = [score_image_faults(own_pixels(one)[None], widths[[i]], heights[[i]]) for i, one in enumerate(photos())]
    for name in ("dark_score", "blurry_score", "low_information_score"):
        assert full[name].tolist() == [one[name].iat[0] for one in alone]


def test_copies_are_exact_only_where_the_images_are_equal_in_full():
    """The second differs from the first in a pixel that a reduced copy does not show; the third is the first."""
    first = photo(400, 400, form="PNG")
    pixels = np.array(Image.open(io.BytesIO(first)))
    pixels[7, 7] ^= 1
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    images = np.array([first, buffer.getvalue(), first, photo(300, 100, seed=5)], dtype=object)
    reduced = resized_pixels(images, image_size=16)
    assert np.array_equal(reduced[0], reduced[1])
    features = np.eye(4, dtype=np.float32)[[0, 0, 0, 1]]
    found = find_duplicates(
        np.array(list("abcd")),
        np.zeros(4, int),
        DecodedPixels(images, resized_to=16),
        features,
        max_hash_distance=4,
        min_similarity=0.9,
    )
    assert found["exact_group"].tolist() == [0, 1, 0, 2]
    assert found["duplicate_group"].tolist() == [0, 0, 0, 1]


def test_blank_images_of_two_shapes_are_not_exact_copies():
    blank = [photo_of(np.full(shape, 90, np.uint8)) for shape in ((20, 40, 3), (40, 20, 3))]
    found = find_duplicates(
        np.array(["a", "b"]),
        np.zeros(2, int),
        DecodedPixels(np.array(blank, dtype=object), resized_to=16),
        np.ones((2, 1), np.float32),
        max_hash_distance=0,
        min_similarity=0.9,
    )
    assert found["exact_group"].tolist() == [0, 1]


def photo_of(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def test_resized_bytes_are_what_reading_at_that_size_gives_and_one_size_stays():
    images = photos()
    resized = resized_bytes(images, image_size=24)
    expected = [read_image(one, image_size=24).image_bytes for one in images]
    assert len(resized) == 4 and resized[:].tolist() == expected
    assert resized.take(np.array([3, 1]))[1:].tolist() == [expected[1]]
    assert resized_bytes(images, image_size=None) is images


@pytest.mark.parametrize("rows", [slice(None), np.array([5, 0, 5]), np.array([], dtype=int)])
def test_mapped_values_are_those_of_the_function_whatever_is_asked_for(rows, monkeypatch):
    monkeypatch.setattr(row_groups, "_AT_ONCE", 2)
    values = np.array(list("abcdefg"), dtype=object)
    upper = Mapped(values, lambda some: np.array([one.upper() for one in some], dtype=object))
    assert upper[rows].tolist() == [one.upper() for one in values[rows]]


def test_a_row_group_ends_where_its_bytes_are_enough(tmp_path, monkeypatch):
    monkeypatch.setattr(row_groups, "_GROUP_BYTES", 1000)
    images = [bytes([i]) * 600 for i in range(7)]
    frames = (pd.DataFrame({"image_bytes": [one]}) for one in images)
    write_parquet_parts(frames, tmp_path / "t.parquet")
    column = StoredColumn(tmp_path / "t.parquet", "image_bytes")
    assert len(column._starts) - 1 == 4
    assert column[:].tolist() == images


def test_a_small_picture_of_a_wall_keeps_its_bytes_and_a_large_one_its_proportions():
    small = photo(40, 30)
    assert reduced_bytes(small, longest=40) is small
    assert Image.open(io.BytesIO(reduced_bytes(photo(400, 100), longest=40))).size == (40, 10)
