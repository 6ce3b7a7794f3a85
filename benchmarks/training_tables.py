"""Print results of `training.py` and `augmentation.py` as the Markdown tables that docs/benchmarks.md shows.

python benchmarks/training_tables.py benchmarks/results/training-cpu.json benchmarks/results/augmentation-ds801.json
"""

import json
import sys
from pathlib import Path

import numpy as np

from augmentation import REFERENCE
from tables import table
from winnow.filtering.compare import with_interval


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit("usage: python benchmarks/training_tables.py RESULT.json ...")
    for name in sys.argv[1:]:
        result = json.loads(Path(name).read_text(encoding="utf-8"))
        threads = f"{result['threads']} thread{'s' if result['threads'] > 1 else ''} of {result['cores']} cores"
        print(f"{result['machine']}, {threads}, torch {result['torch']}, revision `{result['revision']}`.\n")
        print({"training": throughput, "augmentation": steps}[result["benchmark"]](result), "\n")


def throughput(result: dict) -> str:
    plain = next(way for way in result["ways"] if way["way"].startswith("plain"))["images_per_second"]
    rows = [
        [
            way["way"],
            f"{way['images_per_second']:,.0f}",
            f"{way['images_per_second'] / plain:.2f}",
            f"{way['seconds']:.0f} for {way['epochs']} epochs" if "seconds" in way else "",
        ]
        for way in result["ways"]
    ]
    head = ["ResNet-34 at 64 x 64", "images per second", "times the plain loop", "seconds with decoding and validation"]
    return table(head, rows)


def steps(result: dict) -> str:
    rows = []
    for row in result["means"]:
        spread = f" ± {100 * row['standard_deviation']:.2f}" if row["standard_deviation"] is not None else ""
        rows.append(
            [
                row["variant"],
                row["recipe"],
                f"{row['images']:,}",
                str(row["seeds"]),
                f"{100 * row['balanced_accuracy']:.2f}{spread}",
                f"{100 * row['validation_balanced_accuracy']:.2f}",
                *(over_reference(result["runs"], row, score) for score in ("", "validation_")),
            ]
        )
    head = ["training set", "recipe", "images", "seeds", "balanced accuracy on test, %", "on validation, %"]
    text = table([*head, f"over '{REFERENCE}', test", "validation"], rows)
    if result.get("rank_correlation") is not None:
        text += f"\n\nSpearman's rank correlation of the recipes over the variants: {result['rank_correlation']:.2f}."
    return text


def over_reference(runs: list[dict], row: dict, score: str) -> str:
    """Points by which a variant is better than the reference of the same seeds, with the 95 % interval."""
    own, reference = (
        {
            run["seed"]: 100 * run[f"{score}balanced_accuracy"]
            for run in runs
            if run["variant"] == variant and run["recipe"] == row["recipe"]
        }
        for variant in (row["variant"], REFERENCE)
    )
    both = sorted(set(own) & set(reference))
    if row["variant"] == REFERENCE or len(both) < 2:
        return ""
    value, low, high = with_interval(np.array([own[seed] - reference[seed] for seed in both]))
    return f"{value:+.1f} [{low:+.1f}, {high:+.1f}]"


if __name__ == "__main__":
    main()
