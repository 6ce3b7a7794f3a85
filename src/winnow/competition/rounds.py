"""Rounds of cleaning: an encoder learns from what the last round left, and every image is judged from its given label.

The encoder's networks learn from no dropped image, while probe, neighbours and noise rates are of all given labels: so
all images are judged on one scale. Such networks are too sure of scribbles, so a dropped image may come back under its
given label alone. A relabelled one keeps its new label or goes back to the given one; a third label is a
flip, which is counted and not followed. Alternating rounds confirm themselves: so a tenth of the images is never
touched, and what the rounds would do to it shows how far they drift.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from winnow.competition.pool import squares
from winnow.curation.rules.class_floor import CLASS_FLOOR, brought_back
from winnow.data.perceptual_hash import hash_groups, perceptual_hash
from winnow.detect.labels.label_issues import score_labels
from winnow.detect.labels.neighbour_rule import outside_its_class, with_another_label
from winnow.detect.labels.neighbour_scores import neighbour_scores
from winnow.detect.labels.vote import neighbourhood
from winnow.detect.signals import Evidence
from winnow.detect.valuation.harm import harmful
from winnow.encoders.fitted.networks import SmallNetworks, TrainedSettings
from winnow.encoders.fitted.out_of_fold import fit_out_of_fold
from winnow.learn.folds import stratified_group_folds
from winnow.learn.probe import crossval_pred_probs

_FOLDS, _L2 = 5, (0.003, 0.01, 0.03, 0.1, 0.3)
VALUES = ["early_probability", "points_harmed", "influence"]
"""What a round reads of the table `values`, and hands on to the next one."""

_LEAST = 1e-6
_LEAST_SIDE = 32  # of the images that perceptual hashes are taken of


@dataclass(frozen=True, kw_only=True)
class Rules:
    """When an image is relabelled or dropped.

    Attributes:
        label_quality_threshold: a label of lower quality is an issue.
        relabel_confidence: an issue is relabelled from this confidence on, dropped below it.
        neighbours: how many nearest images vote.
        neighbour_relabel: share of them that must have one other label for a relabelling by them alone; above 1 never.
        neighbour_drop_distance: an image farther than this from the nearest one of its label, in units of the label's
            median, is dropped if most of its neighbours have another label.
        neighbour_drop_cluster: whether an image in the cluster of another label is dropped, too.
    """

    label_quality_threshold: float
    relabel_confidence: float
    neighbours: int
    neighbour_relabel: float
    neighbour_drop_distance: float
    neighbour_drop_cluster: bool


def score_round(
    pixels: np.ndarray,
    labels: np.ndarray,
    given: np.ndarray,
    early_probability: np.ndarray,
    *,
    num_classes: int,
    encoder: TrainedSettings,
    rules: Rules,
    scratch: Path | None = None,
    device: torch.device,
) -> pd.DataFrame:
    """Score every image by what an encoder learns from those that are kept.

    Args:
        pixels: (N, S, S, 3) uint8.
        labels: (N,) as the last round left them, -1 for dropped; the given ones before the first.
        given: (N,) in [0, K).
        early_probability: (N,) in [0, 1] of the given label, see `detect.valuation`; NaN where it is not known.
        num_classes: K.
        encoder: how the encoder is trained, out of fold; none of its networks learns from a dropped image.
        rules: of which `neighbours` is read.
        scratch: folder from which a killed round goes on; None writes none. The caller removes it.
        device: where to train.

    Returns:
        A row per image: `label_quality_score` in [0, 1] of the given label (lower is worse), `suggested_label`,
        `suggested_confidence` in [0, 1], and the columns of `neighbour_scores` (-1, 0 and NaN for dropped images).
    """
    kept = labels >= 0
    learner = SmallNetworks(encoder, num_classes, device)
    features = fit_out_of_fold(pixels, np.where(kept, labels, given), learner, learned=kept, scratch=scratch).features
    groups = hash_groups(perceptual_hash(pixels), max_distance=0)
    folds = [stratified_group_folds(given, groups, folds=_FOLDS, seed=seed) for seed in (0, 1)]
    probe = crossval_pred_probs(features, given, folds, num_classes=num_classes, l2_candidates=_L2)
    evidence = Evidence(features=features, labels=given, pred_probs=probe.pred_probs)
    found = score_labels(evidence, fold=folds[0], l2=probe.l2, neighbours=rules.neighbours, groups=groups).frame
    around = neighbourhood(features[kept], neighbours=rules.neighbours, groups=groups[kept])
    near = neighbour_scores(around, labels[kept], groups=groups[kept], neighbours=rules.neighbours)
    near = near.set_index(np.flatnonzero(kept)).reindex(np.arange(len(labels)))
    frame = pd.DataFrame(
        {
            "label_quality_score": _joined(found["label_quality_score"].to_numpy(), early_probability),
            "suggested_label": found["suggested_label"],
            "suggested_confidence": found["suggested_confidence"],
            **near.fillna({"neighbour_label": -1, "neighbour_agreement": 0.0}),
        }
    )
    return frame.astype({"neighbour_label": np.int64})


def decide_round(
    scores: pd.DataFrame, labels: np.ndarray, given: np.ndarray, untouched: np.ndarray, rules: Rules
) -> pd.DataFrame:
    """What becomes of every image.

    Args:
        scores: of `score_round`, a row per image.
        labels: (N,) as the last round left them, -1 for dropped.
        given: (N,) in [0, K).
        untouched: (N,) bool, images that keep their given label whatever is found.
        rules: the thresholds.

    Returns:
        A row per image: `final_label` int64, -1 if dropped; `rule`, `label_issue`, `neighbour_relabel`,
        `neighbour_drop` or "" for kept as given; `flip` bool, whether a third label was suggested and not taken;
        `drift` bool, whether an untouched image would have been changed.
    """
    quality = scores["label_quality_score"].to_numpy()
    suggested, confidence = scores["suggested_label"].to_numpy(), scores["suggested_confidence"].to_numpy()
    final, rule = given.copy(), np.full(len(given), "", dtype=object)
    outside = outside_its_class(
        scores, given, distance=rules.neighbour_drop_distance, another_cluster=rules.neighbour_drop_cluster
    )
    final[outside], rule[outside] = -1, "neighbour_drop"
    issue = quality < rules.label_quality_threshold
    sure = issue & (confidence >= rules.relabel_confidence) & (suggested != given) & (labels >= 0)
    final[issue], rule[issue] = np.where(sure, suggested, -1)[issue], "label_issue"
    agreed = with_another_label(scores, given, share=rules.neighbour_relabel) & ~sure
    final[agreed], rule[agreed] = scores["neighbour_label"].to_numpy()[agreed], "neighbour_relabel"

    third = (labels >= 0) & (labels != given) & (final >= 0) & (final != given) & (final != labels)
    final[third] = labels[third]
    drift = untouched & (final != given)
    final[untouched], rule[untouched] = given[untouched], ""
    return pd.DataFrame({"final_label": final.astype(np.int64), "rule": rule, "flip": third, "drift": drift})


def round_summary(
    decisions: pd.DataFrame, labels: np.ndarray, given: np.ndarray, untouched: np.ndarray
) -> dict[str, float]:
    """The counts of a round: `labels` are the last round's, as in `decide_round`."""
    final = decisions["final_label"].to_numpy()
    return {
        "images": len(final),
        "kept": int((final == given).sum()),
        "relabelled": int(((final >= 0) & (final != given)).sum()),
        "dropped": int((final < 0).sum()),
        "came_back": int(((labels < 0) & (final >= 0)).sum()),
        "flips": int(decisions["flip"].sum()),
        "agreement": round(float((final == labels).mean()), 4),
        "untouched": int(untouched.sum()),
        "untouched_that_would_change": int(decisions["drift"].sum()),
    }


