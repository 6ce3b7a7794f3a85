"""The steps of the competition's table as a picture: docs/figures/competition-waterfall.png.

    python benchmarks/competition_waterfall.py

Of `benchmarks/results/competition.json` alone: nothing is trained. Unfinished rows are left out.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from winnow.experiments.waterfall import write_waterfall

ROOT = Path(__file__).resolve().parents[1]
STEPS: dict[str, tuple[str | None, str]] = {
    "raw": (None, "as released"),
    "hydra": ("raw", "less what HyDRA's rule drops"),
    "label-issues": ("raw", "label issues dropped or relabelled"),
    "label-issues+random": ("label-issues", "+ random copies to 9,150"),
    "label-issues+random+drawn": ("label-issues+random", "+ epoch by 200 images of both splits,\ncopies to 9,750"),
    "rounds+faa2+drawn+edges": (
        "label-issues+random+drawn",
        "two rounds, searched copies and\nmore of edge cases in their place",
    ),
    "oracle+random+drawn": ("label-issues+random+drawn", "one person's audit\nin place of label issues"),
    "full": ("raw", "all, as the paper has it,\nepoch by val/"),
}
"""By the table's name of a row: the row that it is measured against, and what it changes."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", default=ROOT / "benchmarks/results/competition.json", type=Path)
    parser.add_argument("--out", default=ROOT / "docs/figures/competition-waterfall.png", type=Path)
    arguments = parser.parse_args()
    rows = steps(json.loads(arguments.results.read_text(encoding="utf-8"))["rows"])
    write_waterfall(
        rows,
        [arguments.out],
        title="The competition's network, part by part",
        split="half of the hidden test",
        score="accuracy",
        whiskers="95 % interval of the row",
    )


def steps(results: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows for `write_waterfall`, of those that are finished.

    A whisker is the row's own interval, as the table has it: over images, and over seeds where there are several. Two
    rows are told apart only if their intervals do not meet, which is stricter than a test of pairs.
    """
    rows: list[dict[str, Any]] = []
    for name, (over, label) in STEPS.items():
        if "accuracy" not in results.get(name, {}) or (over is not None and "accuracy" not in results.get(over, {})):
            continue
        row, seeds = results[name], len(results[name]["finished"])
        step = None if over is None else _step(row, results[over])
        note = f", {seeds} seeds" if seeds > 1 else ", one seed"
        rows.append(
            {"name": name, "label": label, "over": over, "accuracy": row["accuracy"], "step": step, "note": note}
        )
    return rows


def _step(row: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    start, (low, high), (under, above) = over["accuracy"], row["accuracy_interval"], over["accuracy_interval"]
    verdict = "better" if low > above else "worse" if high < under else "cannot tell"
    return {"value": row["accuracy"] - start, "low": low - start, "high": high - start, "verdict": verdict}


if __name__ == "__main__":
    main()
