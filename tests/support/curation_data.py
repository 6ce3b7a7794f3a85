"""Scores that `curate` decides on, and decisions as it leaves them."""

import numpy as np
import pandas as pd

from winnow.curation.decide import decide

# Of `curate`, with a floor that brings nothing back.
THRESHOLDS = {
    "label_quality_threshold": 0.5,
    "relabel_confidence": 0.7,
    "relabel_sources": 2,
    "max_wrong_labels": 1.0,
    "ood_threshold": 0.5,
    "ood_detectors": 2,
    "drop_near_duplicates": True,
    "duplicate_keeper": "label_support",
    "drop_image_faults": [],
    "neighbour_rules": False,
    "neighbour_relabel": 1.0,
    "neighbour_drop_distance": 3.0,
    "neighbour_drop_cluster": False,
    "points_harmed": 0,
    "valuation_max_share": 1.0,
    "class_floor": 0,
    "doubtful_share": 0.0,
}
NAMES = ["cat", "lynx", "wolf"]


def scores(*rows):
    """Frame of images that are fine except for what each row says."""
    fine = {
        "label": 0,
        "label_quality_score": 0.9,
        "suggested_label": 0,
        "suggested_confidence": 0.9,
        "agreeing_sources": 2,
        "sources": 2,
        "ood_score": 0.0,
        "ood_detectors": 3,
        "image_faults": "",
        "neighbour_label": 0,
        "neighbour_agreement": 1.0,
        "neighbour_distance": 1.0,
    }
    frame = pd.DataFrame([fine | row for row in rows])
    frame.insert(0, "image_id", [f"img_{i}" for i in range(len(frame))])
    alone = pd.Series(np.arange(len(frame)) + 100)
    for group in ("duplicate_group", "exact_group"):
        frame[group] = frame[group].fillna(alone).astype(np.int64) if group in frame else alone
    return frame


def decided(frame, review=(), **changes):
    """Of classes NAMES; `review` are rows of what people decided, `changes` of THRESHOLDS."""
    columns = ["image_id", "action", "label", "reviewer", "reason"]
    people = pd.DataFrame([dict(zip(columns, row, strict=True)) for row in review], columns=columns)
    people = people.astype({"label": np.int64})
    return decide(frame, class_names=NAMES, thresholds=THRESHOLDS | changes, review=people)


def kept_images(count_per_class: int = 20) -> pd.DataFrame:
    """Images `img_000` on, of two classes one after the other; all kept, and nothing speaks against any."""
    count = 2 * count_per_class
    return pd.DataFrame(
        {
            "image_id": [f"img_{i:03d}" for i in range(count)],
            "label": np.repeat([0, 1], count_per_class),
            "final_label": np.repeat([0, 1], count_per_class),
            "action": "keep",
            "rule": "keep",
            "reason": "nothing speaks against the label",
            "threshold": np.nan,
            "counterpart": "",
            "decided_by": "rule",
            "signals_agree": True,
            "is_label_issue": False,
            "is_ood": False,
            "label_quality_score": 0.9,
            "ood_score": 0.0,
            "duplicate_group": np.arange(count),
        }
    )
