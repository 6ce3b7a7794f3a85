"""Print a pipeline benchmark's result as the Markdown tables that README.md and docs/benchmarks.md show.

python benchmarks/tables.py benchmarks/results/pipeline-ds801-mobilenetv2.json
"""

import json
import sys
from pathlib import Path

SPLITS = {
    "test": "test set",
    "test_unseen": "test set without near duplicates of training images",
    "validation": "validation set",
}


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python benchmarks/tables.py RESULT.json")
    result = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    if missing := {"config", "changes", "evaluation", "metrics", "stages"} - set(result):
        sys.exit(
            f"{sys.argv[1]} is no result of benchmarks/pipeline.py: it has no {min(missing)}; see docs/benchmarks.md."
        )
    threads = f"{result['threads']} thread{'s' if result['threads'] > 1 else ''}"
    changes = f" with {', '.join(f'`{change}`' for change in result['changes'])}" if result["changes"] else ""
    print(
        f"`{result['config']}`{changes}; {result['machine']}, {threads} of {result['cores']} cores, torch "
        f"{result['torch']}, revision `{result['revision']}`. "
        f"{result.get('remark', '')}\n"
    )
    print(accuracy_table(result["evaluation"]), "\n")
    print(class_table(result["evaluation"]), "\n")
    print(counts_table(result["metrics"]), "\n")
    print(time_table(result["stages"]))


def accuracy_table(evaluation: dict) -> str:
    arms, splits = (
        ("baseline", "submission"),
        [split for split in SPLITS if split in evaluation["baseline"]],
    )
    rows = [
        [f"{SPLITS[split]} ({evaluation['baseline'][split]['images']} images)"]
        + [_over_seeds(evaluation[arm][split]) for arm in arms]
        + [f"{100 * evaluation['improvement'][split]:+.2f} points"]
        for split in splits
    ]
    return table(["balanced accuracy", "baseline", "submission", "difference"], rows)


def _over_seeds(figures: dict) -> str:
    spread = f" ± {100 * figures['balanced_accuracy_std']:.2f}" if "balanced_accuracy_std" in figures else ""
    return f"{figures['balanced_accuracy']:.2%}{spread}"


def class_table(evaluation: dict) -> str:
    split = "test" if "test" in evaluation["baseline"] else "validation"
    before, after = (evaluation[arm][split]["per_class"] for arm in ("baseline", "submission"))
    rows = [[name, f"{before[name]:.1%}", f"{after[name]:.1%}"] for name in before]
    return table([f"class, on the {split} set", "baseline", "submission"], rows)


def counts_table(metrics: dict) -> str:
    curate, submission = metrics["curate"], metrics["submission"]
    rows = [
        ["images in", f"{curate['images']:,}"],
        ["kept, relabelled, dropped", ", ".join(f"{curate[action]:,}" for action in ("keep", "relabel", "drop"))],
        [
            "dropped or relabelled as",
            ", ".join(f"{rule} {n:,}" for rule, n in curate["rules"].items() if rule != "keep"),
        ],
        ["validation set", f"{submission['validation_images']:,}"],
        ["training set", f"{submission['training_images']:,}, {metrics['augment']['originals']:,} of them originals"],
        ["rules of the linter", f"{submission['rules_passed']} hold, {submission['rules_broken']} broken"],
    ]
    return table(["what", "how many"], rows)


def time_table(stages: dict) -> str:
    rows = [[f"`{name}`", f"{stage['seconds']:.1f}", f"{stage['peak_mb']:,}"] for name, stage in stages.items()]
    rows.append(["all stages", f"{sum(stage['seconds'] for stage in stages.values()):.1f}", ""])
    return table(["stage", "seconds", "peak memory, MB"], rows)


def table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
