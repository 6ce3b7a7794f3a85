"""A dataset valued by images of its own, and by trusted ones from elsewhere."""

import numpy as np
import pandas as pd
import pytest

from winnow.data.pixels import Pixels
from winnow.errors import WinnowError
from winnow.evaluation.held_out import HeldOut
from winnow.evaluation.valued import value_dataset
from winnow.files.main import VALUED
from winnow.params.valuation import Valuation

OPTIONS = Valuation(
    enabled=True,
    network="small",
    epochs=3,
    batch_size=8,
    learning_rate=0.05,
    momentum=0.9,
    checkpoints=[1, 2],
    recalibration_images=16,
    exact=False,
    seeds=[0],
)
NOBODY: tuple[pd.Series, set[str]] = (pd.Series(dtype=np.int64), set())
NAMES = ["left", "right"]
COLUMNS = [column.name for column in VALUED.columns]


def drawn(count: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures whose class is the side that is bright, with noise that tells them apart."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    pixels = rng.integers(0, 90, (count, 32, 32, 3))
    for image, label in zip(pixels, labels, strict=True):
        image[:, 16 * label : 16 * label + 16] += 120
    return pixels.astype(np.uint8), labels


@pytest.fixture
def dataset() -> tuple[pd.DataFrame, Pixels]:
    pixels, labels = drawn(40, seed=0)
    quality = np.linspace(0.5, 0.99, 40)
    images = pd.DataFrame(
        {
            "image_id": [f"img_{place:02d}" for place in range(40)],
            "label": labels,
            "duplicate_group": np.where(np.arange(40) == 1, 39, np.arange(40)),  # a copy of the cleanest one
            "label_quality_score": quality,
            "signals_agree": True,
            "is_ood": False,
        }
    )
    return images, pixels


def valued(dataset, trusted=None, by_people=NOBODY, *, warnings=(), **changes) -> tuple[pd.DataFrame, str]:
    images, pixels = dataset
    options = OPTIONS.model_copy(update=changes)
    found = value_dataset(images, pixels, trusted, by_people, class_names=NAMES, options=options, reference_per_class=2)
    VALUED.check(found.values[COLUMNS], "values")
    assert found.values["image_id"].tolist() == images["image_id"].tolist()
    assert found.warnings == list(warnings)
    return found.values.set_index("image_id"), found.summary


def test_the_cleanest_images_judge_the_others_and_are_not_valued(dataset):
    table, words = valued(dataset)
    judges = ["img_36", "img_37", "img_38", "img_39"]
    unvalued = table.index[table["influence"].isna()].tolist()
    assert unvalued == ["img_01", *judges]  # and a copy of one
    assert words == "35 images by a reference of 4, 5 left out as it or its copies"
    assert (table.loc[unvalued, "nearest_reference"] == "").all() and not table.loc[unvalued, "points_harmed"].any()
    assert set(table["nearest_reference"]) - {""} <= set(judges)
    assert table["exact_influence"].isna().all()


def test_what_people_confirmed_judges_in_their_place_and_what_they_rejected_never_does(dataset):
    table, _ = valued(dataset, by_people=(pd.Series({"img_00": 0}), {"img_39"}))
    unvalued = table.index[table["influence"].isna()].tolist()
    assert unvalued == ["img_00", "img_35", "img_37"]  # img_39 would be the next of its class


def test_trusted_images_from_elsewhere_judge_all_but_their_copies(dataset):
    pixels, labels = drawn(6, seed=1)
    pixels[0] = dataset[1][7]
    trusted = HeldOut(np.array([f"book/{place}" for place in range(6)]), labels, pixels)
    table, words = valued(dataset, trusted)
    assert table.index[table["influence"].isna()].tolist() == ["img_07"]
    assert set(table["nearest_reference"]) - {""} <= {f"reference/book/{place}" for place in range(6)}
    assert words == "39 images by a reference of 6, 1 left out as it or its copies"


def test_the_exact_influence_is_there_where_it_is_asked_for(dataset):
    table, _ = valued(dataset, exact=True, epochs=2, checkpoints=[1])
    there = table["influence"].notna()
    assert table.loc[there, "exact_influence"].notna().all() and table.loc[~there, "exact_influence"].isna().all()


def test_classes_without_a_reference_or_images_are_told(dataset):
    images, pixels = dataset
    one = images.assign(duplicate_group=np.where(images["label"] == 1, 99, images["duplicate_group"]))
    told = "no image of the reference is right: values say little of it."
    table, _ = valued((one, pixels), warnings=[told])
    assert table["influence"].isna().sum() == 2  # two of the left; all of the right are one picture, and stay


def test_too_few_images_that_are_left_are_an_error_in_a_sentence(dataset):
    confirmed = dataset[0].set_index("image_id")["label"].drop("img_20")
    with pytest.raises(WinnowError, match="of 40 images 1 is neither of the reference nor a copy of one of it"):
        valued(dataset, by_people=(confirmed, set()))


@pytest.mark.parametrize(
    ("network", "problem"),
    [("resnt34", "valuation.network is 'resnt34'"), ("torchvision:alexnet", "takes no images of 32 x 32 pixels")],
)
def test_networks_that_cannot_be_trained_are_told_with_their_key(dataset, network, problem):
    with pytest.raises(WinnowError, match=problem):
        valued(dataset, network=network)


def test_a_network_of_other_layers_is_refused_in_a_sentence(dataset):
    with pytest.raises(WinnowError, match="in which the gradients of single images cannot be taken"):
        valued(dataset, network="torchvision:mobilenet_v3_small")
