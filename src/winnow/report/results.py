"""What both arms achieved."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from winnow.compare.align_predictions import UNSEEN, in_split, seed_columns
from winnow.compare.comparison import Comparison, compare
from winnow.files import ARMS
from winnow.metrics import confusion_matrix
from winnow.report.formatting import clean, percent, points

SPLITS = {
    "test": "test set",
    "test_unseen": "test set without near duplicates of training images",
    "validation": "validation set",
}


@dataclass(frozen=True)
class Results:
    """Attributes:
    split: where classes, confusion and difference are judged: `test`, or `validation` where there is no test set.
    accuracies: a row per split: `split`, `words`, `images`, and per arm its balanced accuracy in [0, 1].
    classes: a row per class in label order: `class`, `images`, and per arm its accuracy in [0, 1], NaN without images.
    confusion: per arm (K, K) int64, actual by predicted, summed over seeds.
    seeds: how many networks per arm.
    comparison: the paired comparison.
    """

    split: str
    accuracies: pd.DataFrame
    classes: pd.DataFrame
    confusion: dict[str, np.ndarray]
    seeds: int
    comparison: Comparison

    @property
    def place(self) -> str:
        """`test set` or `validation set`."""
        return SPLITS[self.split]

    def accuracy(self, arm: str) -> float:
        """Balanced accuracy of an arm on `split`."""
        return float(self.accuracies.loc[self.accuracies["split"] == self.split, arm].iloc[0])

    @property
    def gain(self) -> float:
        """Submission less baseline, in [-1, 1]."""
        return self.accuracy("submission") - self.accuracy("baseline")

    @property
    def interval(self) -> str:
        """`(95% interval +18.58 to +29.46)`."""
        found = self.comparison.difference
        return f" ({found.level:.0%} interval {points(found.low)} to {points(found.high)})"

    @property
    def headline(self) -> str:
        """The outcome in a sentence."""
        verb = "rises" if self.gain > 0 else "falls" if self.gain < 0 else "stays"
        return (
            f"Balanced accuracy on the {self.place} {verb} from {percent(self.accuracy('baseline'))} to "
            f"{percent(self.accuracy('submission'))}: {points(self.gain)} points{self.interval}."
        )


def class_accuracy(results: Results) -> dict[str, pd.DataFrame]:
    """By arm, what `dvc plots` draws: `class` and `accuracy` in [0, 1], a row per class in label order."""
    return {arm: results.classes[["class", arm]].set_axis(["class", "accuracy"], axis=1) for arm in ARMS}


def gather_results(
    evaluation: dict[str, Any],
    per_class: pd.DataFrame,
    predictions: dict[str, pd.DataFrame],
    *,
    class_names: list[str],
) -> Results:
    """Put together what `evaluate` wrote.

    Args:
        evaluation: content of metrics/evaluation.json.
        per_class: metrics/per_class.csv: `arm`, `split`, `class`, `recall`, `images`.
        predictions: per arm, metrics/predictions/<arm>.csv.
        class_names: K names.
    """
    split = "test" if "test" in evaluation[ARMS[0]] else "validation"
    accuracies = pd.DataFrame(
        {
            "split": name,
            "words": words,
            "images": evaluation[ARMS[0]][name]["images"],
            **{arm: evaluation[arm][name]["balanced_accuracy"] for arm in ARMS},
        }
        for name, words in _splits(evaluation[ARMS[0]]).items()
    )
    classes = pd.DataFrame({"class": class_names})
    for arm in ARMS:
        own = per_class[(per_class["arm"] == arm) & (per_class["split"] == split)].set_index("class")
        classes["images"] = own["images"].reindex(class_names).fillna(0).astype(int).to_numpy()
        classes[arm] = own["recall"].reindex(class_names).to_numpy(dtype=np.float64)
    rows = {arm: in_split(predictions[arm], split, arm) for arm in ARMS}
    baseline, *others = rows.values()
    return Results(
        split=split,
        accuracies=accuracies,
        classes=classes,
        confusion={arm: _confusion(own, class_names) for arm, own in rows.items()},
        seeds=int(evaluation[ARMS[1]][split]["seeds"]),
        comparison=compare(baseline, others, names=list(ARMS))[0],
    )


def _splits(measured: Mapping[str, Any]) -> dict[str, str]:
    """In words what was measured; test sets of `data.test_sets` last."""
    known = {name: words for name, words in SPLITS.items() if name in measured}
    named = [name for name in measured if name not in SPLITS]
    twinless = " without near duplicates of training images"
    return known | {
        name: f"test set {clean(name.removesuffix(UNSEEN))}{twinless if name.endswith(UNSEEN) else ''}"
        for name in named
    }


def _confusion(rows: pd.DataFrame, class_names: list[str]) -> np.ndarray:
    index = pd.Index(class_names)
    labels = index.get_indexer(pd.Index(rows["label"]))
    of_seeds = [
        confusion_matrix(labels, index.get_indexer(pd.Index(rows[seed])), num_classes=len(class_names))
        for seed in seed_columns(rows)
    ]
    total: np.ndarray = np.sum(of_seeds, axis=0)
    return total
