"""How much label noise there is, and where it goes: three estimates that rest on different assumptions."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from winnow.detect.labels.class_names import flipped_majorities, swapped_classes
from winnow.detect.labels.label_issues import LabelScores
from winnow.detect.labels.noise import consistency_noise_rates
from winnow.detect.signals import Evidence
from winnow.errors import NO_LABELS

_MOST_CLASSES = 100  # the consistency estimate takes time as their number to the fourth: a minute at 100, hours at 300


@dataclass(frozen=True)
class LabelReport:
    """What is to be known of the labels as a whole.

    Attributes:
        metrics: counts, shares and estimates, for metrics/label_issues.json.
        warnings: sentences on class names and labels that seem to be exchanged.
        summary: a line.
    """

    metrics: dict[str, Any]
    warnings: list[str]
    summary: str


def noise_estimates(labels: np.ndarray, scores: LabelScores) -> dict[str, float | None]:
    """Estimate the share of wrong labels three times; none of them needs the truth.

    Args:
        labels: (N,) int in [0, K), as given.
        scores: of `score_labels`.

    Returns:
        Shares in [0, 1]: `disagreement` (the sources' most probable class is another; counts their own mistakes as
        noise, so high where the features are weak), `confident_joint` (the mean probability of the given label being
        wrong, under rates refined from the confident joint; low where noise is adversarial), `consistency` (HOC: from
        how often neighbours' labels agree; high where neighbours are of other classes; None above 100 classes).
    """
    consistency = None
    if len(scores.noise_rates) <= _MOST_CLASSES:
        rates, shares = consistency_noise_rates(labels, scores.nearest)
        consistency = float(1 - (np.diag(rates) * shares).sum())
    return {
        "disagreement": float((scores.class_probs.argmax(axis=1) != labels).mean()),
        "confident_joint": float(1 - scores.frame["label_quality_score"].mean()),
        "consistency": consistency,
    }


def report_on_labels(evidence: Evidence, scores: LabelScores, *, class_names: list[str]) -> LabelReport:
    """Sum up what `score_labels` found.

    Args:
        evidence: what it was given; with zero-shot, class names and labels are compared too.
        scores: of `score_labels`.
        class_names: K names.
    """
    if evidence.labels is None:
        return LabelReport({"images": len(scores.frame), "skipped": NO_LABELS}, [], f"skipped: {NO_LABELS}")
    assert evidence.pred_probs is not None
    labels, zero_shot = evidence.labels, evidence.zero_shot_pred_probs
    swapped = [] if zero_shot is None else swapped_classes(evidence.pred_probs, zero_shot)
    flipped = [] if zero_shot is None else flipped_majorities(labels, zero_shot)
    estimates = noise_estimates(labels, scores)
    issues = int(scores.frame["is_label_issue"].sum())
    metrics = {
        "images": len(labels),
        "label_issues": issues,
        "label_issues_share": issues / len(labels),
        "label_quality_cut": scores.cut,
        "expected_f1": scores.expected_f1,
        "sources": scores.source_weights,
        "temperature": scores.temperature,
        "noise_rate": estimates,
        "mean_label_quality": float(scores.frame["label_quality_score"].mean()),
        "class_names_look_swapped": [list(pair) for pair in swapped],
        "majorities_look_flipped": [
            {"class": class_names[true], "given": class_names[given], "share": share} for true, given, share in flipped
        ],
    }
    warnings = [f"the names {class_names[a]} and {class_names[b]} look exchanged." for a, b in swapped]
    warnings += [
        f"of the images that look like {class_names[true]}, {share:.0%} are labelled {class_names[given]}: nothing "
        "that learns from the labels can fix this; look at them."
        for true, given, share in flipped
    ]
    rates = [rate for rate in estimates.values() if rate is not None]
    share = f"{issues} label issues ({issues / len(labels):.1%})"
    return LabelReport(metrics, warnings, f"{share}; noise estimated at {min(rates):.0%} to {max(rates):.0%}")


def transition_table(noise_rates: np.ndarray, class_names: list[str]) -> pd.DataFrame:
    """The noise transition matrix in long form: `true`, `given` (class names), `probability` of given under true."""
    count = len(class_names)
    return pd.DataFrame(
        {
            "true": np.repeat(class_names, count),
            "given": np.tile(class_names, count),
            "probability": noise_rates.ravel(),
        }
    )
