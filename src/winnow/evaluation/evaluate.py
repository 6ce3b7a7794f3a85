"""What both arms reach on clean images: figures for `dvc metrics`, tables for `dvc plots`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from winnow.metrics import per_class_recall


@dataclass(frozen=True)
class Evaluation:
    """The result of `evaluate`.

    Attributes:
        metrics: nested; `<arm>.<split>` holds `balanced_accuracy` (mean over the seeds), `balanced_accuracy_std`
            (sample standard deviation, with two seeds or more), `seeds`, `images` and `per_class` (name to accuracy,
            mean over the seeds); `improvement.<split>` is submission minus baseline, where there are both.
        per_class: a row per arm, split and class: `arm`, `split`, `class`, `recall`, `images`.
        predictions: a row per arm, split and image: `arm`, `split`, `actual`, `predicted` (class names), of the first
            seed, for a confusion matrix.
        recall: (K,) per arm and split, mean over the seeds; NaN for a class without images.
    """

    metrics: dict[str, Any]
    per_class: pd.DataFrame
    predictions: pd.DataFrame
    recall: dict[tuple[str, str], np.ndarray]


def evaluate(
    predictions: Mapping[tuple[str, str], np.ndarray],
    labels: Mapping[str, np.ndarray],
    *,
    class_names: Sequence[str],
) -> Evaluation:
    """Score the predictions of every arm on every split.

    Args:
        predictions: by arm (`baseline`, `submission`) and split (`validation`, `test`), (S, N) integers in [0, K):
            a row per seed.
        labels: by split, (N,) integers in [0, K), the true classes.
        class_names: K names, in label order.

    Raises:
        ValueError: if the shapes disagree or a value lies outside [0, K).
    """
    metrics: dict[str, Any] = {}
    recall: dict[tuple[str, str], np.ndarray] = {}
    per_class, rows = [], []
    names = np.asarray(class_names, dtype=object)
    for (arm, split), predicted in predictions.items():
        actual = np.asarray(labels[split])
        by_seed = np.stack([per_class_recall(actual, seed, num_classes=len(names)) for seed in predicted])  # (S, K)
        scores = np.nanmean(by_seed, axis=1)
        mean = recall[arm, split] = by_seed.mean(axis=0)
        present = ~np.isnan(mean)
        metrics.setdefault(arm, {})[split] = {
            "balanced_accuracy": float(scores.mean()),
            **({"balanced_accuracy_std": float(scores.std(ddof=1))} if len(scores) > 1 else {}),
            "seeds": len(scores),
            "images": len(actual),
            "per_class": {str(name): float(value) for name, value in zip(names[present], mean[present], strict=True)},
        }
        images = np.bincount(actual, minlength=len(names))
        per_class.append(pd.DataFrame({"arm": arm, "split": split, "class": names, "recall": mean, "images": images}))
        rows.append(
            pd.DataFrame({"arm": arm, "split": split, "actual": names[actual], "predicted": names[predicted[0]]})
        )
    improvement = {
        split: metrics["submission"][split]["balanced_accuracy"] - metrics["baseline"][split]["balanced_accuracy"]
        for split in labels
        if ("baseline", split) in predictions and ("submission", split) in predictions
    }
    if improvement:
        metrics["improvement"] = improvement
    return Evaluation(metrics, pd.concat(per_class, ignore_index=True), pd.concat(rows, ignore_index=True), recall)
