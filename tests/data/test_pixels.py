"""Decoded images in batches."""

import numpy as np
import pytest

from pictures import SIZE, picture
from winnow.data import pixels as module
from winnow.data.decode import decode_pixels
from winnow.data.pixels import DecodedPixels, batches


@pytest.fixture(scope="module")
def encoded() -> np.ndarray:
    return np.array([picture(seed) for seed in range(10)], dtype=object)


@pytest.fixture(scope="module")
def decoded(encoded) -> np.ndarray:
    return decode_pixels(encoded, image_size=SIZE)


@pytest.mark.parametrize(
    "rows", [slice(2, 5), slice(None), np.array([7, 0, 7, 3]), np.array([1, 4, 9]), np.array([], dtype=int)]
)
def test_rows_come_as_from_an_array(encoded, decoded, rows):
    assert np.array_equal(DecodedPixels(encoded)[rows], decoded[rows])


def test_the_size_is_that_of_the_first_image(encoded):
    assert DecodedPixels(encoded).shape == (10, SIZE, SIZE, 3)
    assert len(DecodedPixels(encoded[:0])) == 0
    mixed = np.array([encoded[0], picture(0, size=(20, 20))], dtype=object)
    with pytest.raises(ValueError, match="image 1 is RGB"):
        DecodedPixels(mixed)[:]


def test_batches_cover_all_images_in_order_and_hold_no_more_bytes_than_allowed(encoded, decoded, monkeypatch):
    monkeypatch.setattr(module, "BATCH_BYTES", 4 * SIZE * SIZE * 3)
    for pixels in (decoded, DecodedPixels(encoded)):
        found = list(batches(pixels))
        assert [(rows.start, rows.stop) for rows, _ in found] == [(0, 4), (4, 8), (8, 10)]
        assert np.array_equal(np.concatenate([batch for _, batch in found]), decoded)


def test_batches_of_a_given_size(decoded):
    assert [len(batch) for _, batch in batches(decoded, size=6)] == [6, 4]
    assert list(batches(decoded[:0])) == []


def test_a_picture_larger_than_a_batch_is_a_batch_of_its_own(decoded, monkeypatch):
    monkeypatch.setattr(module, "BATCH_BYTES", 1)
    assert [len(batch) for _, batch in batches(decoded)] == [1] * 10
