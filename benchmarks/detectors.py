"""Measure the detectors against others on the same features, where the truth is known.

    dvc repro                                        # the sample's features
    python benchmarks/detectors.py --shared ../shared

Writes `benchmarks/results/detectors.json` and two figures per dataset to `docs/figures/`. Needs the `bench` dependency
group (`pip install --group bench`): cleanlab[datalab] and hdbscan. Datasets that are missing are left out, and said so.
Names that end in `-finetuned`, `-trained` or a loss of `trained` are no part of it by default: with networks that learn
from the dataset's own labels, `finetuned` beside the frozen one (an hour and a half of one core each, or minutes of a
GPU), or small ones.
"""

import argparse
import importlib.util
from pathlib import Path

import numpy as np
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score, roc_auc_score

from detection_data import Dataset, datasets
from detection_figures import precision_recall, score_histogram
from detection_methods import L2, Found, methods
from machine import machine
from result_file import shared_result
from winnow.learn.probe import LinearProbe, others_of

ROOT = Path(__file__).resolve().parents[1]
NAMES = ["sample", "roman-numerals", "ds801", "cifar10n-aggregate", "cifar10n-worst"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", default="../shared", type=Path, help="folder with data/ and encoders/")
    parser.add_argument("--cache", default=".winnow/bench", type=Path, help="where features are kept")
    parser.add_argument("--datasets", default=",".join(NAMES), help="which, comma-separated")
    parser.add_argument("--without-datalab", action="store_true", help="where cleanlab[datalab] is not to be had")
    parser.add_argument("--out", default=ROOT / "benchmarks/results/detectors.json", type=Path)
    parser.add_argument("--figures", default=ROOT / "docs/figures", type=Path)
    arguments = parser.parse_args()
    if importlib.util.find_spec("hdbscan") is None:
        raise SystemExit("this needs hdbscan; install it with 'pip install --group bench'")
    arguments.figures.mkdir(parents=True, exist_ok=True)

    for data in datasets(arguments.datasets.split(","), arguments.shared, arguments.cache):
        row = measured(data, arguments.figures, with_datalab=not arguments.without_datalab)
        with shared_result(arguments.out) as result:  # after each, so that a kill loses one dataset
            result.update(machine() | result)
            result.setdefault("datasets", {})[data.name] = row


def measured(data: Dataset, figures: Path, *, with_datalab: bool) -> dict:
    """Figures of every method on one dataset."""
    told = {key: machine()[key] for key in ("machine", "revision")}
    rows: dict = {"images": len(data.labels), **told, "labels": {}, "ood": {}}
    curves: dict[str, dict[str, np.ndarray]] = {"labels": {}, "ood": {}}
    for what, name, found in methods(data, with_datalab=with_datalab):
        truth = data.is_label_error if what == "labels" else data.is_ood
        row = {"seconds": round(found.seconds, 2)}
        if truth is not None and name != "as given":
            row |= ranking(truth, found)
            curves[what][name] = found.score
        if what == "labels" and found.corrected is not None and data.clean_features is not None:
            row |= probe_on(data, found.corrected, "probe") | {"conflicts_resolved": resolved(data, found.corrected)}
            if found.curated is not None:
                row |= probe_on(data, found.curated, "curated_probe")
        rows[what][name] = {key: round(float(value), 4) for key, value in row.items()}
        print(data.name, what, name, rows[what][name], flush=True)
    for what, truth in (("labels", data.is_label_error), ("ood", data.is_ood)):
        if truth is not None:
            known = ~np.isnan(truth)
            scores = {name: score[known] for name, score in curves[what].items()}
            precision_recall(truth[known] == 1, scores, figures / f"{data.name}-{what}-precision-recall.png")
            score_histogram(truth[known] == 1, scores["winnow"], what, figures / f"{data.name}-{what}-scores.png")
    return rows


def ranking(truth: np.ndarray, found: Found) -> dict[str, float]:
    """AUROC and average precision of the score, and F1 of what was flagged, over the images whose truth is known."""
    known = ~np.isnan(truth)
    bad, score = truth[known] == 1, found.score[known]
    row = {"auroc": roc_auc_score(bad, score), "average_precision": average_precision_score(bad, score)}
    if found.flagged is not None:
        flagged = found.flagged[known]
        row |= {
            "f1": f1_score(bad, flagged),
            "precision": precision_score(bad, flagged, zero_division=0),
            "recall": recall_score(bad, flagged),
        }
    return row


def probe_on(data: Dataset, labels: np.ndarray, name: str) -> dict[str, float]:
    """What labels are worth: the accuracy on the clean test set of a probe on all directions of the features that
    learns from them, every class counting alike. Its penalty is the one of the best held-out likelihood. An image with
    the label -1 is left out."""
    num_classes, tested = len(data.class_names), len(data.clean_labels)
    rows = np.flatnonzero(labels >= 0)
    labels, fold, row = labels[rows], np.arange(len(rows)) % 5, np.arange(len(rows))
    probe = LinearProbe(np.concatenate([data.features[rows], data.clean_features]), directions=data.features.shape[1])
    target = np.eye(num_classes, dtype=np.float32)[np.concatenate([labels, np.zeros(tested, dtype=np.int64)])]
    size = np.maximum(np.bincount(labels, minlength=num_classes), 1)
    weight = np.concatenate([1 / size[labels], np.zeros(tested)]).astype(np.float32)
    judged = np.concatenate([others_of(fold), np.zeros((tested, 5), dtype=bool)]) * weight[:, None]
    likelihood, weights = {}, None
    for l2 in sorted(L2, reverse=True):
        weights = probe.fit(target, judged, l2=l2, start=weights)
        held_out = probe.predict(weights)[row, fold, labels]
        likelihood[l2] = (weight[row] * np.log(np.maximum(held_out, 1e-30))).sum()
    l2 = max(likelihood, key=likelihood.__getitem__)
    predicted = probe.predict(probe.fit(target, weight[:, None], l2=l2))[-tested:, 0].argmax(axis=1)
    return {
        f"{name}_images": len(rows),
        f"{name}_l2": l2,
        f"{name}_accuracy": (predicted == data.clean_labels).mean(),
    }


def resolved(data: Dataset, corrected: np.ndarray) -> float:
    """Share of the groups of copies with different labels that end with one."""
    conflicting = several_labels(data.groups, data.labels)
    still = several_labels(data.groups, corrected)
    return 1 - (still & conflicting).sum() / max(conflicting.sum(), 1)


def several_labels(groups: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(G,) bool: groups whose members' labels differ."""
    _, group = np.unique(groups, return_inverse=True)
    highest = np.full(group.max() + 1, -1)
    lowest = np.full(group.max() + 1, np.iinfo(np.int64).max)
    np.maximum.at(highest, group, labels)
    np.minimum.at(lowest, group, labels)
    return highest != lowest


if __name__ == "__main__":
    main()
