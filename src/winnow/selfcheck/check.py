"""The self-check: faults planted in a copy of the data, the detectors run on it, and what they find."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from winnow import tables
from winnow.data.pixels import Pixels
from winnow.encoders.base import Embedding, Encoder
from winnow.encoders.columns import outlier_features, picture_features
from winnow.row_groups import Joined
from winnow.selfcheck.plant import clean_images, plant_faults
from winnow.selfcheck.report import flip_outcomes, report, summary
from winnow.selfcheck.rerun import rerun_detectors
from winnow.selfcheck.result import Result

OPTIONS = ("duplicates", "crossval", "label_issues", "ood", "curate")
"""Sections of params.yaml that `self_check` takes."""
_WORDS = {"label": "label flips", "ood": "foreign pictures", "duplicate": "copies"}


def self_check(
    decisions: pd.DataFrame,
    pixels: Pixels,
    pred_probs: np.ndarray,
    features: Mapping[str, np.ndarray],
    encoder: Encoder,
    *,
    class_names: list[str],
    faults: Mapping[str, Any],
    duplicates: Mapping[str, Any],
    crossval: Mapping[str, Any],
    label_issues: Mapping[str, Any],
    ood: Mapping[str, Any],
    curate: Mapping[str, Any],
    scratch: Path | None = None,
) -> Result:
    """Plant known faults in a copy of the dataset, run the detectors on it, and count what they find.

    Args:
        decisions: (N rows) as `winnow.curation.decide.decide` returns them.
        pixels: (N, H, W, 3) uint8, in the same order; so are the next two.
        pred_probs: (N, K), out of sample.
        features: the arrays of `features.npz`.
        encoder: what made them.
        class_names: K names.
        faults: options of `plant_faults`: how many of what, and the seed.
        duplicates, crossval, label_issues, ood: the detectors' options, as params.yaml names them.
        curate: the thresholds of `decide`.
        scratch: folder that the encoder may keep finished parts in; the caller removes it.

    Raises:
        WinnowError: if no image is free of flags.
    """
    clean = clean_images(decisions)
    planted = plant_faults(
        decisions["image_id"].to_numpy(), decisions["label"].to_numpy(), pixels, pred_probs, clean, **faults
    )
    labels = planted.images["label"].to_numpy()
    all_pixels = Joined(pixels, planted.new_pixels)
    embedding = encoder.embed_extended(all_pixels, labels, Embedding.from_arrays(features), scratch=scratch)
    arrays = embedding.arrays()
    decided = rerun_detectors(
        planted.images["image_id"].to_numpy(),
        labels,
        all_pixels,
        embedding.features,
        embedding.zero_shot.pred_probs if embedding.zero_shot else None,
        embedding.zero_shot.in_class_probability if embedding.zero_shot else None,
        picture_features=picture_features(arrays),
        outlier_features=outlier_features(arrays),
        class_names=class_names,
        duplicates=duplicates,
        crossval=crossval,
        label_issues=label_issues,
        ood=ood,
        thresholds=curate,
    )
    table = report(decided, planted.images, class_names=class_names)
    figures = summary(table)
    figures["label"]["fates"] = flip_outcomes(decided, planted.images)
    metrics = {
        "enabled": True,
        "images": len(decisions),
        "believed_clean": int(clean.sum()),
        "encoder_trained_again": encoder.is_fitted,
        **tables.records(figures),
    }
    counts = [f"{figures[fault]['found']} of {figures[fault]['planted']} planted {_WORDS[fault]}" for fault in _WORDS]
    return Result(table, metrics, "found " + ", ".join(counts))
