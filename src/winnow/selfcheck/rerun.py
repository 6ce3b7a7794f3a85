"""All detectors and `curate`'s rules once more, as the stages run them, on data in memory."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from winnow.curation.decide import decide
from winnow.curation.review import no_review
from winnow.curation.rules.rule import Thresholds
from winnow.data.pixels import Pixels
from winnow.detect.duplicates.search import find_duplicates
from winnow.detect.labels.label_issues import score_labels
from winnow.detect.outliers.ood import score_ood
from winnow.detect.signals import Evidence
from winnow.learn.folds import stratified_group_folds
from winnow.learn.probe import crossval_pred_probs


def rerun_detectors(
    image_id: np.ndarray,
    labels: np.ndarray,
    pixels: Pixels,
    features: np.ndarray,
    zero_shot_pred_probs: np.ndarray | None,
    in_class_probability: np.ndarray | None,
    *,
    picture_features: np.ndarray,
    outlier_features: np.ndarray,
    class_names: list[str],
    duplicates: Mapping[str, Any],
    crossval: Mapping[str, Any],
    label_issues: Mapping[str, Any],
    ood: Mapping[str, Any],
    thresholds: Thresholds,
) -> pd.DataFrame:
    """Score and decide; image faults and reviews play no part.

    Args:
        image_id: (N,) unique strings.
        labels: (N,) int in [0, K).
        pixels: (N, H, W, 3) uint8.
        features: (N, D) float32, L2-normalised.
        zero_shot_pred_probs, in_class_probability: (N, K) and (N,) float32, or None.
        picture_features, outlier_features: (N, D) float32 each, by which copies and outliers are found.
        class_names: K names.
        duplicates, crossval, label_issues, ood: the detectors' options, as params.yaml names them.
        thresholds: where `decide` cuts.

    Returns:
        A row per image, in the order given, as `decide` returns them.
    """
    found = find_duplicates(image_id, labels, pixels, picture_features, **duplicates)
    groups = found["duplicate_group"].to_numpy()
    folds = [stratified_group_folds(labels, groups, folds=crossval["folds"], seed=seed) for seed in crossval["seeds"]]
    probe = crossval_pred_probs(
        features, labels, folds, num_classes=len(class_names), l2_candidates=crossval["l2_candidates"]
    )
    evidence = Evidence(
        features=features,
        labels=labels,
        pred_probs=probe.pred_probs,
        zero_shot_pred_probs=zero_shot_pred_probs,
        in_class_probability=in_class_probability,
    )
    issues = score_labels(evidence, fold=folds[0], l2=probe.l2, groups=groups, **label_issues)
    evidence = replace(
        evidence, features=outlier_features, class_probs=issues.class_probs, noise_rates=issues.noise_rates
    )
    outside = score_ood(evidence, fold=folds[0], l2=probe.l2, options=ood)
    scores = pd.concat([found, issues.frame, outside.frame], axis=1).assign(label=labels, image_faults="")
    return decide(scores, class_names=class_names, thresholds=thresholds, review=no_review())
