"""Classes that the cleaned networks get right less often than the others, and what the ledger holds on them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from winnow.compare.align_predictions import in_split, seed_columns
from winnow.compare.proportion import share_interval
from winnow.report.advice import advise
from winnow.report.formatting import clean, listed, number, percent
from winnow.report.galleries import Card, Gallery, make_cards, thumbnail
from winnow.report.label_pairs import count_pair, swapped, training_rows
from winnow.report.noise import NoiseMatrix
from winnow.report.results import Results

LAGGING_HEAD = ["class", "images", "baseline", "submission", "interval", "taken for", "answers"]
"""Over the columns of `lagging_rows`."""
MOST = 8
"""Classes that are shown, and images of each of their galleries."""
_ERROR_RATE = 0.05


@dataclass(frozen=True, kw_only=True)
class LaggingClass:
    """A class whose accuracy lies below the mean of the classes by more than chance.

    Attributes:
        label, taken_for: positions in the class names: the class, and the one that its images are most often taken for.
        images: of the class in the set that judges.
        accuracy, low, high: of the submission's networks, mean over seeds, and its interval over images, in [0, 1].
        baseline: accuracy of the baseline's networks, in [0, 1].
        mistaken, answers: how many answers of all networks say `taken_for`, and how many answers there are.
        pair: as `count_pair` returns it, of the two.
        galleries: images that most networks get wrong, kept training images, and images relabelled between the two;
            those without images are left out.
        advice: what to try, in sentences.
    """

    label: int
    taken_for: int
    images: int
    accuracy: float
    low: float
    high: float
    baseline: float
    mistaken: int
    answers: int
    pair: pd.DataFrame
    galleries: list[Gallery]
    advice: str


@dataclass(frozen=True)
class Lagging:
    """Attributes:
    judged: how many classes have images in the set that judges.
    mean: their mean accuracy with the submission's networks, in [0, 1]; NaN without any.
    level: of the intervals; all together they have an error rate of 5 % (Bonferroni).
    count: how many classes lag.
    classes: the `MOST` of them with the lowest accuracy, the lowest first.
    """

    judged: int
    mean: float
    level: float
    count: int
    classes: list[LaggingClass]


def find_lagging(
    results: Results,
    predictions: pd.DataFrame,
    misjudged: pd.DataFrame,
    ledger: pd.DataFrame,
    images: pd.DataFrame,
    *,
    class_names: list[str],
    classes: pd.DataFrame,
    noise: NoiseMatrix,
    curate: Mapping[str, Any],
) -> Lagging:
    """Find the classes whose interval does not reach the mean of the classes.

    Args:
        results: of both arms.
        predictions: of the submission, metrics/predictions/submission.csv.
        misjudged: as `evaluation.misjudged.misjudged` returns it.
        ledger: of N images, sorted by `image_id`.
        images: `image_id` and `image_bytes` of the same images, in the same order.
        class_names: K names, as predictions have them.
        classes: a row per class in label order: `originals` and `copies`.
        noise: the noise transition matrix.
        curate: section of the params.
    """
    accuracy = results.classes["submission"].dropna()
    level = 1 - _ERROR_RATE / max(len(accuracy), 1)
    table = _below(results.classes, float(accuracy.mean()), level)
    names = [clean(name) for name in class_names]
    mistakes = results.confusion["submission"].copy()
    np.fill_diagonal(mistakes, -1)
    found = []
    for row in table.head(MOST).to_dict("records"):
        own = int(row["label"])
        other = int(mistakes[own].argmax())
        galleries = [
            _mistakes(predictions, misjudged, own, split=results.split, place=results.place, class_names=class_names),
            _kept(ledger, images, own, class_names=names),
            _relabelled(ledger, images, own, other, class_names=names),
        ]
        found.append(
            LaggingClass(
                label=own,
                taken_for=other,
                images=int(row["images"]),
                accuracy=float(row["submission"]),
                low=float(row["low"]),
                high=float(row["high"]),
                baseline=float(row["baseline"]),
                mistaken=int(mistakes[own, other]),
                answers=int(results.confusion["submission"][own].sum()),
                pair=count_pair(ledger, classes, noise, (own, other), class_names=names),
                galleries=[gallery for gallery in galleries if gallery.total],
                advice=advise(ledger, (own, other), class_names=names, classes=classes, curate=curate),
            )
        )
    return Lagging(len(accuracy), float(accuracy.mean()), level, len(table), found)


def _below(classes: pd.DataFrame, mean: float, level: float) -> pd.DataFrame:
    """The classes whose interval lies below the mean, with `label`, `low` and `high`; the lowest accuracy first."""
    table = classes.assign(label=np.arange(len(classes))).dropna(subset="submission")
    shares = zip(table["submission"], table["images"], strict=True)
    ends = np.array([share_interval(share, count, level=level) for share, count in shares]).reshape(-1, 2)
    table = table.assign(low=ends[:, 0], high=ends[:, 1])
    return table[table["high"] < mean].sort_values("submission", kind="stable")


def lagging_rows(found: Lagging, class_names: list[str]) -> list[tuple[str, ...]]:
    """Class, images, baseline, submission, interval, what it is taken for and how many answers say so, in words."""
    return [
        (
            class_names[each.label],
            number(each.images),
            percent(each.baseline),
            percent(each.accuracy),
            f"{percent(each.low)} to {percent(each.high)}",
            class_names[each.taken_for],
            f"{number(each.mistaken)} of {number(each.answers)}",
        )
        for each in found.classes
    ]


def _gallery(label: int, key: str, title: str, note: str, choice: str, total: int, cards: list[Card]) -> Gallery:
    return Gallery(f"lagging-{label}-{key}", title, note, choice, total, cards)


def _mistakes(
    predictions: pd.DataFrame, misjudged: pd.DataFrame, own: int, *, split: str, place: str, class_names: list[str]
) -> Gallery:
    """Images that most networks get wrong."""
    rows = in_split(predictions, split, "submission")
    rows = rows[rows["label"] == class_names[own]].set_index("image_id")
    answers = rows[seed_columns(rows)]
    networks = answers.shape[1]
    total = int((2 * (answers != class_names[own]).sum(axis=1) > networks).sum())
    name = clean(class_names[own])
    shown = misjudged[(misjudged["split"] == split) & (misjudged["label"] == own)]
    shown = shown.sort_values(["wrong", "image_id"], ascending=[False, True]).head(MOST)
    cards = [
        Card(
            image_id=clean(row["image_id"]),
            picture=thumbnail(row["image_bytes"]),
            given=name,
            final="",
            scores=[],
            caption="",
            reason=f"taken for {_said(answers.loc[row['image_id']])}",
            counterpart="",
            counterpart_picture=None,
        )
        for row in shown.to_dict("records")
    ]
    title = f"{name} that most networks get wrong, {place}"
    return _gallery(own, "wrong", title, "what the networks say", "those first that the most do", total, cards)


def _said(answers: pd.Series) -> str:
    """What networks say of an image: `owl`, or `owl (2 of 3) and cat (1 of 3)`."""
    counts = answers.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    if len(answers) == 1:
        return clean(counts.index[0])
    return listed([f"{clean(name)} ({count} of {len(answers)})" for name, count in counts.items()])


def _kept(ledger: pd.DataFrame, images: pd.DataFrame, own: int, *, class_names: list[str]) -> Gallery:
    """Images kept for training whose label is least likely."""
    rows = np.flatnonzero(training_rows(ledger, own) & (ledger["action"] == "keep").to_numpy())
    quality = ledger["label_quality_score"].to_numpy(dtype=np.float64)
    shown = rows[np.argsort(quality[rows], kind="stable")][:MOST]
    words = dict(enumerate(class_names)) | {own: "the same", -1: "none"}
    cards = [
        replace(
            card,
            reason=f"quality {_two_digits(quality[row])}, suggested: {words[int(ledger['suggested_label'].iloc[row])]}",
        )
        for row, card in zip(shown, make_cards(shown, ledger, images, class_names=class_names), strict=True)
    ]
    title = f"Kept for training as {class_names[own]}"
    return _gallery(own, "kept", title, "quality of the label", "the least likely labels first", len(rows), cards)


def _two_digits(quality: float) -> str:
    return "-" if np.isnan(quality) else f"{quality:.2f}"


def _relabelled(ledger: pd.DataFrame, images: pd.DataFrame, own: int, other: int, *, class_names: list[str]) -> Gallery:
    """Images relabelled from one of the two to the other."""
    rows = np.flatnonzero(swapped(ledger, own, other) | swapped(ledger, other, own))
    shown = np.sort(np.random.default_rng(0).permutation(rows)[:MOST])
    cards = make_cards(shown, ledger, images, class_names=class_names)
    title = f"Relabelled between {class_names[own]} and {class_names[other]}"
    return _gallery(own, "relabelled", title, "label as it came → new label", "drawn at random", len(rows), cards)
