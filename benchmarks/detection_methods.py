"""winnow's detectors and those they are measured against, all on the same features and the same folds.

A label method gives, for every image, a `score` (higher is more likely wrong), what it `flagged`, and the label that it
would give instead (`corrected`); where there is a clean test set also the `curated` labels, -1 for an image that it
would rather drop. An outlier method gives a `score` (higher is more out of distribution) and `flagged`.
"""

import contextlib
import io
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd
from cleanlab import Datalab
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores

from detection_data import Dataset
from winnow.curation.decide import decide
from winnow.curation.review import no_review
from winnow.detect.labels.label_issues import LabelScores, score_labels
from winnow.detect.labels.noise import expected_f1_cut
from winnow.detect.labels.vote import knn_vote, neighbourhood
from winnow.detect.outliers.ood import OodScores, score_ood
from winnow.detect.signals import Evidence
from winnow.learn.folds import stratified_group_folds
from winnow.learn.neighbours import nearest_neighbours
from winnow.learn.probe import CrossvalResult, crossval_pred_probs

T = TypeVar("T")
L2 = (0.003, 0.01, 0.03, 0.1, 0.3)
NEIGHBOURS = 20
OOD_NEIGHBOURS = 50


@dataclass(frozen=True)
class Found:
    """A method's verdict on N images, and the seconds it took beyond the shared probabilities."""

    score: np.ndarray
    flagged: np.ndarray | None
    corrected: np.ndarray | None
    seconds: float
    curated: np.ndarray | None = None


@dataclass(frozen=True)
class Shared:
    """What all methods start from: the folds, and out-of-sample probabilities of a linear probe."""

    fold: np.ndarray
    probe: CrossvalResult


def shared_probabilities(data: Dataset) -> Shared:
    folds = [stratified_group_folds(data.labels, data.groups, folds=5, seed=seed) for seed in (0, 1)]
    probe = crossval_pred_probs(data.features, data.labels, folds, num_classes=len(data.class_names), l2_candidates=L2)
    return Shared(fold=folds[0], probe=probe)


def winnow_labels(data: Dataset, shared: Shared) -> LabelScores:
    evidence = Evidence(
        features=data.features,
        labels=data.labels,
        pred_probs=shared.probe.pred_probs,
        zero_shot_pred_probs=data.zero_shot_pred_probs,
    )
    return score_labels(evidence, fold=shared.fold, l2=shared.probe.l2, neighbours=NEIGHBOURS, groups=data.groups)


def winnow_ood(data: Dataset, shared: Shared, scores: LabelScores) -> OodScores:
    evidence = Evidence(
        features=data.features,
        labels=data.labels,
        class_probs=scores.class_probs,
        noise_rates=scores.noise_rates,
        in_class_probability=data.in_class_probability,
    )
    options = {"neighbours": OOD_NEIGHBOURS, "trim": 0.2}
    return score_ood(evidence, fold=shared.fold, l2=shared.probe.l2, options=options)


def winnow_curated(data: Dataset, scores: LabelScores, outside: OodScores) -> np.ndarray:
    """(N,) int64 labels as stage `curate` leaves them at the thresholds of the dataset's config, -1 dropped."""
    frame = pd.concat([data.duplicates, scores.frame, outside.frame], axis=1).assign(
        image_id=data.image_id, label=data.labels, image_faults=""
    )
    thresholds = data.config.curate.model_dump()
    decisions = decide(
        frame, class_names=data.class_names, thresholds=thresholds, review=no_review(), with_reasons=False
    )
    return decisions["final_label"].to_numpy()


