"""Decisions as `curate` leaves them, for tests of the validation set."""

import numpy as np
import pandas as pd


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
