"""Accuracies of both arms and what a truth file says of a round, in hand-made tables."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from winnow.competition.outcome import arm_accuracy, found_errors
from winnow.errors import WinnowError


class Says(nn.Module):
    """A network that gives each image the class that its first pixel names."""

    def __init__(self, shift: int = 0) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.tensor(float(shift)))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        named = ((images[:, 0, 0, 0] * 255).round() + self.shift).long() % 3
        return nn.functional.one_hot(named, 3).float()


def pictures(named: list[int]) -> np.ndarray:
    return np.ones((1, 32, 32, 3), np.float32) * np.array(named, np.float32)[:, None, None, None]


def test_unseen_accuracy_is_of_the_images_that_were_not_released():
    labels, seen = np.array([0, 0, 0, 1]), np.array([True, False, False, False])
    figures = arm_accuracy([Says(), Says(shift=1)], pictures([0, 0, 2, 0]), labels, seen)
    # The first says 0, 0, 2, 0, the second 1, 1, 0, 1: two of four each; unseen one and two of three; recalls 2/3 and
    # 0, 1/3 and 1.
    assert figures == {"accuracy": 0.5, "accuracy_unseen": 0.5, "balanced_accuracy": 0.5, "networks": 2}
    figures = arm_accuracy([Says()], pictures([0, 0, 2, 0]), labels, seen)
    assert figures == {"accuracy": 0.5, "accuracy_unseen": 0.3333, "balanced_accuracy": 0.3333, "networks": 1}


def test_a_test_set_that_was_released_whole_has_no_unseen_accuracy():
    figures = arm_accuracy([Says()], pictures([0, 1]), np.array([0, 1]), np.array([True, True]))
    assert figures == {"accuracy": 1.0, "balanced_accuracy": 1.0, "networks": 1}


def decided(*rows: tuple[str, int, int, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["image_id", "label", "final_label", "label_quality_score"])


def truth(labels: dict[str, int]) -> pd.DataFrame:
    return pd.DataFrame({"image_id": [*labels], "true_label": [*labels.values()]})


def test_errors_found_are_counted_against_the_truth():
    table = decided(
        ("a", 0, 0, 0.9),  # right, kept
        ("b", 0, 1, 0.1),  # wrong, relabelled rightly
        ("c", 0, 2, 0.2),  # wrong, relabelled wrongly
        ("d", 1, -1, 0.3),  # of no class, dropped
        ("e", 1, -1, 0.6),  # right, dropped
        ("f", 1, 1, 0.4),  # wrong, kept
        ("g", 1, 1, 0.8),  # of which nothing is known
    )
    found = found_errors(table, truth({"a": 0, "b": 1, "c": 1, "d": -1, "e": 1, "f": 2}))
    assert found == {
        "auroc": 1.0,  # the four errors have the four lowest qualities
        "average_precision": 1.0,
        "precision": 0.75,  # b, c and d of the four that changed
        "recall": 0.75,  # f was not found
        "relabelled_rightly": 0.5,
        "right_before": 0.3333,  # a and e of six
        "right_after": 0.5,  # a and b of a, b, c, f
    }


def test_what_nothing_measures_is_left_out():
    assert found_errors(decided(("a", 0, -1, 0.2), ("b", 1, -1, 0.9)), truth({"a": 0, "b": 1})) == {
        "precision": 0.0,
        "recall": 0.0,
        "relabelled_rightly": 0.0,
        "right_before": 1.0,
    }


def test_a_truth_of_other_images_is_said():
    with pytest.raises(WinnowError, match="the truth file names none of the archive's images"):
        found_errors(decided(("a", 0, 0, 0.5)), truth({"train/0/a.png": 0}))
