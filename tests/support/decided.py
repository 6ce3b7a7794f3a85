"""Decisions on a few images, as exports take them."""

import hashlib

import numpy as np
import pandas as pd


def decided_without_labels(files):
    """A ledger and the rejected of four images, path to content: the second is a copy, the fourth could not be read."""
    *read, broken = files
    rows = pd.DataFrame(
        {
            "file_name": read,
            "image_id": [f"img_{i}" for i in range(3)],
            "label": -1,
            "final_label": -1,
            "action": ["keep", "drop", "keep"],
            "rule": ["keep", "exact_duplicate", "keep"],
            "reason": "because",
            "decided_by": "rule",
            "split": ["train", "none", "train"],
            "label_quality_score": np.nan,
            "suggested_label": -1,
            "suggested_confidence": np.nan,
            "ood_score": 0.0,
            "duplicate_similarity": np.nan,
            "duplicate_kind": ["exact", "exact", ""],
            "bytes_sha256": [hashlib.sha256(files[name]).hexdigest() for name in read],
        }
    )
    bad = pd.DataFrame(
        [(broken, "img_3", "unreadable", "no image")], columns=["file_name", "image_id", "reason", "detail"]
    )
    return rows, bad
