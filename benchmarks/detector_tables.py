"""Print the detectors' benchmarks as the Markdown tables of docs/benchmarks.md.

python benchmarks/detector_tables.py benchmarks/results/detectors.json benchmarks/results/scoring-cost.json
"""

import json
import sys
from pathlib import Path

from tables import table

DATASETS = {
    "sample": "sample",
    "cifar10n-aggregate": "CIFAR-10N aggregate",
    "cifar10n-worst": "CIFAR-10N worst",
    "roman-numerals": "Roman numerals",
    "ds801": "DS801",
    "cifar10n-aggregate-finetuned": "CIFAR-10N aggregate, finetuned",
    "cifar10n-worst-finetuned": "CIFAR-10N worst, finetuned",
    "roman-numerals-trained": "Roman numerals, trained",
}


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit("usage: python benchmarks/detector_tables.py detectors.json scoring-cost.json")
    detectors, cost = (json.loads(Path(name).read_text(encoding="utf-8")) for name in sys.argv[1:])
    for result in (detectors, cost):
        threads = f"{result['threads']} thread{'s' if result['threads'] > 1 else ''}"
        print(f"{result['machine']}, {threads} of {result['cores']} cores, revision `{result['revision']}`.\n")
        print(
            *(cost_tables(result) if "winnow" in result else found_tables(result["datasets"])), sep="\n\n", end="\n\n"
        )


def found_tables(datasets: dict) -> list[str]:
    """Label errors by a frozen encoder, and by the dataset's own; what corrected labels are worth; outliers."""
    judged = [name for name in DATASETS if "f1" in datasets.get(name, {}).get("labels", {}).get("winnow", {})]
    outliers = [name for name in DATASETS if "auroc" in datasets.get(name, {}).get("ood", {}).get("winnow", {})]
    worth = [
        name for name in DATASETS if "probe_accuracy" in datasets.get(name, {}).get("labels", {}).get("winnow", {})
    ]
    own = [name for name in judged if name.endswith(("-finetuned", "-trained"))]
    judged = [name for name in judged if name not in own]
    return [
        compared(datasets, "labels", [(name, key) for name in judged for key in ("f1", "average_precision")]),
        compared(datasets, "labels", [(name, key) for name in own for key in ("f1", "average_precision", "auroc")]),
        compared(
            datasets,
            "labels",
            [
                (name, key)
                for name in worth
                for key in ("probe_accuracy", "curated_probe_accuracy", "conflicts_resolved")
            ],
        ),
        compared(datasets, "ood", [(name, key) for name in outliers for key in ("auroc", "average_precision", "f1")]),
    ]


def compared(datasets: dict, what: str, columns: list[tuple[str, str]]) -> str:
    """A row per method, the best of each column in bold."""
    methods = list(dict.fromkeys(method for name, _ in columns for method in datasets[name][what]))
    values = {method: [datasets[name][what].get(method, {}).get(key) for name, key in columns] for method in methods}
    best = [max(row[at] for row in values.values() if row[at] is not None) for at in range(len(columns))]
    words = {"f1": "F1", "average_precision": "AP", "auroc": "AUROC"}
    head = [f"{DATASETS[name]}, {words.get(key, key.replace('_', ' '))}" for name, key in columns]
    rows = [
        [
            method,
            *(
                "" if x is None else f"**{x:.3f}**" if x == top else f"{x:.3f}"
                for x, top in zip(row, best, strict=True)
            ),
        ]
        for method, row in values.items()
        if any(x is not None for x in row)
    ]
    return table(["", *head], rows)


def cost_tables(result: dict) -> list[str]:
    """Seconds by size and part, and Datalab's beside them."""
    sizes = result["winnow"]
    parts = [key for key in next(iter(sizes.values())) if key not in ("seconds", "peak_gb")]
    rows = [
        [
            f"{int(size):,}",
            *(f"{row[part]:.1f}" for part in parts),
            f"{row['seconds']:.1f}",
            f"{1000 * row['seconds'] / int(size):.2f}",
            f"{row['peak_gb']:.2f}",
        ]
        for size, row in sorted(sizes.items(), key=lambda item: int(item[0]))
    ]
    head = ["images", *(f"`{part}`" for part in parts), "seconds", "ms per image", "peak GB"]
    (size, lab), *_ = result["datalab"].items()
    said = (
        f"cleanlab's Datalab at its defaults on the same {int(size):,} images in the same run: "
        f"{lab['find_issues']:.1f} s "
        f"after {lab['crossval_pred_probs']:.1f} s for the probabilities that it is given; "
        f"winnow's label and outlier scores after the same probabilities: "
        f"{sizes[size]['find_label_issues'] + sizes[size]['score_ood']:.1f} s."
    )
    return [table(head, rows), said]


if __name__ == "__main__":
    main()
