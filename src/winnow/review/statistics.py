"""Counts of a dataset and of what people said of it, class by class."""

from typing import Any

import numpy as np
import pandas as pd

from winnow.curation.review import ACTIONS

_MOST_SIZES = 12


def by_class(ledger: pd.DataFrame, agrees: np.ndarray, *, num_classes: int) -> list[dict[str, Any]]:
    """Figures of each class, by the label that images came with.

    Args:
        ledger: a row per image.
        agrees: (N,) as `agreements` returns them.
        num_classes: K.

    Returns:
        Per class, JSON values: `given`, `keep`, `relabel`, `drop`, `final` (images with that label at the end),
        `quality` (mean `label_quality_score`, lower is worse; None without images), `judged` and `agreed` (verdicts of
        people, and those that say what the rules proposed).
    """
    frame = pd.DataFrame(
        {
            "label": ledger["label"].to_numpy(),
            "action": ledger["action"].to_numpy(),
            "quality": ledger["label_quality_score"].to_numpy(dtype=np.float64),
            "judged": ~np.isnan(agrees),
            "agreed": agrees == 1,
        }
    )
    final = ledger["final_label"].to_numpy()
    final_counts = np.bincount(final[final >= 0], minlength=num_classes)
    figures = []
    for label in range(num_classes):
        part = frame[frame["label"] == label]
        quality = part["quality"].mean()
        figures.append(
            {
                "given": len(part),
                **{action: int((part["action"] == action).sum()) for action in ACTIONS},
                "final": int(final_counts[label]),
                "quality": None if np.isnan(quality) else round(float(quality), 4),
                "judged": int(part["judged"].sum()),
                "agreed": int(part["agreed"].sum()),
            }
        )
    return figures


def by_size(ledger: pd.DataFrame) -> list[dict[str, Any]]:
    """The sizes in pixels that images came in: `words` and `rows` of each, the most frequent first.

    Of more than twelve sizes the rest is one entry, `other sizes`.
    """
    sizes = ledger["width"].astype(str) + " × " + ledger["height"].astype(str)
    groups = _groups(sizes.to_numpy(), np.arange(len(ledger)))
    rest = sorted(row for group in groups[_MOST_SIZES:] for row in group["rows"])
    return groups[:_MOST_SIZES] + ([{"words": "other sizes", "rows": rest}] if rest else [])


def by_fault(ledger: pd.DataFrame) -> list[dict[str, Any]]:
    """The faults of pictures, `words` and `rows` of each, the most frequent first; an image may have several."""
    kinds = ledger["image_faults"].reset_index(drop=True).str.split(",").explode().str.strip()
    kinds = kinds[kinds.fillna("") != ""]
    return _groups(kinds.str.replace("_", " ").to_numpy(), kinds.index.to_numpy())


def by_reviewer(verdicts: pd.DataFrame, agrees: np.ndarray, image_id: np.ndarray) -> list[dict[str, Any]]:
    """What each person said.

    Args:
        verdicts: as `read_review` returns them.
        agrees: (N,) as `agreements` returns them.
        image_id: (N,) ids.

    Returns:
        Per person, JSON values: `reviewer`, `keep`, `relabel`, `drop`, `agreed` (verdicts that say what the rules
        proposed) and `rows`; the busiest first.
    """
    row = pd.Series(np.arange(len(image_id)), index=image_id)
    frame = verdicts.assign(row=verdicts["image_id"].map(row)).dropna(subset="row").astype({"row": int})
    people = [
        {
            "reviewer": str(reviewer),
            **{action: int((part["action"] == action).sum()) for action in ACTIONS},
            "agreed": int((agrees[part["row"]] == 1).sum()),
            "rows": sorted(part["row"].tolist()),
        }
        for reviewer, part in frame.groupby("reviewer")
    ]
    return sorted(people, key=lambda person: (-len(person["rows"]), person["reviewer"]))


def _groups(words: np.ndarray, rows: np.ndarray) -> list[dict[str, Any]]:
    found = [
        {"words": str(name), "rows": sorted(part.tolist())} for name, part in pd.Series(rows).groupby(np.asarray(words))
    ]
    return sorted(found, key=lambda group: (-len(group["rows"]), group["words"]))
