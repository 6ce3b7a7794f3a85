"""The training set as a whole: originals bit for bit, copies within the budget, and counts that add up."""

import numpy as np
import pandas as pd
import pytest

from pictures import picture
from winnow.augmentation.policy.policy import Policy
from winnow.augmentation.training_set import make_training_set
from winnow.errors import WinnowError

SETTINGS = {
    "budget": 14,
    "balance": "equal",
    "effective_number_beta": 0.999,
    "max_copies_per_image": 3,
    "edge_cases": {"by": "probe", "strength": 0.0, "min_label_quality": 0.9, "max_ood_score": 0.1},
    "jpeg_quality": 90,
    "techniques": {"crop": 1.0, "flip": 0.0},
    "seed": 0,
}


@pytest.fixture
def images() -> pd.DataFrame:
    """Eight images, in no order; `i` is dropped, `h` too."""
    keys = "hgfedcba"
    return pd.DataFrame({"image_id": list(keys), "image_bytes": [picture(ord(key)) for key in keys]})


def training() -> pd.DataFrame:
    ids = list("abcdef")
    return pd.DataFrame({"image_id": ids, "final_label": [0, 0, 0, 0, 1, 2], "ood_score": 0.0, "decided_by": "rule"})


def make(images, **changes):
    probs = np.full((6, 3), 1 / 3, np.float32)
    names = ["cat", "dog", "owl"]
    return make_training_set(
        training(), images, probs, probs, policy=Policy(()), class_names=names, **(SETTINGS | changes)
    )


def test_originals_stay_bit_for_bit_and_copies_fill_the_smallest_classes(images):
    result = make(images)
    packed = result.packed.frame()
    originals = packed[packed["technique"] == ""].set_index("image_id")["image_bytes"]
    stored = images.set_index("image_id")["image_bytes"]
    assert originals.to_dict() == stored[list("abcdef")].to_dict()
    assert packed["label"].value_counts().to_dict() == {0: 6, 1: 4, 2: 4}
    assert result.metrics["total"] == len(packed) == 14
    assert result.metrics["techniques.crop"] == result.metrics["copies"] == 8
    assert [result.metrics[f"per_class.dog.{part}"] for part in ("originals", "copies", "total")] == [1, 3, 4]
    assert result.summary == "6 originals and 8 copies for a budget of 14; classes of 4 to 6"


def test_originals_beyond_the_budget_are_left_out_and_told(images):
    result = make(images, budget=4)
    assert (result.metrics["originals"], result.metrics["originals_left_out"], result.metrics["copies"]) == (4, 2, 0)
    assert result.summary == "4 originals and 0 copies for a budget of 4, 2 originals left out; classes of 1 to 2"


def test_an_image_without_bytes_in_the_archive_is_named(images):
    with pytest.raises(WinnowError, match="the table of images has no row for image 'a'"):
        make(images[images["image_id"] != "a"])
