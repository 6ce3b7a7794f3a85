"""What `curate` decides from, and its decisions in figures."""

from typing import Any

import numpy as np
import pandas as pd

from winnow import tables
from winnow.curation.review import ACTIONS


def join_scores(manifest: pd.DataFrame, *scores: pd.DataFrame) -> pd.DataFrame:
    """One table of all that is known of each image.

    Args:
        manifest: a row per image.
        scores: tables with a row for each of them, in any order; of columns with one name the first table's stays. A
            table without rows, of scores that are off, adds nothing.
    """
    joined = manifest
    for table in scores:
        if table.empty:
            continue
        rows = tables.align(joined["image_id"].to_numpy(), table["image_id"].to_numpy(), "a table of scores")
        new = [column for column in table.columns if column not in joined.columns]
        joined = joined.join(table[new].iloc[rows].reset_index(drop=True))
    return joined


def remaining(decisions: pd.DataFrame, *, num_classes: int) -> np.ndarray:
    """(K,) images that each class is left with."""
    kept = decisions["final_label"][decisions["final_label"] >= 0]
    return np.bincount(kept, minlength=num_classes)


def curate_metrics(decisions: pd.DataFrame, *, class_names: list[str]) -> dict[str, Any]:
    """Counts and rates of what `decide` returned."""
    counts = _actions(decisions)
    kept = remaining(decisions, num_classes=len(class_names))
    return {
        "images": len(decisions),
        **counts,
        "drop_rate": round(counts["drop"] / len(decisions), 6),
        "relabel_rate": round(counts["relabel"] / len(decisions), 6),
        "decided_by_people": int((decisions["decided_by"] != "rule").sum()),
        "rules": decisions["rule"].value_counts().sort_index().to_dict(),
        "remaining": dict(zip(class_names, kept.tolist(), strict=True)),
    }


def curate_summary(decisions: pd.DataFrame, *, class_names: list[str], class_floor: int) -> str:
    """A line: how many of each action, and which classes are under the floor."""
    kept = remaining(decisions, num_classes=len(class_names))
    short = [name for name, count in zip(class_names, kept, strict=True) if count < class_floor]
    warning = f"; under the floor of {class_floor} for want of images: {', '.join(short)}" if short else ""
    return ", ".join(f"{count} {action}" for action, count in _actions(decisions).items()) + warning


def _actions(decisions: pd.DataFrame) -> dict[str, int]:
    counts = decisions["action"].value_counts()
    return {action: int(counts.get(action, 0)) for action in ACTIONS}
