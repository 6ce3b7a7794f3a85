"""What the classifier, or a model of the user's, answers on the two test sets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from winnow.errors import WinnowError
from winnow.params.inputs import given
from winnow.shift.classifier import Settings, train_classifier
from winnow.shift.predictions import read_predictions


@dataclass(frozen=True)
class Answers:
    """Labels and probabilities.

    Attributes:
        arrays: of `a` and `b`: `labels` (N,) int64 and `pred_probs` (S, N, K) float32, a seed each.
        curve: a row per epoch and seed, and the `seed`; empty for given predictions.
        metrics: flat figures of the training.
    """

    arrays: Mapping[str, Mapping[str, np.ndarray]]
    curve: pd.DataFrame
    metrics: dict[str, Any]

    @property
    def summary(self) -> str:
        """In a few words."""
        hits = {
            name: (found["pred_probs"].argmax(axis=2) == found["labels"]).mean() for name, found in self.arrays.items()
        }
        return f"accuracy {hits['a']:.1%} on A, {hits['b']:.1%} on B"


CURVE = ("epoch", "train_loss", "learning_rate", "validation_loss", "validation_accuracy", "seed")


def answers(
    sets: Mapping[str, Any],
    classifier: Mapping[str, Any],
    *,
    labels: Mapping[str, np.ndarray],
    features: Mapping[str, np.ndarray],
    num_classes: int,
) -> Answers:
    """Read the predictions that params name, or train a classifier for each seed and let it predict.

    Args:
        sets, classifier: sections of the params.
        labels: (N,) int64 of `train`, `a` and `b`.
        features: (N, D) floats of the same.
        num_classes: K.

    Raises:
        WinnowError: if predictions have other rows than their set, or the training set has too few.
    """
    if given(sets["predictions_a"]):
        return _given(sets, labels)
    options = {key: value for key, value in classifier.items() if key not in ("seeds", "other_weight_decays")}
    settings = Settings(**options)
    curves: list[pd.DataFrame] = []
    probs: dict[str, list[np.ndarray]] = {"a": [], "b": []}
    metrics: dict[str, Any] = {}
    for seed in classifier["seeds"]:
        fitted = train_classifier(
            features["train"], labels["train"], num_classes=num_classes, settings=settings, seed=seed
        )
        curves.append(fitted.curve.assign(seed=seed))
        for name in probs:
            probs[name].append(fitted.predict(features[name]))
        if seed == classifier["seeds"][0]:
            metrics["train_accuracy"] = _accuracy(fitted.predict(features["train"]), labels["train"])
            best = int(fitted.curve["validation_loss"].to_numpy().argmin())
            metrics["validation_accuracy"] = float(fitted.curve["validation_accuracy"].iloc[best])
    for decay in classifier["other_weight_decays"]:
        other = Settings(**{**options, "weight_decay": decay})
        fitted = train_classifier(
            features["train"], labels["train"], num_classes=num_classes, settings=other, seed=classifier["seeds"][0]
        )
        metrics[f"weight_decay_{decay:g}"] = {
            name: _accuracy(fitted.predict(features[name]), labels[name]) for name in ("a", "b")
        }
    arrays = {name: {"labels": labels[name], "pred_probs": np.stack(found)} for name, found in probs.items()}
    return Answers(arrays, pd.concat(curves, ignore_index=True)[list(CURVE)].astype({"epoch": np.int64}), metrics)


def _given(sets: Mapping[str, Any], labels: Mapping[str, np.ndarray]) -> Answers:
    arrays = {}
    for name in ("a", "b"):
        path = sets[f"predictions_{name}"]
        own, probs, _ = read_predictions(path, label_column=sets["label_column"])
        if len(labels[name]) and len(labels[name]) != len(own):
            raise WinnowError(
                f"{path} has {len(own)} rows and set {name} {len(labels[name])}; give one prediction a row, in order."
            )
        if len(labels[name]) and not np.array_equal(labels[name], own):
            row = int(np.flatnonzero(labels[name] != own)[0])
            raise WinnowError(
                f"{path}: row {row + 1} has another label than that row of set {name}; bring both into one order."
            )
        arrays[name] = {"labels": own, "pred_probs": probs[None]}
    curve = pd.DataFrame({name: pd.Series(dtype=np.float64) for name in CURVE})
    return Answers(arrays, curve.astype({"epoch": np.int64, "seed": np.int64}), {})


def _accuracy(probs: np.ndarray, labels: np.ndarray) -> float:
    return float((probs.argmax(axis=1) == labels).mean())
