"""What most networks get wrong: chosen by hand, with the pictures that they saw."""

import io

import numpy as np
import pytest
from PIL import Image

from winnow.evaluation.held_out import HeldOut
from winnow.evaluation.misjudged import misjudged


def held_out(labels: list[int]) -> HeldOut:
    """Image i is grey of the value 10 i; ids run backwards."""
    pixels = np.stack([np.full((8, 8, 3), 10 * i, dtype=np.uint8) for i in range(len(labels))])
    return HeldOut(np.array([f"img_{9 - i}" for i in range(len(labels))]), np.array(labels), pixels)


def test_those_that_more_than_half_get_wrong_the_most_first():
    """Of class 0 image 0 is wrong thrice, 1 twice, 2 once, 3 never; of class 1 image 4 is wrong twice."""
    test = held_out([0, 0, 0, 0, 1])
    predicted = np.array([[1, 1, 1, 0, 0], [1, 1, 0, 0, 0], [1, 0, 0, 0, 1]])
    found = misjudged({"test": predicted}, {"test": test})
    assert found[["split", "image_id", "label", "wrong"]].to_numpy().tolist() == [
        ["test", "img_5", 1, 2],
        ["test", "img_8", 0, 2],
        ["test", "img_9", 0, 3],
    ]
    greys = [int(np.asarray(Image.open(io.BytesIO(content))).mean().round()) for content in found["image_bytes"]]
    assert greys == pytest.approx([40, 10, 0], abs=1)
    one = misjudged({"test": predicted}, {"test": test}, most=1)
    assert one["image_id"].tolist() == ["img_5", "img_9"]


def test_half_is_not_most_and_sets_stay_apart():
    splits = {"validation": held_out([0]), "field": held_out([0, 1])}
    found = misjudged({"validation": np.array([[0], [1]]), "field": np.array([[1, 1], [1, 1]])}, splits)
    assert found[["split", "image_id"]].to_numpy().tolist() == [["field", "img_9"]]


def test_where_all_is_right_the_table_is_empty():
    found = misjudged({"test": np.array([[0, 1]])}, {"test": held_out([0, 1])})
    assert found.empty and list(found) == ["split", "image_id", "label", "wrong", "image_bytes"]
