"""Print the benchmark of planted flips as the Markdown tables of docs/benchmarks.md.

python benchmarks/flip_tables.py benchmarks/results/planted-flips.json
"""

import json
import sys
from pathlib import Path

import numpy as np

from tables import table

FIGURES = {
    "f1": "F1",
    "auroc": "AUROC",
    "average_precision": "AP",
    "right_suggestions": "right suggestions",
}


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python benchmarks/flip_tables.py planted-flips.json")
    result = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    print(f"{result['machine']}, {result['threads']} thread of {result['cores']} cores.\n")
    for count, measured in result["training_images"].items():
        for draws in comparable(measured):
            print(f"{int(count):,} training images and the 500 verified ones, means over {len(draws)} draws:\n")
            print(*(method_table(draws), feature_table(draws), curated_table(draws)), sep="\n\n", end="\n\n")


def comparable(draws: dict[str, dict]) -> list[list[dict]]:
    """Draws with the sets of features that all of them have, so that every mean in a table is over the same flips: for
    the most draws that have two sets or more in common, then for fewer, which have more."""
    having: dict[str, frozenset[str]] = {}
    for name in (name for draw in draws.values() for name in draw):
        having[name] = frozenset(number for number, draw in draws.items() if name in draw)
    found = []
    for numbers in sorted(set(having.values()), key=len, reverse=True):
        names = [name for name, by in having.items() if numbers <= by]
        if len(names) > 1:
            found.append([{name: draws[number][name] for name in names} for number in sorted(numbers)])
    return found


def method_table(draws: list[dict]) -> str:
    """Every method on every set of features."""
    rows = []
    for features in draws[0]:
        runs = [draw[features]["methods"] for draw in draws]
        for method in runs[0]:
            values = [f"{mean(run[method][figure] for run in runs):.3f}" for figure in FIGURES]
            rows.append([features, method, *values])
    return table(["features", "method", *FIGURES.values()], rows)


def feature_table(draws: list[dict]) -> str:
    """What is known without a truth, and the outliers, by set of features."""
    rows = []
    for features in draws[0]:
        runs = [draw[features] for draw in draws]
        rows.append(
            [
                features,
                f"{mean(run['log_loss'] for run in runs):.4f}",
                f"{mean(run['channel_log_loss'] for run in runs):.4f}",
                f"{mean(run['ood']['auroc'] for run in runs):.4f}",
                f"{mean(run['ood_by_these_features']['auroc'] for run in runs):.4f}",
                f"{mean(run['ood']['verified_flagged'] for run in runs):.1%}",
            ]
        )
    head = [
        "features",
        "held-out log-loss",
        "through the noise channel",
        "outliers, AUROC",
        "outliers by these features",
        "verified images flagged",
    ]
    return table(head, rows)


def curated_table(draws: list[dict]) -> str:
    """What `curate` leaves of the 500 by its thresholds, on the features that other methods were measured on too."""
    rows = []
    for features in draws[0]:
        runs = [draw[features] for draw in draws]
        if len(draws[0][features]["methods"]) == 1:
            continue
        runs = [run["curated"] for run in runs]
        for at, cut in enumerate(runs[0]):
            rows.append(
                [
                    features,
                    f"{cut['relabel_confidence']}",
                    str(cut["relabel_sources"]),
                    f"{cut.get('doubtful_share', 0.0)}",
                    f"{mean(run[at]['kept'] for run in runs):.0f}",
                    f"{mean(run[at]['label_accuracy'] for run in runs):.3f}",
                ]
            )
    return table(
        ["features", "relabel_confidence", "relabel_sources", "doubtful_share", "kept", "label accuracy"], rows
    )


def mean(values) -> float:
    return float(np.mean(list(values)))


if __name__ == "__main__":
    main()
