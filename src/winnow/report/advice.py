"""What to try where two classes are taken for one another, in sentences made from the numbers."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from winnow.curation.estimates import wrong_labels_left
from winnow.curation.rules import in_force
from winnow.curation.rules.label_issue import LABEL_ISSUE
from winnow.report.formatting import counted, number
from winnow.report.label_pairs import doubted as doubted_rows
from winnow.report.label_pairs import swapped as swapped_rows
from winnow.report.label_pairs import training_rows


def advise(
    ledger: pd.DataFrame,
    pair: tuple[int, int],
    *,
    class_names: list[str],
    classes: pd.DataFrame,
    curate: Mapping[str, Any],
) -> str:
    """What to try for two classes that are confused, by where most of the wrong labels are expected.

    The training images of the two fall into three groups: kept although the other class is suggested, relabelled from
    one to the other, and the rest. The group with the largest sum of the probabilities that a label is wrong decides:
    a person looks at the first, `curate.relabel_confidence` cuts the second, `curate.doubtful_share` the third. A class
    with less than half as many originals as the median class needs images instead, unless one of the first two decides.
    Where less than one wrong label is expected in all, labels are not what to change; where label issues are withheld,
    the probabilities say nothing.

    Args:
        ledger: of N images.
        pair: labels of the class and of the one that it is taken for.
        class_names: K printable names.
        classes: a row per class in label order: `originals`.
        curate: section of the params.
    """
    if withheld := LABEL_ISSUE.why_withheld(ledger, in_force(curate)):
        return withheld
    own, other = (class_names[label] for label in pair)
    wrong = np.zeros(len(ledger))
    wrong[(ledger["action"] != "drop").to_numpy()] = np.nan_to_num(wrong_labels_left(ledger))
    training = training_rows(ledger, pair[0]) | training_rows(ledger, pair[1])
    disputed = doubted_rows(ledger, *pair) | doubted_rows(ledger, *pair[::-1])
    swapped = training & (swapped_rows(ledger, *pair) | swapped_rows(ledger, *pair[::-1]))
    groups = {"kept": disputed, "relabelled": swapped, "others": training & ~disputed & ~swapped}
    expected = {name: float(wrong[rows].sum()) for name, rows in groups.items()}
    total = sum(expected.values())
    first = max(expected, key=lambda name: expected[name])
    originals, usual = int(classes["originals"].iloc[pair[0]]), float(classes["originals"].median())
    if (total < 1 or first == "others") and originals < usual / 2:
        return _scarce(own, originals, usual, float(wrong[training_rows(ledger, pair[0])].sum()))
    if total < 1:
        return (
            f"Labels hardly explain it: among the {counted(int(training.sum()), 'training image')} of {own} and "
            f"{other} less than one wrong label is expected. Look at the images below: the pixels (data.image_size) or "
            "the network (train.network) may not tell the two."
        )
    count = counted(int(groups[first].sum()), "training image")
    start = (
        f"Of {total:.1f} wrong labels expected among the training images of {own} and {other}, {expected[first]:.1f}"
    )
    if first == "kept":
        place = _cells(ledger[disputed], pair, class_names)
        return f"{start} are among the {count} kept although the other is suggested: look at them. {place}"
    if first == "relabelled":
        return f"{start} are among the {count} relabelled between the two. {_surer(ledger[swapped], curate)}"
    now, share = curate["doubtful_share"], expected[first] / groups[first].sum()
    value = min(_up(now + (1 - now) * share), 0.99)
    return (
        f"{start} are among the {count} whose label nothing disputes between the two: curate.doubtful_share of "
        f"{value:g} (now {now:g}) drops the least likely labels of each class; winnow review shows in What if (key W) "
        "what it takes."
    )


def _cells(rows: pd.DataFrame, pair: tuple[int, int], class_names: list[str]) -> str:
    """Where the review app shows images by given and suggested label."""
    there = [
        f"given {class_names[given]}, suggested {class_names[suggested]}"
        for given, suggested in (pair, pair[::-1])
        if ((rows["label"] == given) & (rows["suggested_label"] == suggested)).any()
    ]
    return f"winnow review, Matrices (key F): {' and '.join(there)}."


def _surer(rows: pd.DataFrame, curate: Mapping[str, Any]) -> str:
    """A confidence that would drop the less sure half of these relabelled images; else the app's view of them."""
    confidence = rows.loc[rows["rule"] == LABEL_ISSUE.name, "suggested_confidence"].to_numpy(dtype=np.float64)
    value = _up(float(np.median(confidence))) if len(confidence) else 0.0
    beyond = int((confidence < value).sum())
    if not beyond:
        return "They are among the proposals of winnow review, Proposals (key B): look at them."
    return (
        f"curate.relabel_confidence of {value:g} (now {curate['relabel_confidence']:g}) drops the {number(beyond)} "
        "least sure of them; winnow review shows in What if (key W) what else it drops, and in Proposals (key B) the "
        "images."
    )


def _scarce(name: str, own: int, usual: float, wrong: float) -> str:
    """What to try for a class with so many originals, the median class with so many, and so many wrong labels."""
    said = (
        f"{name} has {counted(own, 'original')} to train on, the median class {number(usual)}: more images of it are "
        "likely worth more than another threshold."
    )
    if wrong < 1:
        return said
    return (
        f"{said} {wrong:.1f} wrong labels are expected among its own, which few images make a large share: winnow "
        f"review, Gallery, final label {name}, sorted by label quality."
    )


def _up(share: float) -> float:
    """The next hundredth."""
    return math.ceil(100 * share - 1e-9) / 100