def methods(data: Dataset, *, with_datalab: bool = True) -> Iterator[tuple[str, str, Found]]:
    """(what it finds, method, verdict), `labels` first; winnow is measured in the same way as the others."""
    by_datalab: list[tuple[str, str, Found]] = []
    shared = shared_probabilities(data)
    pred_probs, labels = shared.probe.pred_probs, data.labels
    argmax = pred_probs.argmax(axis=1)

    scores, seconds = timed(lambda: winnow_labels(data, shared))
    outside, outside_seconds = None, 0.0
    if data.is_ood is not None or data.outliers_are_errors:
        outside, outside_seconds = timed(lambda: winnow_ood(data, shared, scores))
    frame = scores.frame
    yield (
        "labels",
        "winnow",
        Found(
            1 - frame["label_quality_score"].to_numpy(),
            frame["is_label_issue"].to_numpy(),
            frame["suggested_label"].to_numpy(),
            seconds,
            None if data.clean_labels is None else winnow_curated(data, scores, outside),
        ),
    )
    if with_datalab:
        by_datalab = datalab_methods(data, pred_probs)
        yield by_datalab[0]
    if data.outliers_are_errors:
        bad = 1 - frame["label_quality_score"] * (1 - outside.frame["ood_score"])
        flagged = bad >= expected_f1_cut(bad.to_numpy())[0]
        both = Found(bad.to_numpy(), flagged.to_numpy(), None, seconds + outside_seconds)
        yield "labels", "winnow, label or outlier", both
        if with_datalab:
            label, outlier = (found for _, _, found in by_datalab)
            either = 1 - (1 - label.score) * (1 - outlier.score)
            both = Found(either, label.flagged | outlier.flagged, None, label.seconds)
            yield "labels", "cleanlab Datalab, label or outlier", both
    flagged, seconds = timed(lambda: find_label_issues(labels, pred_probs, n_jobs=1))
    quality = get_label_quality_scores(labels, pred_probs)
    yield "labels", "confident learning", Found(1 - quality, flagged, np.where(flagged, argmax, labels), seconds)
    vote, seconds = timed(lambda: neighbour_vote(data))
    winner = vote.argmax(axis=1)
    own = vote[np.arange(len(labels)), labels]
    yield "labels", f"kNN vote, k={NEIGHBOURS}", Found(1 - own, winner != labels, winner, seconds)
    yield "labels", "as given", Found(np.zeros(len(labels)), None, labels, 0.0)
    random = np.random.default_rng(0).random(len(labels))
    yield "labels", "random", Found(random, random > 0.5, None, 0.0)

    if data.is_ood is None:
        return
    yield (
        "ood",
        "winnow",
        Found(outside.frame["ood_score"].to_numpy(), outside.frame["is_ood"].to_numpy(), None, outside_seconds),
    )
    yield from by_datalab[1:]
    (similarity, _), seconds = timed(lambda: nearest_neighbours(data.features, k=OOD_NEIGHBOURS))
    yield "ood", f"kNN distance, k={OOD_NEIGHBOURS}", Found(1 - similarity[:, -1], None, None, seconds)
    score, seconds = timed(lambda: glosh(data.features))
    yield "ood", "HDBSCAN (GLOSH)", Found(score, None, None, seconds)
    yield "ood", "random", Found(random, None, None, 0.0)


def datalab_methods(data: Dataset, pred_probs: np.ndarray) -> list[tuple[str, str, Found]]:
    """Label errors, then outliers."""
    lab, seconds = timed(lambda: datalab(data, pred_probs))
    issues, outlier = lab.get_issues("label"), lab.get_issues("outlier")
    flagged, outlier_flagged = issues["is_label_issue"].to_numpy(), outlier["is_outlier_issue"].to_numpy()
    corrected = np.where(flagged, issues["predicted_label"].to_numpy(), data.labels)
    kept = np.where(outlier_flagged, -1, corrected)
    score, outlier_score = 1 - issues["label_score"].to_numpy(), 1 - outlier["outlier_score"].to_numpy()
    name = "cleanlab Datalab, defaults"
    return [
        ("labels", name, Found(score, flagged, corrected, seconds, kept)),
        ("ood", name, Found(outlier_score, outlier_flagged, None, seconds)),
    ]


def datalab(data: Dataset, pred_probs: np.ndarray) -> Datalab:
    """Datalab with nothing set: label issues from pred_probs, outliers from features."""
    logging.disable(logging.INFO)
    lab = Datalab(data={"labels": data.labels}, label_name="labels", verbosity=0)
    with contextlib.redirect_stdout(io.StringIO()):
        lab.find_issues(pred_probs=pred_probs, features=data.features, issue_types={"label": {}, "outlier": {}})
    return lab


def neighbour_vote(data: Dataset) -> np.ndarray:
    around = neighbourhood(data.features, neighbours=NEIGHBOURS, groups=data.groups)
    return knn_vote(np.eye(len(data.class_names))[data.labels], around, neighbours=NEIGHBOURS)


def glosh(features: np.ndarray) -> np.ndarray:
    """Outlier scores of HDBSCAN on 50 principal components: on all dimensions its trees take hours."""
    from hdbscan import HDBSCAN

    centred = features - features.mean(axis=0)
    _, basis = np.linalg.eigh((centred.T @ centred).astype(np.float64))
    reduced = centred @ basis[:, ::-1][:, :50].astype(np.float32)
    return np.nan_to_num(HDBSCAN(min_cluster_size=25, core_dist_n_jobs=1).fit(reduced).outlier_scores_)


def timed(work: Callable[[], T]) -> tuple[T, float]:
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start
