"""Runs against a reference: differences, tests, and a sentence each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from winnow.compare.align_predictions import Pair, correct_by_seed, pair
from winnow.compare.paired_tests import MOST_SEEDS, Difference, class_differences, mcnemar, paired_difference
from winnow.compare.seed_spread import SeedSpread, image_weights, seed_spread


@dataclass(frozen=True)
class Comparison:
    """One run against the reference.

    Attributes:
        names: of the reference and of the run.
        scores: their balanced accuracies on the images they share, means over seeds.
        difference: the run minus the reference.
        classes: a row per class: `class`, `images`, `first`, `second`, `difference`, `low`, `high`; intervals over
            images, not over seeds.
        tests: McNemar's test of the first seeds, of the second, ...: images that only the reference got right, that
            only the run did, and p.
        seeds: how many each has.
        images: how many they share, how many the reference has, how many the run has.
        spread: between seeds, as it was assumed.
    """

    names: tuple[str, str]
    scores: tuple[float, float]
    difference: Difference
    classes: pd.DataFrame
    tests: list[tuple[int, int, float]]
    seeds: tuple[int, int]
    images: tuple[int, int, int]
    spread: SeedSpread


def compare(
    reference: pd.DataFrame,
    others: Sequence[pd.DataFrame],
    *,
    names: Sequence[str],
    like: Sequence[pd.DataFrame] = (),
    error_rate: float = 0.05,
    shared_error_rate: bool = True,
) -> list[Comparison]:
    """Compare runs with a reference, on the images that each shares with it.

    Args:
        reference: its rows of a split, as `align_predictions.in_split` returns them.
        others: the same of the other runs.
        names: of the reference and of each of the others.
        like: rows of further runs, which only help to say how far seeds spread.
        error_rate: how often equal runs may be told apart.
        shared_error_rate: whether that is for all comparisons together (Bonferroni: each has its share) or for each.
    """
    frames = _distinct([reference, *others, *like])
    known = [(correct_by_seed(rows), rows["label"].to_numpy(dtype=str)) for rows in frames]
    spread = seed_spread(known)
    level = 1 - error_rate / (len(others) if shared_error_rate else 1)
    return [
        _one(pair(reference, rows, names=(names[0], name)), (names[0], name), spread, level)
        for rows, name in zip(others, names[1:], strict=True)
    ]


def _distinct(frames: Sequence[pd.DataFrame]) -> list[pd.DataFrame]:
    """Each set of networks once: a baseline that all runs of a sweep share must not count once per run."""
    return list({rows.sort_values("image_id").to_csv(index=False): rows for rows in frames}.values())


def _one(both: Pair, names: tuple[str, str], spread: SeedSpread, level: float) -> Comparison:
    difference, low, high = class_differences(both.first, both.second, both.labels, level=level)
    own = both.labels == np.arange(len(both.class_names))[:, None]  # (C, N)
    recalls = [(own * run.mean(axis=0)).sum(axis=1) / own.sum(axis=1) for run in (both.first, both.second)]
    classes = pd.DataFrame(
        {
            "class": both.class_names,
            "images": own.sum(axis=1),
            "first": recalls[0],
            "second": recalls[1],
            "difference": difference,
            "low": low,
            "high": high,
        }
    )
    weights = image_weights(both.labels)
    first, second = (float(run.mean(axis=0) @ weights) for run in (both.first, both.second))
    return Comparison(
        names=names,
        scores=(first, second),
        difference=paired_difference(both.first, both.second, both.labels, spread=spread, level=level),
        classes=classes,
        tests=[mcnemar(one, other) for one, other in zip(both.first, both.second, strict=False)],
        seeds=(len(both.first), len(both.second)),
        images=(len(both.labels), *both.images),
        spread=spread,
    )


def sentence(comparison: Comparison, *, split: str) -> str:
    """The verdict: better, worse or cannot tell, how sure, and what would tell."""
    first, second = comparison.names
    found = comparison.difference
    evidence = (
        f"{points(found.value)} points of balanced accuracy on the {split} set "
        f"({level_of(found.level)} interval {points(found.low)} to {points(found.high)})"
    )
    if found.verdict != "cannot tell":
        return f"{second} is {found.verdict} than {first}: {evidence}."
    if found.value == 0:
        return f"cannot tell {second} from {first}: they reach the same balanced accuracy on the {split} set."
    return f"cannot tell {second} from {first}: {evidence}. {_what_would_tell(comparison)}"


def _what_would_tell(comparison: Comparison) -> str:
    found, seeds = comparison.difference, comparison.seeds
    start = "If the difference is as large as it looks,"
    if found.seeds_needed is None:
        return (
            f"{start} no number of seeds would tell on these {comparison.images[0]} images; it takes about "
            f"{found.images_needed} images."
        )
    if found.seeds_needed > MOST_SEEDS:
        return f"{start} it takes more than {MOST_SEEDS} seeds per run to tell."
    least = "at least " if max(seeds) == 1 else ""
    if found.seeds_needed <= min(seeds):
        return f"{start} as many seeds again would likely tell."
    return f"{start} it takes {least}{found.seeds_needed} seeds per run to tell."


def caveats(comparisons: Sequence[Comparison], *, split: str) -> list[str]:
    """What a reader must know to trust the figures, a sentence each."""
    first = comparisons[0]
    spread = f"{100 * first.spread.std:.1f} points"
    notes = []
    if first.spread.measured_df == 0:
        notes.append(
            f"One seed per run: how far a whole run moves with its seed is unknown here and taken to be {spread} (a "
            "documented default); several train.seeds measure it."
        )
    else:
        notes.append(
            f"Spread of whole runs between seeds, beyond what single images' flips explain: {spread}, from "
            f"{first.spread.measured_df} degrees of freedom measured here."
        )
    for item in comparisons:
        shared, *own = item.images
        if (shared, shared) != tuple(own):
            notes.append(
                f"{item.names[0]} has {own[0]} {split} images and {item.names[1]} has {own[1]}; the {shared} that "
                "they share are compared."
            )
    if len(comparisons) > 1:
        notes.append(
            f"{len(comparisons)} comparisons share the error rate: each interval is one of "
            f"{level_of(first.difference.level)}."
        )
    return notes


def points(value: float) -> str:
    """A difference in percentage points: +1.2."""
    return f"{100 * value:+.1f}"


def percent(value: float) -> str:
    """An accuracy: 91.4%."""
    return f"{100 * value:.1f}%"


def level_of(value: float) -> str:
    """An interval's level: 95%, 99.2%."""
    return percent(value).replace(".0%", "%")
