import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy import ndimage

from winnow.data import pixels as batching
from winnow.data.perceptual_hash import hash_groups, pairs_within, perceptual_hash
from winnow.data.pixels import DecodedPixels
from winnow.detect.duplicates.hashed import HashedImages
from winnow.detect.duplicates.leaks import find_leaks
from winnow.detect.duplicates.search import count_duplicates, find_duplicates
from winnow.errors import WinnowError


def scenes(count: int, seed: int = 0, size: int = 64) -> np.ndarray:
    """(count, size, size, 3) uint8 smooth random pictures, no two alike."""
    rng = np.random.default_rng(seed)
    field = ndimage.gaussian_filter(rng.normal(size=(count, size, size, 3)), (0, 4, 4, 0), mode="wrap")
    field /= field.std(axis=(1, 2, 3), keepdims=True)
    return np.clip(128 + 45 * field, 0, 255).astype(np.uint8)


def recompressed(image: np.ndarray, quality: int = 60) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def png(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def copied(image: np.ndarray) -> np.ndarray:
    """Two pixels aside, brighter and compressed again."""
    moved = np.pad(image, ((2, 0), (0, 2), (0, 0)), mode="edge")[:64, 2:]
    return recompressed(np.clip(moved * 1.08, 0, 255).astype(np.uint8))


def unit(features: np.ndarray) -> np.ndarray:
    return (features / np.linalg.norm(features, axis=1, keepdims=True)).astype(np.float32)


def search(image_id, labels, pixels, features=None, *, max_hash_distance=14, min_similarity=0.9, **more):
    features = np.ones((len(pixels), 4)) if features is None else features
    return find_duplicates(
        np.array(image_id),
        np.array(labels),
        pixels,
        unit(features),
        max_hash_distance=max_hash_distance,
        min_similarity=min_similarity,
        **more,
    )


def test_pairs_within_counts_differing_bits():
    hashes = np.array([0b0000, 0b0011, 0b0111, 2**64 - 1], dtype=np.uint64)
    first, second, distance = pairs_within(hashes, 2)
    assert list(zip(first, second, distance, strict=True)) == [(0, 1, 2), (1, 2, 1)]
    first, second, distance = pairs_within(hashes, 0, queries=np.array([2**64 - 1, 7], dtype=np.uint64))
    assert list(zip(first, second, distance, strict=True)) == [(0, 3, 0), (1, 2, 0)]


def test_hash_survives_recompression_brightness_and_resizing_but_not_another_picture():
    pixels = scenes(40)
    hashes = perceptual_hash(pixels)
    brighter = perceptual_hash(np.stack([recompressed((image * 0.8).astype(np.uint8)) for image in pixels]))
    larger = perceptual_hash(np.stack([np.asarray(Image.fromarray(image).resize((96, 80))) for image in pixels]))
    for other in (brighter, larger):
        assert np.bitwise_count(hashes ^ other).max() <= 6
    assert len(pairs_within(hashes, 12)[0]) == 0


def test_flat_images_meet_only_their_copies():
    rng = np.random.default_rng(0)
    constant = np.stack([np.full((32, 32, 3), value, dtype=np.uint8) for value in (0, 3, 128, 255, 255)])
    noisy = (200 + rng.integers(-1, 2, size=(30, 32, 32, 3))).astype(np.uint8)
    flat = np.concatenate([constant, noisy])
    first, second, _ = pairs_within(perceptual_hash(flat), 6)
    assert list(zip(first, second, strict=True)) == [(3, 4)]
    assert find_leaks(flat[:4], flat[4:], max_hash_distance=6).pairs() == [(3, 0, 0)]


def test_images_too_small_to_hash_are_refused_in_words():
    with pytest.raises(WinnowError, match="8x8 pixels are too small"):
        perceptual_hash(np.zeros((1, 8, 8, 3), dtype=np.uint8))


def test_hash_groups_links_chains_and_numbers_them_by_first_image():
    hashes = np.array([2**64 - 1, 0b0000, 0b0011, 0b1111, 2**64 - 1], dtype=np.uint64)
    assert hash_groups(hashes, max_distance=2).tolist() == [0, 1, 1, 1, 0]
    assert hash_groups(hashes, max_distance=1).tolist() == [0, 1, 2, 3, 0]


def test_planted_exact_and_near_copies_are_found_and_nothing_else():
    base = scenes(200)
    pixels = np.concatenate([base, base[:5], np.stack([copied(image) for image in base[10:15]])])
    labels = np.zeros(210, dtype=int)
    labels[[200, 210 - 1]] = 1
    ids = [f"img_{i:04d}" for i in range(210)]
    found = search(ids, labels, pixels)
    copies = found["duplicate_of"] != ""
    assert found.loc[copies, "image_id"].tolist() == ids[200:]
    assert found.loc[copies, "duplicate_of"].tolist() == ids[:5] + ids[10:15]
    assert found.loc[copies, "duplicate_kind"].tolist() == ["exact"] * 5 + ["near"] * 5
    assert found["exact_group"].tolist() == [*range(200), *range(5), *range(200, 205)]
    assert found.loc[found["label_conflict"], "image_id"].tolist() == [ids[i] for i in (0, 14, 200, 209)]
    assert found.loc[copies, "duplicate_similarity"].to_numpy() == pytest.approx(1)
    assert found.loc[~copies, "duplicate_similarity"].isna().all()
    assert found["duplicate_group"].nunique() == 200


def test_features_must_agree_for_near_but_not_for_exact_copies():
    base = scenes(30)
    pixels = np.concatenate([base, base[:1], copied(base[1])[None]])
    features = np.eye(32)
    found = search([f"{i:02d}" for i in range(32)], np.zeros(32, int), pixels, features)
    assert found["duplicate_kind"].tolist() == ["exact"] + [""] * 29 + ["exact", ""]


def test_keeper_is_the_smallest_id_with_the_most_frequent_label():
    pixels = np.repeat(scenes(1), 4, axis=0)
    found = search(["d", "a", "c", "b"], [1, 0, 1, 1], pixels)
    assert found["duplicate_of"].tolist() == ["b", "b", "b", ""]
    assert search(["d", "a"], [1, 0], pixels[:2])["duplicate_of"].tolist() == ["a", ""]


def test_a_chain_is_broken_where_an_end_is_unlike_the_keeper():
    base = scenes(30)
    pixels = np.concatenate([base, np.stack([recompressed(base[0], 80), recompressed(base[0], 50)])])
    features = np.zeros((32, 31))
    features[np.arange(1, 30), np.arange(1, 30)] = 1
    # 30 lies between 0 and 31 in feature space: 25 degrees from each, which are 50 degrees apart.
    for row, degrees in ((0, 0), (30, 25), (31, 50)):
        features[row, [0, 30]] = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    found = search([f"{i:02d}" for i in range(32)], np.zeros(32, int), pixels, features)
    assert found["duplicate_of"][[0, 30, 31]].tolist() == ["", "00", ""]
    assert found["duplicate_group"][30] == found["duplicate_group"][0] != found["duplicate_group"][31]


def test_similar_pictures_of_a_uniform_dataset_are_not_duplicates():
    """Variations of one drawing, as handwritten digits are: alike by hash, but no copies of one another."""
    drawing, variation = scenes(1)[0].astype(float), scenes(120, seed=1).astype(float) - 128
    pixels = np.clip(drawing + 0.25 * variation, 0, 255).astype(np.uint8)
    pixels = np.concatenate([pixels, np.stack([copied(image) for image in pixels[:3]])])
    assert len(pairs_within(perceptual_hash(pixels), 20)[0]) > 100
    found = search([f"{i:03d}" for i in range(123)], np.zeros(123, int), pixels, max_hash_distance=20)
    assert found["duplicate_of"][found["duplicate_of"] != ""].tolist() == ["000", "001", "002"]


def test_leaks_between_sets_are_found():
    train, other = scenes(100), scenes(20, seed=5)
    held_out = np.concatenate([other, train[7:8], copied(train[3])[None]])
    assert [pair[:2] for pair in find_leaks(held_out, train).pairs()] == [(20, 7), (21, 3)]
    assert find_leaks(held_out[:0], train).pairs() == []


@pytest.mark.parametrize("count", [19, 21, 40])
def test_copies_are_found_however_many_there_are(count):
    """Of a picture with more copies than the background's rank, the background is a copy."""
    pixels = scenes(101)
    copies = np.stack([recompressed(pixels[0], quality=55 + i) for i in range(count)])
    found = search(
        [f"img_{i:03d}" for i in range(100 + count)], np.zeros(100 + count, int), np.concatenate([copies, pixels[1:]])
    )
    assert found["duplicate_group"][:count].nunique() == 1 and found["duplicate_group"].nunique() == 101
    same = np.repeat(copies[:1], count, axis=0)
    leaks = find_leaks(recompressed(pixels[0], quality=90)[None], np.concatenate([same, pixels[1:]]))
    assert len(leaks.pairs()) == count


def test_leaks_are_found_however_many_identical_images_there_are():
    """Of a hash the nearest 64 are looked at; a hundred identical images take one place among them."""
    train = np.concatenate([scenes(30), np.repeat(scenes(1, seed=5), 100, axis=0), scenes(30, seed=6)])
    held_out = np.concatenate([recompressed(train[30], quality=90)[None], train[3:4]])
    pairs = [pair[:2] for pair in find_leaks(held_out, train).pairs()]
    assert pairs == [*((0, 30 + copy) for copy in range(100)), (1, 3)]


def test_sets_of_one_image_have_no_pair_for_each_two_of_them():
    same = np.repeat(scenes(1), 300, axis=0)
    leaks = find_leaks(same, same)
    assert set(leaks.first) == set(leaks.second) == set(range(300)) and len(leaks.first) == 300 + 299


def test_external_photos_are_found_among_training_images_when_they_are_larger():
    train = scenes(100)
    outside = np.concatenate([scenes(10, seed=5), train[[4, 60]]])
    large = [Image.fromarray(image).resize((230, 230), Image.Resampling.BICUBIC) for image in outside]
    photos = np.stack([np.asarray(image.resize((64, 64), Image.Resampling.LANCZOS)) for image in large])
    assert [pair[:2] for pair in find_leaks(photos, train).pairs()] == [(10, 4), (11, 60)]


def test_same_bytes_are_told_from_same_pixels():
    """Two files of one picture, one of them there twice, and another picture."""
    pixels = scenes(2)[[0, 0, 0, 1]]
    digests = np.array(["aa", "bb", "aa", "cc"])
    found = search(list("abcd"), [0] * 4, pixels, bytes_sha256=digests)
    assert found["same_bytes"].tolist() == [True, False, True, False]
    assert found["exact_group"].tolist() == [0, 0, 0, 1]
    assert count_duplicates(found)["images_with_same_bytes"] == 2
    assert "same_bytes" not in search(list("abcd"), [0] * 4, pixels)


def test_groups_and_copies_are_counted():
    pixels = scenes(4)
    pixels = np.concatenate([pixels, pixels[:2], pixels[:1]])  # groups of three and of two, two lone images
    found = search([f"img_{i}" for i in range(7)], [0, 0, 0, 0, 1, 0, 0], pixels)
    assert count_duplicates(found) == {
        "images": 7,
        "groups": 2,
        "exact_groups": 2,
        "near_groups": 0,
        "conflicting_groups": 1,
        "copies": 3,
        "copies_share": 3 / 7,
    }


def test_a_dataset_without_duplicates_counts_none():
    counts = count_duplicates(search([f"img_{i}" for i in range(5)], [0] * 5, scenes(5)))
    assert {value for name, value in counts.items() if name != "images"} == {0}


def test_a_uniform_dataset_costs_memory_by_the_image_not_by_the_pair():
    hashes = np.arange(3000, dtype=np.uint64)  # all 4.5 million pairs lie within 12 bits
    first, second, distance = pairs_within(hashes, 12)
    assert len(first) <= 3000 * 65
    assert (first < second).all() and (distance >= 1).all()
    assert len(np.unique(first * 3000 + second)) == len(first)
    assert len(np.unique(np.concatenate([first, second]))) == 3000


@pytest.mark.parametrize("batch_bytes", [1, 5 * 64 * 64 * 3])
def test_the_size_of_batches_decides_nothing(monkeypatch, batch_bytes):
    """Images that are decoded a few at a time give the same duplicates, leaks and hashes as one array of all."""
    base = scenes(60)
    pixels = np.concatenate([base, base[:5], np.stack([copied(image) for image in base[10:15]])])
    encoded = np.array([png(image) for image in pixels], dtype=object)
    ids, labels = [f"img_{i:02d}" for i in range(70)], np.zeros(70, int)
    whole, leaks = search(ids, labels, pixels), find_leaks(pixels[:30], pixels[30:]).pairs()
    assert (whole["duplicate_of"] != "").sum() == len(leaks) == 10
    monkeypatch.setattr(batching, "BATCH_BYTES", batch_bytes)
    pd.testing.assert_frame_equal(search(ids, labels, DecodedPixels(encoded)), whole)
    assert find_leaks(DecodedPixels(encoded[:30]), DecodedPixels(encoded[30:])).pairs() == leaks
    assert np.array_equal(perceptual_hash(DecodedPixels(encoded)), HashedImages.of(pixels).hashes)


def test_a_subset_of_hashed_images_is_searched_as_if_hashed_alone():
    images = scenes(60)
    images[40:45] = images[:5]
    hashed, rows, others = HashedImages.of(images), np.array([50, 2, 41]), np.setdiff1d(np.arange(60), [50, 2, 41])
    found = find_leaks(hashed.subset(rows), hashed.subset(others))
    assert found.pairs() == find_leaks(images[rows], images[others]).pairs()
    assert others[found.second].tolist() == [42, 1]
