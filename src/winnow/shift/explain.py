"""Everything that is asked of two test sets, in the order that tells the truth."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from winnow.files import FACTS
from winnow.params.inputs import given
from winnow.shift.checked import Checked, checked_rows, row_names
from winnow.shift.domain import tell_apart
from winnow.shift.forecasts import forecasts
from winnow.shift.leaks import leaked_rows, nearness
from winnow.shift.line import accuracy_line
from winnow.shift.predictions import accuracy_of_models
from winnow.shift.projection import Projection
from winnow.shift.questions import accuracy_by_distance, difference_clusters, facts_auc, frequency
from winnow.shift.slices import find_slices, no_slices
from winnow.shift.test_set import TestSet
from winnow.shift.two_samples import feature_tests, mmd_p_value
from winnow.shift.verdict import verdict
from winnow.shift.waterfall import PARTS, Waterfall, waterfall

_DIRECTIONS = 256
_MOST_ROWS = 5000  # of each set, drawn at random, for what is asked of the sets as a whole
TRIVIAL_AUC = 0.9
"""From here on the plain facts of the files alone tell the sets apart."""


@dataclass(frozen=True)
class Explanation:
    """What was found.

    Attributes:
        summary: figures for metrics/summary.json; never NaN.
        waterfall: the parts of the drop.
        parts: a row per part: `part`, `value`, `low`, `high`, `sure`.
        per_class: a row per class: `class`, `train_rows`, `rows_a`, `rows_b`, `recall_a`, `recall_b` (NaN without
            rows), `part` of the drop within it with `low`, `high`, `sure`, `auc`, `withheld` (why), `taken_for`.
        slices: of `slices.find_slices`, empty without features.
        scores: of `a` and `b`, a row per row of the set: `correct`, `predicted`, `leaked`, `nearest_distance`,
            `label_error`, `suggested`, `slice`; where people judged rows of the set, also `final_label` (-1: of no
            class) and `decided_by` ("" where nobody did).
        by_distance: accuracy by distance to the nearest training row: `set`, `bin`, `rows`, `accuracy`.
    """

    summary: dict[str, Any]
    waterfall: Waterfall
    parts: pd.DataFrame
    per_class: pd.DataFrame
    slices: pd.DataFrame
    scores: Mapping[str, pd.DataFrame]
    by_distance: pd.DataFrame

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables by their names in `winnow.files`."""
        return {
            "shift_parts": self.parts,
            "shift_classes": self.per_class,
            "shift_slices": self.slices,
            "shift_distances": self.by_distance,
        }


