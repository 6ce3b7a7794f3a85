"""The techniques and their rendering: the right pixels, the same every time, whoever makes them."""

import io

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from winnow.augmentation.plan import plan_copies
from winnow.augmentation.policy.policy import Policy, Step
from winnow.augmentation.render import render_copies
from winnow.augmentation.techniques import TECHNIQUES
from winnow.data.packed import COLUMNS
from winnow.errors import WinnowError
from winnow.params.augmentation import Techniques

POLICY = Policy(((Step("invert", 1.0),), (Step("shear_x", 1.0, 0.9),)))
CHANGING = sorted(set(TECHNIQUES) - {"oversampling"})


def _pixels(seed: int, size: tuple[int, int] = (32, 32)) -> np.ndarray:
    """A bright, smooth picture without symmetry."""
    coarse = np.random.default_rng(seed).integers(90, 255, (5, 5, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize(size[::-1], Image.Resampling.BICUBIC)).clip(60)


def _jpeg(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _decoded(encoded: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(encoded)))


def test_every_technique_has_its_key_and_every_key_its_technique() -> None:
    assert {*TECHNIQUES, "faster_autoaugment"} == set(Techniques.model_fields)


@pytest.mark.parametrize("name", CHANGING)
def test_a_technique_changes_pixels_but_not_shape_and_repeats_itself(name) -> None:
    pixels, partner = _pixels(0), _pixels(1)
    before = pixels.copy()
    results = [TECHNIQUES[name].run(pixels, seed, partner) for seed in range(8)]
    again = [TECHNIQUES[name].run(pixels, seed, partner) for seed in reversed(range(8))][::-1]
    for result, repeated in zip(results, again, strict=True):
        assert result.shape == pixels.shape
        assert result.dtype == np.uint8
        assert not np.array_equal(result, pixels)
        np.testing.assert_array_equal(result, repeated)
    np.testing.assert_array_equal(pixels, before)
    if not TECHNIQUES[name].once:
        assert any(not np.array_equal(results[0], result) for result in results[1:])


@pytest.mark.parametrize("name", CHANGING)
def test_images_that_are_not_square_keep_their_shape(name) -> None:
    assert TECHNIQUES[name].run(_pixels(0, (24, 40)), 5, _pixels(1, (24, 40))).shape == (24, 40, 3)


def test_cutmix_lays_a_window_of_the_partner_over_the_source() -> None:
    source, partner = np.zeros((20, 40, 3), np.uint8), np.full((20, 40, 3), 9, np.uint8)
    for seed in range(20):
        mixed = TECHNIQUES["cutmix"].run(source, seed, partner)
        rows, columns = np.nonzero(mixed[..., 0])
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert (mixed[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] == 9).all()
        assert len(rows) == height * width
        assert 0.07 <= len(rows) / 800 <= 0.55


def test_flip_crop_is_a_crop_of_the_mirror_image() -> None:
    flipped = TECHNIQUES["flip"].run(_pixels(0), 0, None)
    np.testing.assert_array_equal(
        TECHNIQUES["flip_crop"].run(_pixels(0), 4, None), TECHNIQUES["crop"].run(flipped, 4, None)
    )


@pytest.mark.parametrize("name", ["trivial_augment", "augmix"])
def test_torchvision_s_random_numbers_are_its_own(name) -> None:
    before = torch.get_rng_state()
    TECHNIQUES[name].run(_pixels(0), 3, None)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("name", ["trivial_augment", "augmix"])
def test_outside_of_the_image_lies_its_mean_colour(name) -> None:
    flat = np.full((32, 32, 3), (200, 150, 100), np.uint8)
    flat[:, 16:] += 2  # else nothing changes, and every draw is drawn again
    geometric = [TECHNIQUES[name].run(flat, seed, None) for seed in range(40)]
    assert any((np.abs(changed.astype(int) - flat).max() <= 3) for changed in geometric)


@pytest.mark.parametrize("name", ["crop", "rotation"])
def test_no_black_borders(name) -> None:
    for seed in range(30):
        assert TECHNIQUES[name].run(np.full((32, 32, 3), 200, np.uint8), seed, None).min() >= 199


def test_flip_is_a_mirror() -> None:
    np.testing.assert_array_equal(TECHNIQUES["flip"].run(_pixels(0), 0, None), np.fliplr(_pixels(0)))


def test_mixup_lies_between_both_and_nearer_to_the_source() -> None:
    source, partner = np.full((8, 8, 3), 100, np.uint8), np.full((8, 8, 3), 200, np.uint8)
    for seed in range(20):
        blend = TECHNIQUES["mixup"].run(source, seed, partner)
        assert 119 <= blend.min() <= blend.max() <= 150


@pytest.mark.parametrize("name", ["mixup", "cutmix"])
@pytest.mark.parametrize("partner", [None, np.zeros((4, 4, 3), np.uint8)])
def test_mixing_without_a_fitting_partner_is_refused(name, partner) -> None:
    with pytest.raises(ValueError, match="partner"):
        TECHNIQUES[name].run(_pixels(0), 0, partner)


@pytest.fixture(scope="module")
def images() -> pd.DataFrame:
    return pd.DataFrame(
        {"image_id": [f"img_{row}" for row in range(8)], "image_bytes": [_jpeg(_pixels(row)) for row in range(8)]}
    )


@pytest.fixture(scope="module")
def plan(images) -> pd.DataFrame:
    return plan_copies(
        images["image_id"].to_numpy(),
        np.arange(8) % 2,
        budget=8 * 13,
        balance="equal",
        max_copies_per_image=12,
        techniques=dict.fromkeys([*TECHNIQUES, "faster_autoaugment"], 1.0),
        seed=0,
    )


@pytest.mark.slow
def test_one_and_two_workers_make_the_same_bytes(plan, images) -> None:
    alone = render_copies(plan, images, jpeg_quality=95, policy=POLICY, workers=1)
    pd.testing.assert_frame_equal(alone, render_copies(plan, images, jpeg_quality=95, policy=POLICY, workers=2))
    assert set(alone["technique"]) == {*TECHNIQUES, "faster_autoaugment"}


def test_a_policy_that_nobody_searched_is_named(plan, images) -> None:
    for policy in (None, Policy(())):
        with pytest.raises(WinnowError, match="or the weight to 0"):
            render_copies(plan, images, jpeg_quality=95, policy=policy)


def test_copies_are_packed_rows_of_the_right_pictures(plan, images) -> None:
    copies = render_copies(plan, images, jpeg_quality=95, policy=POLICY, workers=1)
    assert list(copies.columns) == COLUMNS
    assert copies["name"].tolist() == plan["name"].tolist()
    sources = dict(zip(images["image_id"], images["image_bytes"], strict=True))
    for row in copies.itertuples():
        image = Image.open(io.BytesIO(row.image_bytes))
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (32, 32))
        source = _decoded(sources[row.image_id]).astype(float)
        if row.technique == "oversampling":
            assert row.image_bytes == sources[row.image_id]
        else:
            assert row.image_bytes != sources[row.image_id]
            assert image.layer[0][1:3] == image.layer[1][1:3], "colours are not subsampled"
        if row.technique == "flip":
            assert np.abs(np.fliplr(source) - np.asarray(image)).mean() < 3


def test_a_lower_quality_takes_fewer_bytes(plan, images) -> None:
    sizes = [
        render_copies(plan, images, jpeg_quality=q, policy=POLICY, workers=1)["image_bytes"].map(len).sum()
        for q in (60, 95)
    ]
    assert sizes[0] < sizes[1]


def test_an_empty_plan_gives_no_rows(plan, images) -> None:
    copies = render_copies(plan.iloc[:0], images, jpeg_quality=95)
    assert copies.empty
    assert list(copies.columns) == COLUMNS


def test_missing_sources_and_unknown_techniques_are_refused(plan, images) -> None:
    with pytest.raises(WinnowError, match="no row for image"):
        render_copies(plan, images.iloc[1:], jpeg_quality=95, policy=POLICY, workers=1)
    with pytest.raises(ValueError, match="no technique is called 'sparkle'"):
        render_copies(plan.assign(technique="sparkle"), images, jpeg_quality=95, workers=1)
