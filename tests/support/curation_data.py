"""Decisions as `curate` leaves them, for tests of the validation set."""

import numpy as np
import pandas as pd

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
    "class_floor": 0,
    "doubtful_share": 0.0,
}


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