def untouched_tenth(labels: np.ndarray, *, seed: int) -> np.ndarray:
    """(N,) bool: a tenth of every class, drawn at random, that no round changes."""
    rng = np.random.default_rng(seed)
    chosen = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        chosen[rng.permutation(rows)[: len(rows) // 10]] = True
    return chosen


def _joined(probability: np.ndarray, early: np.ndarray) -> np.ndarray:
    """Both sources' log-odds added, as independent evidence would be; the first alone where the second is not known.

    `early` is of a network that learns from these very labels, too early on to know many by heart: of right and wrong
    ones alike it is a little too high.
    """
    first, second = (np.clip(values, _LEAST, 1 - _LEAST) for values in (probability, early))
    odds = np.log(first / (1 - first)) + np.where(np.isnan(early), 0.0, np.log(second / (1 - second)))
    joined: np.ndarray = 1 / (1 + np.exp(-odds))
    return joined


def clean_round(
    images: pd.DataFrame,
    before: np.ndarray | None,
    *,
    num_classes: int,
    options: Mapping[str, Any],
    scratch: Path | None = None,
    device: torch.device,
) -> tuple[pd.DataFrame, dict[str, float]]:
    """One round on a table of images.

    Args:
        images: `image_id`, `label` in [0, K) as given, `image_bytes`, and the columns `VALUES`.
        before: (N,) labels as the last round left them, -1 for dropped; None before the first.
        num_classes: K.
        options: the section `cleaning` of params.yaml.
        scratch, device: as in `score_round`.

    Returns:
        A row per image: `image_id`, `label`, what `decide_round` decided, what `score_round` found, and `VALUES`; and
        the counts.
    """
    given = images["label"].to_numpy()
    labels = given if before is None else before
    settings = TrainedSettings(**options["encoder"])
    rules = Rules(**{name: options[name] for name in Rules.__dataclass_fields__})
    scores = score_round(
        squares(images["image_bytes"].tolist(), side=max(settings.input_size, _LEAST_SIDE)),
        labels,
        given,
        images["early_probability"].to_numpy(),
        num_classes=num_classes,
        encoder=settings,
        rules=rules,
        scratch=scratch,
        device=device,
    )
    untouched = untouched_tenth(given, seed=options["seed"])
    decisions = decide_round(scores, labels, given, untouched, rules)
    if options["points_harmed"] is not None:
        harmed = harmful(
            images["points_harmed"].to_numpy(),
            images["influence"].to_numpy(),
            least=options["points_harmed"],
            most=options["valuation_max_share"],
        )
        harmed &= ~untouched & (decisions["rule"] == "").to_numpy()
        final, rule = decisions["final_label"].mask(harmed, -1), decisions["rule"].mask(harmed, "valuation")
        decisions = decisions.assign(final_label=final, rule=rule)
    decisions = hold_class_floor(
        decisions, given, scores["label_quality_score"].to_numpy(), floor=options["class_floor"]
    )
    own = images.reset_index(drop=True)
    frame = pd.concat([own[["image_id", "label"]], decisions, scores, own[VALUES]], axis=1)
    return frame, round_summary(decisions, labels, given, untouched)


def hold_class_floor(decisions: pd.DataFrame, given: np.ndarray, quality: np.ndarray, *, floor: int) -> pd.DataFrame:
    """Bring images back until every class has `floor` of them, where so many were given its label.

    Args:
        decisions: of `decide_round`, a row per image.
        given: (N,) in [0, K).
        quality: (N,) in [0, 1] of the given label. The best of the dropped come back first, then the best of the
            relabelled whose new class has more than its floor, as given, by the rule `class_floor`.
        floor: images that a class keeps at least; 0 brings none back.
    """
    final, rule = decisions["final_label"].to_numpy(copy=True), decisions["rule"].to_numpy(copy=True)
    gone = np.flatnonzero(final != given)
    ranked = gone[np.lexsort((-quality[gone], final[gone] >= 0))]
    floors = np.minimum(floor, np.bincount(given, minlength=final.max() + 1))
    rows = brought_back(given, final, ranked, reach=floors, least=floors)
    final[rows], rule[rows] = given[rows], CLASS_FLOOR.name
    return decisions.assign(final_label=final, rule=rule)
