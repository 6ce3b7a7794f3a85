"""A second reviewer's verdicts beside one's own: where they differ, and how often they agree."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from winnow.curation.review import Review, read_review
from winnow.errors import WinnowError
from winnow.review.dataset import Dataset
from winnow.review.verdicts import replace_durably

SECOND_FILE = ".winnow/second.csv"
_DROPPED = -1
_SHOWN = ["action", "label", "reviewer", "reason"]


def read_second(path: Path, dataset: Dataset) -> Review | None:
    """The second reviewer's verdicts, None where there are none; raises WinnowError if it is no such file."""
    if not path.is_file():
        return None
    try:
        return read_review(path, images=dataset.digests, class_names=dataset.class_names)
    except WinnowError as error:
        raise WinnowError(str(error).replace(str(path), "the file")) from None


def save_second(path: Path, text: str, dataset: Dataset) -> None:
    """Keep a CSV of verdicts in the form of decisions.csv to compare with; "" forgets the one that is kept.

    Raises:
        WinnowError: if it is no such CSV, or none of it is about an image of the dataset; what was kept stays.
    """
    if not text.strip():
        path.unlink(missing_ok=True)
        return
    unread = path.with_name(f"unread-{path.name}")
    try:
        replace_durably(unread, text)
        read = read_second(unread, dataset)
        if read is None or read.rows.empty:
            raise WinnowError("the file has no verdict on an image of this dataset; it stays as it was.")
        unread.replace(path)
    finally:
        unread.unlink(missing_ok=True)


def compare(ours: pd.DataFrame, theirs: pd.DataFrame, *, image_id: np.ndarray, label: np.ndarray) -> dict[str, Any]:
    """Compare two people's verdicts. Two say the same where the image ends with the same label, or is dropped.

    Args:
        ours, theirs: as `read_review` returns them.
        image_id: (N,) ids of the dataset.
        label: (N,) int labels that the images came with.

    Returns:
        JSON values: `both` (images that both judged), `agreed`, `kappa` (Cohen 1960: agreement beyond what chance
        gives, 1 at most; None where chance gives all), `classes` (the same three figures per label that images came
        with), `differ` (per image that they judge otherwise: `row`, `ours`, `theirs`), `new` (per image that only they
        judged: `row`, `theirs`) and `only_ours` (a count).
    """
    own, other = (frame.set_index("image_id").reindex(image_id) for frame in (ours, theirs))
    judged = [frame["action"].notna().to_numpy() for frame in (own, other)]
    ends = [_end(frame, label) for frame in (own, other)]
    both = judged[0] & judged[1]
    rows = np.flatnonzero(both & (ends[0] != ends[1]))
    new = np.flatnonzero(judged[1] & ~judged[0])
    mine, other_s = (frame[_SHOWN].to_dict("records") for frame in (own.iloc[rows], other.iloc[rows]))
    return {
        **_agreement(*(end[both] for end in ends)),
        "classes": [_agreement(*(end[both & (label == k)] for end in ends)) for k in range(int(label.max()) + 1)],
        "differ": [
            {"row": int(row), "ours": _plain(a), "theirs": _plain(b)}
            for row, a, b in zip(rows, mine, other_s, strict=True)
        ],
        "new": [
            {"row": int(row), "theirs": _plain(it)}
            for row, it in zip(new, other.iloc[new][_SHOWN].to_dict("records"), strict=True)
        ],
        "only_ours": int((judged[0] & ~judged[1]).sum()),
    }


def cohens_kappa(first: np.ndarray, second: np.ndarray) -> float | None:
    """Agreement of two (n,) int ratings beyond chance; None without a rating, or where chance alone gives all of it."""
    if not len(first):
        return None
    ratings, codes = np.unique(np.concatenate([first, second]), return_inverse=True)
    shares = [
        np.bincount(part, minlength=len(ratings)) / len(first) for part in (codes[: len(first)], codes[len(first) :])
    ]
    chance = float(shares[0] @ shares[1])
    return None if chance == 1 else (float((first == second).mean()) - chance) / (1 - chance)


def _agreement(first: np.ndarray, second: np.ndarray) -> dict[str, Any]:
    kappa = cohens_kappa(first, second)
    return {
        "both": len(first),
        "agreed": int((first == second).sum()),
        "kappa": None if kappa is None else round(kappa, 4),
    }


def _end(verdicts: pd.DataFrame, label: np.ndarray) -> np.ndarray:
    """(N,) the label that each verdict leaves an image with."""
    action = verdicts["action"].to_numpy()
    changed = verdicts["label"].fillna(_DROPPED).to_numpy(dtype=np.int64)
    return np.select([action == "keep", action == "relabel"], [label, changed], default=_DROPPED)


def _plain(verdict: dict[Any, Any]) -> dict[str, Any]:
    return {**verdict, "label": None if verdict["action"] != "relabel" else int(verdict["label"])}
