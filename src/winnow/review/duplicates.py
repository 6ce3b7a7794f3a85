"""Groups of duplicates and leaks between sets, for a person to look at side by side."""

from typing import Any

import numpy as np
import pandas as pd

from winnow.curation.rules import VALIDATION_LEAK

_MEMBER = ["width", "height", "file_name", "reason"]


def duplicate_groups(ledger: pd.DataFrame) -> list[dict[str, Any]]:
    """Groups of two and more images that nearly equal one another.

    Args:
        ledger: a row per image.

    Returns:
        Per group, JSON values: `rows` (positions in the ledger, the one that stays first), `keeper` (the row that the
        pipeline chose for the group, dropped or not; -1 where it chose none), `exact` (all pixels are the same),
        `conflict` (labels differ), `similarity` (the lowest cosine of a member to the one it copies, None where none is
        known) and `members` (in the order of `rows`: `width`, `height`, `file_name`, `reason`). Groups of several
        labels come first, then the largest.
    """
    group = ledger["duplicate_group"].to_numpy()
    shared = np.flatnonzero(pd.Series(group).duplicated(keep=False))
    position = pd.Series(np.arange(len(ledger)), index=ledger["image_id"])
    counterpart = ledger["counterpart"].map(position).fillna(-1).to_numpy(dtype=np.int64)
    dropped = (ledger["action"] == "drop").to_numpy()
    columns = {name: ledger[name].to_numpy() for name in ("exact_group", "label", "duplicate_similarity", *_MEMBER)}
    by_group = shared[np.argsort(group[shared], kind="stable")]
    found = []
    for members in np.split(by_group, np.flatnonzero(np.diff(group[by_group])) + 1) if len(by_group) else ():
        keeper = _keeper(members, counterpart, dropped)
        members = members[np.argsort(members != keeper, kind="stable")]
        similarity = columns["duplicate_similarity"][members]
        known = similarity[~np.isnan(similarity)]
        found.append(
            {
                "rows": members.tolist(),
                "keeper": keeper,
                "exact": _one_value(columns["exact_group"][members]),
                "conflict": not _one_value(columns["label"][members]),
                "similarity": round(float(known.min()), 4) if len(known) else None,
                "members": [{name: _plain(columns[name][row]) for name in _MEMBER} for row in members],
            }
        )
    return sorted(found, key=lambda it: (not it["conflict"], -len(it["rows"]), it["rows"][0]))


def _one_value(values: np.ndarray) -> bool:
    return bool((values == values[0]).all())


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _keeper(members: np.ndarray, counterpart: np.ndarray, dropped: np.ndarray) -> int:
    """The member that the others were compared with; else the only one that stays; else -1."""
    chosen = np.intersect1d(counterpart[members], members)
    if len(chosen):
        return int(chosen[0])
    staying = members[~dropped[members]]
    return int(staying[0]) if len(staying) == 1 else -1


def validation_leaks(ledger: pd.DataFrame) -> list[dict[str, Any]]:
    """Images outside the validation set that nearly equal one of its images.

    Args:
        ledger: a row per image.

    Returns:
        Per image, JSON values: `row`, `of` (the row of the validation image, -1 where it is no image of the dataset),
        `of_id` (its id, "" where the ledger names none) and `left` (whether it left training for that reason, and not
        for another one before).
    """
    leaks = ledger[ledger["leaks_validation"]]
    position = {image_id: row for row, image_id in enumerate(ledger["image_id"])}
    chosen = ledger[ledger["split"] == "validation"]
    of_group = dict(zip(chosen["duplicate_group"], chosen["image_id"], strict=True))
    named = np.where(
        leaks["rule"] == VALIDATION_LEAK.name, leaks["counterpart"], leaks["duplicate_group"].map(of_group).fillna("")
    )
    return [
        {"row": int(row), "of": position.get(of, -1), "of_id": of, "left": rule == VALIDATION_LEAK.name}
        for row, of, rule in zip(leaks.index, named, leaks["rule"], strict=True)
    ]


def test_leaks(predictions: pd.DataFrame) -> list[dict[str, str]]:
    """Test images that nearly equal an image of the archive.

    Args:
        predictions: of an arm, as `evaluate` writes them.

    Returns:
        `set` and `image_id` of each.
    """
    found = predictions[(predictions["leaks"] == 1) & (predictions["split"] != "validation")]
    return [
        {"set": split, "image_id": image_id} for split, image_id in zip(found["split"], found["image_id"], strict=True)
    ]
