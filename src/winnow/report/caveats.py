"""What did not work and what the numbers do not show, in sentences made from the numbers."""

from typing import Any

import pandas as pd

from winnow.curation.rules import findings
from winnow.report.formatting import counted, listed, number, percent, points
from winnow.report.results import Results


def find_limits(
    metrics: dict[str, dict[str, Any]], results: Results, *, classes: pd.DataFrame, per_class: int, class_floor: int
) -> list[str]:
    """Sentences, the most important first.

    Args:
        metrics: by name, as the stages wrote them.
        results: of both arms.
        classes: `class`, `final`, `training` and `validation`, counts of images per class.
        per_class: images per class that the validation set was meant to have.
        class_floor: of `curate`.
    """
    said = []
    table = results.classes.assign(gain=results.classes["submission"] - results.classes["baseline"])
    worse = table[table["gain"] < 0].sort_values("gain", kind="stable")
    if len(worse):
        names = [f"{name} ({points(gain)})" for name, gain in zip(worse["class"], worse["gain"], strict=True)]
        said.append(f"{counted(len(worse), 'class', 'classes')} lost accuracy, in points: {listed(names)}.")
    weak = table[table["submission"] < 0.5].sort_values("submission", kind="stable")
    if len(weak):
        names = [f"{name} ({percent(value)})" for name, value in zip(weak["class"], weak["submission"], strict=True)]
        said.append(f"Below half right after all the cleaning: {listed(names)}.")
    if results.comparison.difference.verdict == "cannot tell":
        said.append("The interval holds zero: these runs do not tell whether the cleaning helped.")
    if results.seeds == 1:
        said.append("One network per arm: the interval assumes how far seeds spread, and does not measure it.")
    said += _of_detectors(metrics)
    leaks = metrics["evaluation"].get("test_leaks", 0)
    if leaks:
        without = (
            "the accuracy without them is given beside the other"
            if (results.accuracies["split"] == "test_unseen").any()
            else "none is left without them, so the figures prove nothing"
        )
        said.append(
            f"{counted(leaks, 'test image')} nearly repeat{'s' if leaks == 1 else ''} a training image; {without}."
        )
    if results.split == "validation":
        said.append("There is no test set: both arms are judged by the validation set, which winnow chose itself.")
    short = classes[classes["validation"] < per_class]
    if len(short):
        names = [f"{name} ({number(count)})" for name, count in zip(short["class"], short["validation"], strict=True)]
        said.append(f"The validation set has fewer than the {number(per_class)} images wanted of {listed(names)}.")
    if not metrics["validation_set"].get("seen_by_people", 0):
        said.append(
            "Nobody has looked through the validation set: its labels are right as far as the detectors can tell."
        )
    under = classes[classes["final"] < class_floor]
    if len(under):
        said.append(f"Under the floor of {counted(class_floor, 'image')} per class: {listed(under['class'].tolist())}.")
    if len(classes) and classes["training"].min() < classes["training"].max() * 0.9:
        least = classes.iloc[int(classes["training"].argmin())]
        said.append(
            f"The training set is not quite balanced: {number(least['training'])} images of {least['class']} against "
            f"{number(classes['training'].max())} of the largest class, as copies of an image are capped."
        )
    return said


def _of_detectors(metrics: dict[str, dict[str, Any]]) -> list[str]:
    card = metrics["scorecard"]
    if not card:
        words = "There is no truth file, so how many faults were missed is not known"
        check = metrics.get("self_check", {})
        if check.get("enabled"):
            return [f"{words}; the self-check's planted faults give upper bounds."]
        return [f"{words}; the self-check (self_check.enabled) would estimate it."]
    said = []
    for key, words in ((finding.target.key, finding.target.faulty) for finding in findings()):
        if f"{key}.false_negatives" in card:
            missed, wrong = card[f"{key}.false_negatives"], card[f"{key}.false_positives"]
            there = card[f"{key}.true_positives"] + missed
            if missed or wrong:
                said.append(
                    f"Of {number(there)} {words} {number(missed)} were missed, and {counted(wrong, 'image')} "
                    f"{'was' if wrong == 1 else 'were'} taken for one wrongly."
                )
    return said