def explain(
    labels: Mapping[str, np.ndarray],
    pred_probs: Mapping[str, np.ndarray],
    features: Mapping[str, np.ndarray],
    *,
    train_labels: np.ndarray,
    rows: Mapping[str, pd.DataFrame],
    class_names: list[str],
    training: Mapping[str, Any],
    sets: Mapping[str, Any],
    options: Mapping[str, Any],
    leaked: Mapping[str, np.ndarray] | None = None,
    verdicts: pd.DataFrame | None = None,
) -> Explanation:
    """Take the drop from A to B apart and ask what else there is to ask.

    The drop is that of the labels as given. What people found wrong is corrected or left out before anything else is
    asked, and so is a measured part of it.

    Args:
        labels: (N,) int64 of `a` and `b`.
        pred_probs: (S, N, K) of the same, by S seeds.
        features: (N, D) floats of `train`, `a` and `b`; without rows where they are not given.
        train_labels: (T,) int64, without rows where no training set is given.
        rows: of `train`, `a` and `b`: `row`, the name of each, and of images the columns `FACTS`. Without rows where
            there are predictions alone.
        class_names: K names.
        training: the metrics of the training.
        sets, options: the sections `sets` and `explain` of the params.
        leaked: (N,) bool of `a` and `b`, where it is known which rows are training rows; else they are looked for
            among `features`.
        verdicts: what people found of the labels of `a` and `b`, as `checked_rows` takes it; nothing without it.
    """
    seed = options["seed"]
    has_features = min(len(features["a"]), len(features["b"])) > 0
    basis = features["train"] if len(features["train"]) else features["a"]
    projection = Projection.fitted(basis, directions=_DIRECTIONS) if has_features else None
    names = {name: row_names(rows[name], len(labels[name])) for name in ("a", "b")}
    checked = {
        name: None if verdicts is None else checked_rows(verdicts, name, names[name], labels[name]) for name in names
    }
    a, b = (
        TestSet.of_seeds(
            labels[name], pred_probs[name], projection.of(features[name]) if projection else None, checked[name]
        )
        for name in ("a", "b")
    )
    given_a, given_b = (TestSet.of_seeds(labels[name], pred_probs[name]) for name in ("a", "b"))
    left_a, left_b = a.without_removed(), b.without_removed()
    distance = {name: np.full(len(labels[name]), np.nan) for name in ("a", "b")}
    known, leaked = leaked, {name: np.zeros(len(labels[name]), dtype=bool) for name in ("a", "b")}
    by_distance = pd.DataFrame({"set": [], "bin": [], "rows": [], "accuracy": []}).astype({"bin": int, "rows": int})
    if has_features and len(features["train"]):
        found = nearness(features["train"], features["a"], features["b"])
        distance = dict(zip(("a", "b"), (one.distance for one in found), strict=True))
        leaked = dict(zip(("a", "b"), leaked_rows(found, ratio=options["leak_ratio"]), strict=True))
        edges = np.unique(np.quantile(distance["a"], [0.2, 0.4, 0.6, 0.8]))
        by_distance = pd.concat(
            [
                accuracy_by_distance(distance[name][~test.removed], left, edges=edges).assign(set=name)
                for name, test, left in (("a", a, left_a), ("b", b, left_b))
            ],
            ignore_index=True,
        )
    leaked = dict(known or leaked)
    parts = waterfall(
        a,
        b,
        leaked_a=leaked["a"],
        leaked_b=leaked["b"],
        min_class_rows=options["min_class_rows"],
        min_part=options["min_part"],
        bootstraps=options["bootstraps"],
        seed=seed,
    )
    per_class = _per_class(left_a, left_b, parts, np.bincount(train_labels, minlength=len(class_names)), class_names)
    slices = no_slices()
    clusters = {name: np.full(len(labels[name]), -1) for name in ("a", "b")}
    if has_features:
        slices, *of_rows = find_slices(left_a, left_b, slices=options["slices"], class_names=class_names, seed=seed)
        for name, test, found_slices in zip(("a", "b"), (a, b), of_rows, strict=True):
            clusters[name][~test.removed] = found_slices
    summary = {
        "rows": {"train": len(train_labels), "a": len(labels["a"]), "b": len(labels["b"])},
        "accuracy": {name: _accuracy(test) for name, test in (("a", given_a), ("b", given_b))},
        "balanced_accuracy": {name: _balanced_accuracy(test) for name, test in (("a", given_a), ("b", given_b))},
        "drop": parts.drop.record(),
        "parts": {name: parts.parts[name].record() for name in PARTS},
        "named": parts.named(),
        "named_classes": [class_names[label] for label in parts.named_classes()],
        "withheld": {class_names[label]: reason for label, reason in parts.withheld.items()},
        "leaked": {name: int(found.sum()) for name, found in leaked.items()},
        "label_errors": {
            "a": float(parts.label_errors_a.sum()),
            "b": float(parts.label_errors_b.sum()),
        },
        "forecasts": {
            name: {"accuracy": value, "error": value - left_b.accuracy}
            for name, value in forecasts(left_a, left_b).items()
        },
        "frequency": frequency(
            per_class["train_rows"].to_numpy(), (per_class["recall_a"] - per_class["recall_b"]).to_numpy(), seed=seed
        ).record(),
        "training": dict(training),
        **(_as_samples(left_a, left_b, _left(features, a, b), options) if has_features else {}),
        **_trivial(rows),
        **_on_the_line(sets, a, b),
        **_judged(checked),
    }
    summary["verdict"] = verdict(summary)
    return Explanation(
        summary=summary,
        waterfall=parts,
        parts=pd.DataFrame([{"part": name, **parts.parts[name].record()} for name in PARTS]),
        per_class=per_class,
        slices=slices,
        scores={
            name: pd.DataFrame(
                {
                    "row": names[name],
                    "correct": test.correct,
                    "predicted": test.pred_probs.argmax(axis=1),
                    "leaked": leaked[name],
                    "nearest_distance": distance[name],
                    "label_error": errors,
                    "suggested": suggested,
                    "slice": clusters[name].astype(np.int64),
                    **_decided(checked[name]),
                }
            )
            for name, test, errors, suggested in (
                ("a", a, parts.label_errors_a, parts.suggested_a),
                ("b", b, parts.label_errors_b, parts.suggested_b),
            )
        },
        by_distance=by_distance,
    )


def _judged(checked: Mapping[str, Checked | None]) -> dict[str, Any]:
    found = {name: one.counts() for name, one in checked.items() if one is not None}
    return {"judged_labels": found} if found else {}


def _decided(checked: Checked | None) -> dict[str, np.ndarray]:
    if checked is None:
        return {}
    return {"final_label": np.where(checked.removed, -1, checked.labels), "decided_by": checked.reviewer}


def _left(features: Mapping[str, np.ndarray], a: TestSet, b: TestSet) -> Mapping[str, np.ndarray]:
    """Features of `a` and `b` without removed rows; the same memory map where there are none."""
    return {
        name: features[name][~test.removed] if test.removed.any() else features[name]
        for name, test in (("a", a), ("b", b))
    }


def _accuracy(rows: TestSet) -> dict[str, float]:
    return _interval(rows.accuracy, float(rows.correct.std() / np.sqrt(len(rows.correct))))


def _balanced_accuracy(rows: TestSet) -> dict[str, float]:
    count = np.bincount(rows.labels, minlength=rows.num_classes)
    recall, variance = [], []
    for label in np.flatnonzero(count):
        hits = rows.correct[rows.labels == label]
        recall.append(hits.mean())
        variance.append(hits.var() / len(hits))
    return _interval(float(np.mean(recall)), float(np.sqrt(np.sum(variance)) / len(recall)))


def _interval(value: float, error: float) -> dict[str, float]:
    return {"value": value, "low": max(0.0, value - 1.96 * error), "high": min(1.0, value + 1.96 * error)}


def _per_class(
    a: TestSet, b: TestSet, parts: Waterfall, train_rows: np.ndarray, class_names: list[str]
) -> pd.DataFrame:
    lines = []
    for label, name in enumerate(class_names):
        in_a, in_b = a.labels == label, b.labels == label
        predicted = b.pred_probs[in_b].argmax(axis=1)
        wrong = predicted[predicted != label]
        part = parts.by_class.get(label)
        lines.append(
            {
                "class": name,
                "train_rows": int(train_rows[label]),
                "rows_a": int(in_a.sum()),
                "rows_b": int(in_b.sum()),
                "recall_a": float(a.correct[in_a].mean()) if in_a.any() else np.nan,
                "recall_b": float(b.correct[in_b].mean()) if in_b.any() else np.nan,
                "part": part.value if part else np.nan,
                "low": part.low if part else np.nan,
                "high": part.high if part else np.nan,
                "sure": bool(part and part.sure),
                "auc": float(parts.auc[label]),
                "withheld": parts.withheld.get(label, ""),
                "taken_for": class_names[int(np.bincount(wrong).argmax())] if len(wrong) else "",
            }
        )
    return pd.DataFrame(lines)


def _as_samples(
    a: TestSet, b: TestSet, features: Mapping[str, np.ndarray], options: Mapping[str, Any]
) -> dict[str, Any]:
    """Do the sets differ as a whole, feature by feature, and where the classifier is right or wrong?"""
    assert a.features is not None and b.features is not None
    rng = np.random.default_rng(options["seed"])
    rows_a, rows_b = (np.sort(rng.permutation(len(rows.labels))[:_MOST_ROWS]) for rows in (a, b))
    raw_a, raw_b = (np.asarray(features[name][rows], dtype=np.float32) for name, rows in (("a", rows_a), ("b", rows_b)))
    permutations, seed = options["permutations"], options["seed"]
    domain = tell_apart(a.features[rows_a], b.features[rows_b], seed=seed)
    distance, p_value = mmd_p_value(a.features[rows_a], b.features[rows_b], seed=seed)
    found: dict[str, Any] = {
        "two_samples": {"auc": domain.auc, "overlap": domain.overlap, "mmd": distance, "mmd_p_value": p_value}
    }
    if min(len(raw_a), len(raw_b)) >= 2:
        tests = feature_tests(raw_a, raw_b, permutations=permutations, seed=seed)
        found["features"] = tests.record()
        found["feature_clusters"] = difference_clusters(raw_a, raw_b, seed=seed, permutations=permutations)
    right = b.correct[rows_b] >= 0.5
    if 2 <= right.sum() <= len(right) - 2:
        tests = feature_tests(raw_b[right], raw_b[~right], permutations=permutations, seed=seed)
        found["right_against_wrong"] = tests.record()
    return found


def _trivial(facts: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    if not all(set(FACTS) <= set(facts[name]) for name in ("a", "b")):
        return {}
    auc, fact = facts_auc(facts["a"][list(FACTS)], facts["b"][list(FACTS)])
    return {"plain_facts": {"auc": auc, "fact": fact, "trivial": auc > TRIVIAL_AUC}}


def _on_the_line(sets: Mapping[str, Any], a: TestSet, b: TestSet) -> dict[str, Any]:
    if not (given(sets["models_a"]) and given(sets["models_b"])):
        return {}
    found = [accuracy_of_models(sets[f"models_{name}"], label_column=sets["label_column"]) for name in ("a", "b")]
    line = accuracy_line(*found)
    if line is None:
        return {}
    expected = line.expected(a.accuracy)
    return {
        "line": {
            "models": len(line.residuals),
            "slope": line.slope,
            "slope_error": line.slope_error,
            "r2": line.r2,
            "spread": line.spread,
            "expected_b": expected,
            "residual": b.accuracy - expected,
        }
    }
